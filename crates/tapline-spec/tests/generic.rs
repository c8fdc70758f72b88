//! Templates: the operator describes the request, and is told what is wrong with that.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::fs;
use std::path::Path;

use tapline_spec::{Diagnostic, PaginationPlan, Param, Params, Planned, check, plan};

fn template(given: &[(&str, &str)]) -> Result<Planned, Vec<Diagnostic>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../specs")
        .join(GENERIC);
    let document = check(&fs::read_to_string(path).unwrap()).document.unwrap();
    let given = given
        .iter()
        .map(|(name, value)| (*name, Param::Plain((*value).to_owned())));
    let given: Params = given.collect();
    plan(&document, "reports", Some("Basic Authentication"), &given)
}

#[track_caller]
fn refused(given: &[(&str, &str)], expected: &[&str]) {
    let errors = template(given).unwrap_err();
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(said, expected);
}

const GENERIC: &str = "adobe/connectionSpec.generic-rest-template.create-md.json";

const OPERATOR: &[(&str, &str)] = &[
    ("host", "https://api.example.com"),
    ("username", "u"),
    ("password", "p"),
    (
        "urlParams",
        r#"{"path": "/reports", "method": "get", "queryParams": {"by": "${username}"}}"#,
    ),
    ("headerParams", r#"{"Accept": "application/json"}"#),
    (
        "contentPath",
        r#"{"path": "$.emails", "overrideWrapperAttribute": "email"}"#,
    ),
    ("explodeEntityPath", r#"{"path": "$.email.activity"}"#),
    (
        "paginationParams",
        r#"{"type": "OFFSET", "limitName": "count", "limitValue": 10, "offsetName": "offset"}"#,
    ),
    (
        "scheduleParams",
        r#"{"scheduleStartParamName": "since", "scheduleEndParamName": "before"}"#,
    ),
];

fn with<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut given = OPERATOR.to_vec();
    given.retain(|(known, _)| *known != name);
    given.push((name, value));
    given
}

#[test]
fn an_operator_describes_the_request_of_a_template() {
    let method = r#"{"path": "/reports", "method": "GET", "queryParams": {"by": "${username}"}}"#;
    let given = with("urlParams", method);
    let plan = template(&given).unwrap().plan;
    assert_eq!(plan.request.path.to_string(), "/reports");
    assert_eq!(plan.request.host.to_string(), "${host}");
    assert_eq!(plan.request.query[0].1.to_string(), "${username}");
    assert_eq!(plan.request.headers[0].0, "accept");
    assert_eq!(plan.content.wrapper.as_deref(), Some("email"));
    assert_eq!(plan.explode.unwrap().keys, ["activity"]);
    assert!(matches!(
        plan.pagination,
        PaginationPlan::Offset { limit: 10, .. }
    ));
    assert_eq!(plan.schedule.unwrap().start.unwrap().name, "since");
}

#[test]
fn what_an_operator_describes_is_judged_like_a_spec() {
    let url = r#"{"path": "/a", "method": "GET"}"#;
    let check = |name: &str, value: &str, expected: &[&str]| {
        let mut given = with(name, value);
        if name != "urlParams" {
            given.retain(|(known, _)| *known != "urlParams");
            given.push(("urlParams", url));
        }
        refused(&given, expected);
    };
    check(
        "paginationParams",
        r#"{"type": "OFFSET", "limitName": "count", "limitValue": 0, "offsetname": "o"}"#,
        &[
            "error[E-parameter]: the parameter `paginationParams`, at `limitValue`: `limitValue` must be at least 1",
            "error[E-parameter]: the parameter `paginationParams`, at `offsetname`: unknown key `offsetname`; did you mean `offSetName`?",
        ],
    );
    check(
        "contentPath",
        r#"{"path": "$.a["}"#,
        &[
            "error[E-parameter]: the parameter `contentPath`, at `path`: `$.a[` is not a path: `]` is missing; write `$.a.b`, `$['a b']` or `$.a[0]`",
        ],
    );
    check(
        "urlParams",
        r#"{"path": "/${nothing}", "method": "GET"}"#,
        &[
            "error[E-parameter]: the parameter `urlParams`, at `path`: `${nothing}` is declared neither in `spec.properties` nor in an `authSpec`; known: accessToken, accessTokenUrl, authorizationTestUrl, clientId, clientSecret, contentPath, expirationDate, explodeEntityPath, headerParams, host, paginationParams, password, refreshToken, requestParameterOverride, scheduleParams, urlParams, username",
        ],
    );
    let lacking: Vec<_> = OPERATOR
        .iter()
        .copied()
        .filter(|(name, _)| *name != "urlParams")
        .collect();
    refused(
        &lacking,
        &["error[E-missing-parameter]: the parameter `urlParams` is missing"],
    );
}
