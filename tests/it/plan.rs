//! `tapline plan` says what a run does, does none of it, and leaves nothing behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::hostile::server::{Reply, Server};
use crate::secrets;
use crate::support::{Project, Run};

const KEY: &str = secrets::HOSTILE;

/// A project whose spec is no plugin, so that nothing but the project's own files is there.
pub(crate) fn project(host: &str, attributes: &Value, auth: &Value, given: &str) -> Project {
    let connection = format!("connector: ./s.json\n{given}\nparams: {{ host: \"{host}\" }}");
    let project = Project::with_pipeline(&connection, "{ connection: c, stream: s }");
    let mut attributes = attributes.clone();
    attributes["urlParams"]["host"] = json!("${host}");
    let spec = json!({
        "id": "shop",
        "authSpec": auth,
        "streams": { "s": { "attributes": attributes, "spec": {
            "type": "object",
            "properties": { "host": { "type": "string" } },
        } } },
    });
    project.input("s.json", &spec.to_string());
    project
}

/// Attributes of a spec that reads `/items`, with `more` of them.
pub(crate) fn attributes(url: &Value, more: &Value) -> Value {
    let mut all =
        json!({ "urlParams": { "path": "/items" }, "contentPath": { "path": "$.items" } });
    for (into, from) in [("/urlParams", url), ("", more)] {
        let members = from.as_object().unwrap().clone();
        let into = all.pointer_mut(into).unwrap().as_object_mut().unwrap();
        into.extend(members);
    }
    all
}

/// What `tapline` says as a document.
#[track_caller]
pub(crate) fn said(project: &Project, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--output", "json"]].concat();
    let run = Run::of(
        project
            .command(&arguments)
            .env("KEY", KEY)
            .output()
            .unwrap(),
    );
    assert_eq!(run.code, 0, "{run}");
    run.json()
}

/// The requests to the stream itself that a plan shows.
pub(crate) fn shown(plan: &Value) -> Vec<Value> {
    let openings = plan["requests"].as_array().unwrap();
    openings.last().unwrap()["first"]
        .as_array()
        .unwrap()
        .clone()
}

/// `head` is the request that was `shown`, but for what is secret.
#[track_caller]
pub(crate) fn check_same(shown: &Value, head: &str, origin: &str) {
    let encoded = KEY
        .replace('/', "%2F")
        .replace('+', "%2B")
        .replace('=', "%3D");
    let masked = head.replace(KEY, "***").replace(&encoded, "***");
    let (first, rest) = masked.split_once("\r\n").unwrap();
    let (headers, body) = rest.split_once("\r\n\r\n").unwrap();
    let url = shown["url"].as_str().unwrap().strip_prefix(origin).unwrap();
    let method = shown["method"].as_str().unwrap();
    assert_eq!(first, format!("{method} {url} HTTP/1.1"));
    assert_eq!(body, shown["body"].as_str().unwrap_or_default());
    for (name, value) in shown["headers"].as_object().unwrap() {
        let value = value.as_str().unwrap().trim_end_matches("***");
        let line = format!("{name}: {value}");
        assert!(
            headers.to_lowercase().contains(&line.to_lowercase()),
            "no {line} in {head}"
        );
    }
}

/// A run, or a preview, begins with the requests that the plan shows.
#[track_caller]
fn check(attributes: &Value, auth: &Value, given: &str, then: &str) {
    let server = Server::start(|number| match number {
        0 => Reply::items("{\"id\":1},{\"id\":2}"),
        _ => Reply::items(""),
    });
    let project = project(&server.origin(), attributes, auth, given);
    let plan = said(&project, &["plan", "p"]);
    assert_eq!(server.heads(), [""; 0], "nothing is sent");
    assert_eq!(plan["requests"][0]["then"], then, "{plan}");
    said(&project, &["run"]);
    let (shown, heads) = (shown(&plan), server.heads());
    assert!(!heads.is_empty());
    for (shown, head) in shown.iter().zip(&heads) {
        check_same(shown, head, &server.origin());
    }
}

fn paged(kind: &str, more: &Value) -> Value {
    let mut params = json!({ "type": kind });
    params
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let query = json!({ "queryParams": { "q": "a b&c=é", "on": true } });
    attributes(&query, &json!({ "paginationParams": params }))
}

#[test]
fn a_run_begins_as_the_plan_says() {
    let none = json!([]);
    let size = |more: Value| {
        let mut size = json!({ "limitName": "n", "limitValue": 2 });
        size.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        size
    };
    let cases = [
        (
            "OFFSET",
            size(json!({ "offSetName": "o", "initialOffset": 5 })),
            "more",
        ),
        (
            "PAGE",
            size(json!({ "pageParamName": "page", "initialPageIndex": 1 })),
            "more",
        ),
        (
            "PAGE",
            size(json!({ "pageParamName": "page", "initialPageIndex": 1, "endPageIndex": 2 })),
            "nothing",
        ),
        ("POINTER", json!({ "pointerPath": "$.next" }), "answer"),
        ("LINK_HEADER", size(json!({})), "answer"),
        (
            "OFFSET",
            size(
                json!({ "offSetName": "o", "maximumRequest": 2, "endConditionName": "$.more", "endConditionValue": "NonExist" }),
            ),
            "limit",
        ),
        ("NONE", json!({}), "nothing"),
    ];
    for (kind, more, then) in cases {
        check(&paged(kind, &more), &none, "", then);
    }
    let body = json!({ "method": "POST" });
    let more =
        json!({ "headerParams": { "X-Client": "t/1" }, "bodyParams": { "q": "x\"y", "n": 3 } });
    check(&attributes(&body, &more), &none, "", "nothing");
}

#[test]
fn credentials_are_shown_where_they_go_and_never_as_they_are() {
    let secret = |name: &str| {
        json!({
            "type": "object",
            "properties": { name: { "type": "string", "format": "password" }, "username": { "type": "string" } },
        })
    };
    let key = |location: &str| json!([{ "name": "key", "type": "ApiKey", "apiKeyParams": { "in": location, "name": "x-key", "param": "apiKey" }, "spec": secret("apiKey") }]);
    let basic =
        json!([{ "name": "basic", "type": "BasicAuthentication", "spec": secret("password") }]);
    let given = |params: &str| format!("auth: {{ params: {{ {params}: \"${{env:KEY}}\" }} }}");
    let simple = attributes(&json!({}), &json!({}));
    check(&simple, &key("header"), &given("apiKey"), "nothing");
    check(&simple, &key("query"), &given("apiKey"), "nothing");
    check(
        &simple,
        &basic,
        &given("username: any, password"),
        "nothing",
    );
}

/// Every file and folder below `folder`, and when it was changed.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let data = entry.metadata().unwrap();
        let changed = data.modified().unwrap();
        all.insert(format!(
            "{} {} {changed:?}",
            entry.path().display(),
            data.len()
        ));
        if data.is_dir() {
            all.extend(files(&entry.path()));
        }
    }
    all
}

#[test]
fn a_plan_leaves_every_file_as_it_was_and_learns_from_the_last_run() {
    let server = Server::start(|_| Reply::items("{\"id\":1},{\"id\":2}"));
    let pages = json!({ "paginationParams": { "type": "NONE", "delayRequestMillis": 1500 } });
    let attributes = attributes(&json!({}), &pages);
    let project = project(&server.origin(), &attributes, &json!([]), "");
    let before = files(project.dir.path());
    let plan = said(&project, &["plan", "p"]);
    assert_eq!(files(project.dir.path()), before);
    let known = json!({ "last_complete_run": null, "pages_at_most": 1, "requests_per_minute": 40,
        "budgets": [] });
    assert_eq!(plan["estimate"], known);

    let report = said(&project, &["run"]);
    let before = files(project.dir.path());
    let plan = said(&project, &["plan", "p"]);
    assert_eq!(
        files(project.dir.path()),
        before,
        "no journal of the state either"
    );
    let last = &plan["estimate"]["last_complete_run"];
    for (name, in_report) in [
        ("run_id", "/run_id"),
        ("pages", "/pages"),
        ("requests", "/requests"),
        ("records", "/records/read"),
        ("bytes", "/bytes"),
        ("slices", "/slices/read"),
    ] {
        assert_eq!(&last[name], report.pointer(in_report).unwrap(), "{name}");
    }
    assert_eq!(server.heads().len(), 1);
}

/// The words of `tapline plan` for this pipeline of a connector that is shipped. Where a time
/// stands, it is now.
#[track_caller]
fn words(connection: &str, source: &str) -> String {
    let project = Project::with_pipeline(connection, source);
    let run = Run::of(project.command(&["plan"]).env("KEY", KEY).output().unwrap());
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("nothing was sent"), "{run}");
    let made = ["warehouse.db", ".tapline"].map(|name| project.path(name).exists());
    assert_eq!(made, [false, false]);
    let Some((_, end)) = run.stdout.split_once("everything before ") else {
        return run.stdout;
    };
    let (end, _) = end.split_once(';').unwrap();
    let encoded = end.replace(':', "%3A");
    run.stdout.replace(end, "NOW").replace(&encoded, "NOW")
}

#[test]
fn shipped_connectors_are_planned_in_words() {
    let mailchimp = "connector: mailchimp
auth: { specName: Basic Authentication, params: { username: any, password: \"${env:KEY}\" } }
params: { domain: us1 }";
    let zendesk = "connector: zendesk
auth: { specName: OAuth2 Access Token, params: { accessToken: \"${env:KEY}\" } }
params: { subdomain: acme }";
    let members = "{ connection: c, stream: members, params: { listId: 57afe96172 } }";
    insta::assert_snapshot!("plan_of_members", words(mailchimp, members));
    let every = "{ connection: c, stream: email_activity_all }";
    insta::assert_snapshot!("plan_of_every_activity", words(mailchimp, every));
    let tickets = "{ connection: c, stream: tickets }";
    insta::assert_snapshot!("plan_of_tickets", words(zendesk, tickets));
}

#[test]
fn lists_of_values_are_counted_and_the_first_slice_is_shown() {
    let more = json!({ "partitionParams": [
        { "name": "status", "values": ["open", "closed", "open", "lost", "late"] },
        { "name": "year", "values": [2025, 2026] },
    ] });
    let url = json!({ "path": "/${year}/items", "queryParams": { "status": "${status}" } });
    let attributes = attributes(&url, &more);
    let project = project("http://127.0.0.1:1", &attributes, &json!([]), "");
    let plan = said(&project, &["plan", "p"]);
    let slices = json!({ "count": 8, "by_connector": false, "by": [
        { "name": "status", "values": 4, "first": ["open", "closed", "lost"], "parents": [] },
        { "name": "year", "values": 2, "first": ["2025", "2026"], "parents": [] },
    ] });
    assert_eq!(plan["reads"]["slices"], slices);
    assert_eq!(
        shown(&plan)[0]["url"],
        "http://127.0.0.1:1/2025/items?status=open"
    );
    assert_eq!(plan["estimate"]["pages_at_most"], 8);
    let run = project.tapline(&["plan"]);
    let slices = "8: every combination of ${status} = open, closed, lost, and 1 more; ${year} = 2025 and 2026";
    assert!(run.stdout.contains(slices), "{run}");
}

#[test]
fn several_pipelines_are_several_plans_and_a_bad_project_is_none() {
    let project = project(
        "http://127.0.0.1:1",
        &attributes(&json!({}), &json!({})),
        &json!([]),
        "",
    );
    assert_eq!(said(&project, &["plan"])["pipeline"], "p");
    let yaml = fs::read_to_string(project.path("tapline.yaml")).unwrap();
    let (_, pipeline) = yaml.split_once("  p:").unwrap();
    project.input(
        "tapline.yaml",
        &format!("{yaml}  q:{}", pipeline.replace("table: t", "table: u")),
    );
    let plans = said(&project, &["plan"]);
    assert_eq!(plans["plans"].as_array().unwrap().len(), 2);
    for (good, bad) in [
        ("mode: full_load", "mode: ful_load"),
        ("stream: s", "stream: t"),
    ] {
        project.input("tapline.yaml", &yaml.replace(good, bad));
        let run = project.tapline(&["plan"]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
        assert!(run.stderr.contains("tapline.yaml:"), "{run}");
    }
}
