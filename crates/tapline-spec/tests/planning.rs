//! From documents to plans: what each key comes to mean, and what cannot be planned.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::fs;
use std::path::Path;

use tapline_spec::{
    AuthPlan, BodyPlan, Boundary, ColumnKind, ConnectorDocument, CursorType, ExplodePlan,
    IncrementalPlan, LastPagePlan, PaginationPlan, Param, Params, PartitionSource, Plan, Planned,
    RatePlan, RecordOrder, RuleAction, Siblings, TokenLocation, TokenPlan, check, plan,
};

fn load(file: &str) -> ConnectorDocument {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../specs")
        .join(file);
    read(&fs::read_to_string(path).unwrap())
}

fn read(text: &str) -> ConnectorDocument {
    let checked = check(text);
    let said: Vec<String> = checked
        .diagnostics
        .iter()
        .map(ToString::to_string)
        .collect();
    checked.document.unwrap_or_else(|| panic!("{said:#?}"))
}

fn params(pairs: &[(&str, &str)]) -> Params {
    pairs
        .iter()
        .map(|(name, value)| (*name, Param::Plain((*value).to_owned())))
        .collect()
}

fn planned(file: &str, stream: &str, auth: Option<&str>, given: &[(&str, &str)]) -> Planned {
    plan(&load(file), stream, auth, &params(given)).unwrap()
}

#[track_caller]
fn refused(
    file: &str,
    stream: &str,
    auth: Option<&str>,
    given: &[(&str, &str)],
    expected: &[&str],
) {
    let errors = plan(&load(file), stream, auth, &params(given)).unwrap_err();
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(said, expected);
}

const MEMBERS: &[(&str, &str)] = &[("domain", "us1"), ("password", "pw"), ("listId", "1")];

#[test]
fn a_whole_stream() {
    let Planned { plan, params } = planned("valid/members.json", "members", None, MEMBERS);
    assert_eq!(
        (plan.connector.as_str(), plan.stream.as_str()),
        ("mailchimp", "members")
    );
    assert_eq!(
        plan.request.host.to_string(),
        "https://${domain}.api.mailchimp.com"
    );
    assert_eq!(
        plan.request.path.to_string(),
        "/3.0/lists/${listId}/members"
    );
    let query: Vec<String> = plan
        .request
        .query
        .iter()
        .map(|(n, v)| format!("{n}={v}"))
        .collect();
    // `status` is optional and was not given.
    assert_eq!(query, ["fields=members,total_items", "archived=false"]);
    assert_eq!(plan.request.headers[0].0, "accept");
    assert_eq!(
        plan.auth,
        AuthPlan::Basic {
            username: "username".to_owned(),
            password: "password".to_owned()
        }
    );
    assert_eq!(plan.content.wrapper, None);
    assert_eq!(plan.content.siblings.skip, ["_links"]);
    assert_eq!(plan.total.unwrap().to_string(), "$.total_items");
    let columns: Vec<(&str, ColumnKind)> = plan
        .columns
        .iter()
        .map(|c| (c.name.as_str(), c.kind))
        .collect();
    assert_eq!(
        columns,
        [
            ("total_items", ColumnKind::Integer),
            ("id", ColumnKind::String),
            ("vip", ColumnKind::Boolean),
            ("stats", ColumnKind::Json),
            ("score", ColumnKind::Number),
        ]
    );
    assert_eq!(
        params.get("username"),
        Some(&Param::Plain("any".to_owned()))
    );
    assert!(params.get("password").unwrap().is_secret());
}

#[test]
fn a_filter_that_was_given_is_sent() {
    let given = [MEMBERS, &[("status", "subscribed")]].concat();
    let planned = planned("valid/members.json", "members", None, &given);
    assert_eq!(planned.plan.request.query[1].1.to_string(), "${status}");
}

#[test]
fn every_kind_of_pagination() {
    let key: &[(&str, &str)] = &[("apiKey", "k")];
    let of = |stream| planned("valid/kinds.json", stream, Some("API key"), key).plan;
    let none = of("none");
    assert_eq!(none.pagination, PaginationPlan::None);
    assert_eq!(
        (none.content.wrapper, none.content.siblings),
        (None, Siblings::none())
    );

    let page = of("page");
    assert_eq!(
        page.pagination,
        PaginationPlan::Page {
            limit: Some(("pageSize".to_owned(), 100)),
            page_name: "pageNumber".to_owned(),
            first: 1,
            last: Some(LastPagePlan::Announced(
                "headers.x-pagecount".parse().unwrap()
            )),
        }
    );
    assert_eq!(page.maximum_request, Some(10_000));
    assert_eq!(page.content.wrapper.as_deref(), Some("item"));
    assert!(page.content.siblings.wants("total") && !page.content.siblings.wants("other"));

    assert_eq!(
        of("range").pagination,
        PaginationPlan::Range {
            name: "day".to_owned(),
            first: 1,
            last: Some(31),
            step: 1,
        }
    );

    let pointer = of("pointer");
    assert_eq!(
        pointer.pagination,
        PaginationPlan::Pointer {
            limit: None,
            pointer: "$.paging.next".parse().unwrap(),
        }
    );
    assert_eq!(pointer.content.wrapper.as_deref(), Some("results"));

    let token = of("token");
    assert_eq!(
        token.pagination,
        PaginationPlan::ContinuationToken {
            limit: None,
            tokens: vec![TokenPlan {
                selector: "$.meta.after_cursor".parse().unwrap(),
                location: TokenLocation::Query,
                name: Some("page[after]".to_owned()),
            }],
        }
    );
    assert_eq!(token.end.unwrap().condition.to_string(), "Const:false");
    assert_eq!(token.delay_ms, 850);
    assert!(matches!(token.request.body, Some(BodyPlan::Json(_))));
}

#[test]
fn a_rate_is_planned_and_the_stricter_of_two_counts() {
    let key: &[(&str, &str)] = &[("apiKey", "k")];
    let of = |stream| planned("valid/kinds.json", stream, Some("API key"), key).plan;
    assert_eq!(of("none").rate, None);
    let plan = of("pointer");
    let rate = RatePlan {
        per_second: Some(10),
        per_day: Some(50_000),
        remaining_header: Some("X-Calls-Left".to_owned()),
        ..RatePlan::default()
    };
    assert_eq!(plan.rate, Some(rate.clone()));
    let project = RatePlan {
        per_minute: Some(100),
        per_day: Some(1_000),
        remaining_header: Some("X-Left".to_owned()),
        reset_header: Some("X-Until".to_owned()),
        ..RatePlan::default()
    };
    let both = RatePlan {
        per_second: Some(10),
        per_minute: Some(100),
        per_day: Some(1_000),
        limit_header: None,
        remaining_header: Some("X-Calls-Left".to_owned()),
        reset_header: Some("X-Until".to_owned()),
    };
    assert_eq!(rate.stricter(project), both);
}

#[test]
fn a_plan_from_before_there_were_rates_still_reads() {
    let plan = planned(
        "valid/kinds.json",
        "none",
        Some("API key"),
        &[("apiKey", "k")],
    )
    .plan;
    let written = serde_json::to_value(&plan).unwrap();
    assert_eq!(written.get("rate"), None);
    assert_eq!(serde_json::from_value::<Plan>(written).unwrap(), plan);
}

#[test]
fn arrays_inside_records() {
    let check = |stream: &str, expected: ExplodePlan, columns: &[(&str, ColumnKind)]| {
        let plan = planned("valid/explode.json", stream, None, &[]).plan;
        assert_eq!(plan.explode, Some(expected), "{stream}");
        let found = plan.columns.iter().map(|c| (c.name.as_str(), c.kind));
        assert_eq!(found.collect::<Vec<_>>(), columns, "{stream}");
    };
    let siblings = |keep: Option<&str>, skip: &[&str]| Siblings {
        keep: keep.map(|name| vec![name.to_owned()]),
        skip: skip.iter().map(ToString::to_string).collect(),
    };
    let nested = ExplodePlan {
        keys: vec!["activity".to_owned()],
        siblings: siblings(None, &["_links"]),
        wrapper: "activity".to_owned(),
        unwrap: false,
    };
    check("nested", nested.clone(), &[]);
    let flat = ExplodePlan {
        siblings: siblings(Some("email_id"), &[]),
        unwrap: true,
        ..nested.clone()
    };
    let columns = [
        ("email_id", ColumnKind::String),
        ("action", ColumnKind::String),
        ("count", ColumnKind::Integer),
    ];
    check("flat", flat, &columns);
    let named = ExplodePlan {
        keys: vec!["lines".to_owned()],
        siblings: siblings(None, &[]),
        wrapper: "line".to_owned(),
        ..nested
    };
    let columns = [("id", ColumnKind::Integer), ("line", ColumnKind::Json)];
    check("named", named, &columns);
    assert_eq!(
        planned("valid/kinds.json", "none", Some("key"), &[("apiKey", "k")])
            .plan
            .explode,
        None
    );
}

#[test]
fn ways_to_sign_in_are_found_however_they_are_spelt() {
    for name in ["token", "BearerToken", "bearer-token", "Bearer Token"] {
        let planned = planned(
            "valid/kinds.json",
            "none",
            Some(name),
            &[("accessToken", "t")],
        );
        let token = "accessToken".to_owned();
        assert_eq!(planned.plan.auth, AuthPlan::Bearer { token });
    }
    refused(
        "valid/kinds.json",
        "none",
        Some("oauth"),
        &[],
        &[
            "error[E-auth] at /authSpec: there is no way to sign in called `oauth`; known: key, token",
        ],
    );
    refused(
        "valid/kinds.json",
        "none",
        None,
        &[],
        &["error[E-auth] at /authSpec: say which way to sign in is meant; known: key, token"],
    );
}

#[test]
fn a_fragment_gets_host_and_credentials_from_its_connection() {
    let host = ("host", "http://127.0.0.1:8101");
    let plain = planned("valid/fragment.json", "contacts", None, &[host]).plan;
    assert_eq!(
        (plain.auth, plain.request.host.to_string()),
        (AuthPlan::None, "${host}".to_owned())
    );
    assert_eq!(
        (plain.connector.as_str(), plain.stream.as_str()),
        ("rest", "contacts")
    );
    let given = [host, ("username", "u"), ("password", "p")];
    let signed = planned(
        "valid/fragment.json",
        "contacts",
        Some("Basic Authentication"),
        &given,
    );
    assert!(matches!(signed.plan.auth, AuthPlan::Basic { .. }));
    assert!(signed.params.get("password").unwrap().is_secret());
    refused(
        "valid/fragment.json",
        "contacts",
        None,
        &[],
        &[
            "error[E-missing-parameter] at /sourceSpec/attributes/urlParams: the parameter `host` is missing, and there is no `urlParams.host`",
        ],
    );
}

#[test]
fn what_is_known_is_listed_once() {
    let text = r#"{ "attributes": {
        "urlParams": { "host": "${host}", "path": "/items" },
        "contentPath": { "path": "$.items" },
        "paginationParams": { "type": "NONE" }
    } }"#;
    let errors = plan(&read(text), "items", None, &params(&[("x", "h")])).unwrap_err();
    let hint = errors[0].hint.as_deref();
    assert_eq!(hint, Some("known: host"));
}

#[test]
fn the_operators_host_wins() {
    let document = read(
        r#"{"attributes": {"urlParams": {"host": "https://a.example.com", "path": "x"},
            "contentPath": "$.items"}}"#,
    );
    for (given, expected) in [
        (vec![], "https://a.example.com"),
        (vec![("host", "https://b.example.com")], "${host}"),
        (vec![("host", "b.example.com")], "https://${host}"),
    ] {
        let planned = plan(&document, "s", None, &params(&given)).unwrap().plan;
        assert_eq!(planned.request.host.to_string(), expected);
        assert_eq!(planned.request.path.to_string(), "/x");
        // The bare path means bare elements.
        assert_eq!(
            (planned.content.wrapper, planned.content.siblings),
            (None, Siblings::none())
        );
    }
}

#[test]
fn parameters_are_held_against_their_schema() {
    refused(
        "valid/members.json",
        "members",
        None,
        &[("domain", "us1")],
        &[
            "error[E-missing-parameter]: the parameter `listId` is missing (The list)",
            "error[E-missing-parameter]: the parameter `password` is missing (API key)",
        ],
    );
    let given = [MEMBERS, &[("listID", "1"), ("status", "cleaned")]].concat();
    refused(
        "valid/members.json",
        "members",
        None,
        &given,
        &[
            "error[E-unknown-parameter]: unknown parameter `listID`; did you mean `listId`?",
            "error[E-parameter]: the parameter `status` must be one of: subscribed, unsubscribed",
        ],
    );
}

#[test]
fn parameters_have_types() {
    let document = read(
        r#"{"authSpec": [], "sourceSpec": {"attributes": {
            "urlParams": {"host": "https://a.example.com", "path": "/${n}"}, "contentPath": "$"},
            "spec": {"properties": {"n": {"type": "integer", "maximum": 9}, "code": {"type": "string", "pattern": "^[0-9]+$"}}}}}"#,
    );
    let said = |given: &[(&str, &str)]| match plan(&document, "s", None, &params(given)) {
        Ok(_) => String::new(),
        Err(errors) => errors[0].message.clone(),
    };
    assert_eq!(said(&[("n", "7"), ("code", "007")]), "");
    assert_eq!(
        said(&[("n", "seven")]),
        "the parameter `n` must be a whole number"
    );
    assert_eq!(said(&[("n", "70")]), "the parameter `n` must be at most 9");
    assert_eq!(
        said(&[("n", "7"), ("code", "x")]),
        "the parameter `code` must match the pattern `^[0-9]+$`"
    );
    assert_eq!(said(&[]), "the parameter `n` is missing");
}

#[test]
fn an_unknown_stream_is_named() {
    refused(
        "valid/members.json",
        "member",
        None,
        &[],
        &["error[E-stream] at /streams: there is no stream `member`; did you mean `members`?"],
    );
}

#[test]
fn time_windows_have_formats_and_texts() {
    let zendesk = planned(
        "adobe/sourceSpec.zendesk-users.ASSEMBLED.json",
        "users",
        None,
        &[("host", "https://z.example.com")],
    );
    let schedule = zendesk.plan.schedule.unwrap();
    assert_eq!((schedule.start, schedule.end), (None, None));
    assert_eq!(schedule.texts.format.to_string(), "yyyy-MM-ddTHH:mm:ssK");
    assert_eq!(
        schedule.texts.backfill.to_string(),
        "type:user updated < {END_TIME}"
    );
    let document = read(
        r#"{"attributes": {"urlParams": {"host": "https://a.example.com", "path": "/a"},
            "contentPath": "$.items", "scheduleParams": {"scheduleStartParamName": "since"}}}"#,
    );
    let simple = plan(&document, "s", None, &Params::default()).unwrap().plan;
    let schedule = simple.schedule.unwrap();
    let start = schedule.start.unwrap();
    assert_eq!(
        (start.name.as_str(), start.format.to_string().as_str()),
        ("since", "iso8601")
    );
    assert_eq!(schedule.end, None);
}

#[test]
fn rules_say_what_an_answer_means() {
    let document = read(
        r#"{"attributes": {"urlParams": {"host": "https://a.example.com", "path": "/a"},
            "contentPath": "$.items", "responseParams": {"on": [
                {"status": [404, "410-411"], "action": "skip_slice"},
                {"status": "5xx", "when": "@equals(response().body.ok, false)", "action": "retry"},
                {"when": "@equals(response().body.ok, false)", "action": "fail"}]}}}"#,
    );
    let rules = plan(&document, "s", None, &Params::default())
        .unwrap()
        .plan
        .rules;
    let found: Vec<_> = rules
        .iter()
        .map(|rule| (rule.status.as_slice(), rule.action))
        .collect();
    let expected: [(&[(u16, u16)], RuleAction); 3] = [
        (&[(404, 404), (410, 411)], RuleAction::SkipSlice),
        (&[(500, 599)], RuleAction::Retry),
        (&[], RuleAction::Fail),
    ];
    assert_eq!(found, expected);
    assert!(rules[0].when.is_none() && rules[1].when.is_some());
}

const FAMILY: &str = r#"{"id": "family", "authSpec": [], "streams": {
    "reports": {"attributes": {"urlParams": {"host": "https://a.example.com", "path": "/r"},
        "contentPath": "$.reports"}, "spec": {"properties": {"year": {"type": "integer"}}}},
    "activity": {"attributes": {"urlParams": {"host": "https://a.example.com",
            "path": "/r/${campaignId}/${kind}", "queryParams": {"title": "${title}"}},
        "contentPath": "$.emails", "partitionParams": [
            {"name": "campaignId", "values": ["a", 7]},
            {"name": "campaignId", "parent": {"stream": "reports", "key": "id", "batch": 50,
                "take": {"title": "campaign_title"}}},
            {"name": "kind", "values": ["open"]}]}}}}"#;

#[test]
fn slices_come_from_lists_and_from_other_streams() {
    let document = read(FAMILY);
    let activity = plan(&document, "activity", None, &params(&[("year", "2026")]))
        .unwrap()
        .plan;
    let [campaigns, kind] = activity.partitions.as_slice() else {
        panic!("{:?}", activity.partitions);
    };
    assert_eq!(
        (campaigns.name.as_str(), kind.name.as_str()),
        ("campaignId", "kind")
    );
    let [
        PartitionSource::Values(values),
        PartitionSource::Parent {
            plan,
            key,
            batch,
            separator,
            take,
        },
    ] = campaigns.from.as_slice()
    else {
        panic!("{campaigns:?}");
    };
    assert_eq!(values, &["a", "7"]);
    assert_eq!(
        (
            plan.stream.as_str(),
            key.as_str(),
            *batch,
            separator.as_str()
        ),
        ("reports", "id", 50, ",")
    );
    assert_eq!(take, &[("title".to_owned(), "campaign_title".to_owned())]);
}

#[test]
fn adobes_examples_can_be_planned() {
    let given = [("domain", "us1"), ("listId", "1"), ("accessToken", "t")];
    let file = "adobe/connectionSpec.mailchimp-members.create-md.json";
    let plan = planned(file, "members", Some("oAuth2-refresh-code"), &given).plan;
    assert!(matches!(plan.auth, AuthPlan::OAuth2(_)));
    assert_eq!(plan.content.wrapper.as_deref(), Some("member"));
    assert_eq!(
        plan.pagination,
        PaginationPlan::Offset {
            limit_name: "count".to_owned(),
            limit: 100,
            offset_name: "offset".to_owned(),
            first: 0,
        }
    );
    let file = "adobe/connectionSpec.mailchimp.2021-draft.json";
    let plan = planned(file, "members", None, &given).plan;
    assert_eq!(
        plan.request.path.to_string(),
        "/3.0/lists/${listId}/members"
    );
    assert_eq!(plan.request.query[0].0, "excludes");
}

#[test]
fn what_tells_new_from_old_has_its_defaults() {
    let planned = planned("lints/undeclared-cursor.json", "orders", None, &[]);
    let expected = IncrementalPlan {
        cursor: "udpated_at".to_owned(),
        cursor_type: CursorType::Timestamp,
        primary_keys: vec!["ID".to_owned(), "customer.id".to_owned()],
        order: RecordOrder::Unordered,
        lookback: None,
        boundary: Boundary::Closed,
    };
    assert_eq!(planned.plan.incremental, Some(expected));
}
