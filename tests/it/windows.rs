//! Windows by flag: how each kind of schedule asks for them, and who refuses them.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::hostile::server::{Reply, Server};
use crate::plan::{attributes, check_same, project, said, shown};

const FLAGS: [&str; 4] = ["--window-start", "2026-01-31", "--window-end", "1769900400"];

/// What `schedule` and the texts of `url` and `more` ask for in the window of [`FLAGS`], by plan
/// and by preview: the target, the header `x-window` and the body.
#[track_caller]
fn check(url: Value, more: Value, schedule: Value, expected: (&str, &str, &str)) {
    let server = Server::start(|_| Reply::items("{\"id\":1}"));
    let mut attributes = attributes(&url, &more);
    attributes["scheduleParams"] = schedule;
    let project = project(&server.origin(), &attributes, &json!([]), "");
    let plan = said(&project, &[&["plan", "p"], &FLAGS[..]].concat());
    let window = json!({ "start": "2026-01-31T00:00:00Z", "end": "2026-01-31T23:00:00Z" });
    assert_eq!(plan["window"], window);
    assert_eq!(
        plan["writes"]["allowed"], false,
        "full_load would replace the table"
    );
    let request = &shown(&plan)[0];
    let url = request["url"].as_str().unwrap();
    let found = (
        url.strip_prefix(&server.origin()).unwrap(),
        request["headers"]["x-window"].as_str().unwrap_or_default(),
        request["body"].as_str().unwrap_or_default(),
    );
    assert_eq!(found, expected);
    said(&project, &[&["preview", "p"], &FLAGS[..]].concat());
    check_same(request, &server.heads()[0], &server.origin());
}

#[test]
fn two_parameters_hold_the_bounds_in_their_formats() {
    let schedule = json!({
        "scheduleStartParamName": "since",
        "scheduleEndParamName": "before",
        "scheduleStartParamFormat": "yyyy-MM-ddTHH:mm:ssZ",
        "scheduleEndParamFormat": "epoch_s",
    });
    let query = json!({ "queryParams": { "a": "b" } });
    let target = "/items?a=b&since=2026-01-31T00%3A00%3A00Z&before=1769900400";
    check(query, json!({}), schedule, (target, "", ""));
    let start =
        json!({ "scheduleStartParamName": "since", "scheduleStartParamFormat": "epoch_ms" });
    check(
        json!({}),
        json!({}),
        start,
        ("/items?since=1769817600000", "", ""),
    );
}

#[test]
fn advanced_schedules_stand_in_query_header_and_body() {
    let schedule = |texts: Value| {
        let mut all = json!({ "type": "ADVANCE", "paramFormat": "yyyy-MM-dd" });
        all.as_object_mut()
            .unwrap()
            .extend(texts.as_object().unwrap().clone());
        all
    };
    // The end is 23:00 of the last day; a format of days says the day after.
    let query = json!({ "queryParams": { "from": "{START_TIME}", "to": "{END_TIME}" } });
    let target = "/items?from=2026-01-31&to=2026-02-01";
    check(query, json!({}), schedule(json!({})), (target, "", ""));
    let header = json!({ "headerParams": { "X-Window": "{START_TIME}/{END_TIME}" } });
    let written = "2026-01-31/2026-02-01";
    check(
        json!({}),
        header,
        schedule(json!({})),
        ("/items", written, ""),
    );
    let texts = json!({
        "incremental": "changed >= {START_TIME} and changed < {END_TIME}",
        "backfill": "changed < {END_TIME}",
    });
    let body = json!({ "bodyParams": { "filter": "{SCHEDULE_QUERY}" } });
    let written = r#"{"filter":"changed >= 2026-01-31 and changed < 2026-02-01"}"#;
    check(
        json!({ "method": "POST" }),
        body,
        schedule(texts),
        ("/items", "", written),
    );
}

#[test]
fn a_run_without_flags_sends_no_start_and_ends_now() {
    let server = Server::start(|_| Reply::items("{\"id\":1}"));
    let mut attributes = attributes(&json!({}), &json!({}));
    attributes["scheduleParams"] = json!({
        "scheduleStartParamName": "since",
        "scheduleEndParamName": "before",
    });
    let project = project(&server.origin(), &attributes, &json!([]), "");
    let began = now();
    let report = said(&project, &["run"]);
    assert_eq!(report["window"]["start"], Value::Null);
    let end = report["window"]["end"].as_str().unwrap();
    let time: Timestamp = end.parse().unwrap();
    assert!(
        time + SignedDuration::from_secs(1) > began && time <= now(),
        "{end}"
    );
    assert_eq!(time.subsec_nanosecond(), 0, "{end}");
    let head = &server.heads()[0];
    let written = end.replace(':', "%3A");
    assert!(
        head.starts_with(&format!("GET /items?before={written} ")),
        "{head}"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "what the installed binary asks, too"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

#[test]
fn a_window_that_cannot_be_is_refused_before_anything_is_sent() {
    let server = Server::start(|_| Reply::items("{\"id\":1}"));
    let simple = attributes(&json!({}), &json!({}));
    let none = project(&server.origin(), &simple, &json!([]), "");
    let mut scheduled = simple;
    scheduled["scheduleParams"] = json!({ "scheduleStartParamName": "since" });
    let scheduled = project(&server.origin(), &scheduled, &json!([]), "");
    let day = ["--window-start", "2026-01-31"];
    let cases = [
        (&none, "plan", &day[..], "has no `scheduleParams`"),
        (&none, "preview", &day, "has no `scheduleParams`"),
        (&none, "run", &day, "has no `scheduleParams`"),
        (&scheduled, "run", &day, "`full_load` replaces its table"),
        (
            &scheduled,
            "run",
            &["--window-end", "2026-01-31"],
            "`full_load` replaces its table",
        ),
        (
            &scheduled,
            "plan",
            &["--window-start", "2026-02-01", "--window-end", "2026-02-01"],
            "the window is empty",
        ),
        (
            &scheduled,
            "preview",
            &["--window-start", "9999-01-01"],
            "which is now",
        ),
        (
            &scheduled,
            "plan",
            &["--window-start", "2026-01-31T09:00:00"],
            "which time zone?",
        ),
        (
            &scheduled,
            "run",
            &["--window-end", "20260131"],
            "2026-01-31",
        ),
    ];
    for (project, command, flags, message) in cases {
        let run = project.tapline(&[&[command, "p"], flags].concat());
        assert_eq!(run.code, 2, "{command} {flags:?}: {run}");
        assert!(run.stderr.contains(message), "{command} {flags:?}: {run}");
        assert_eq!(run.stdout, "", "{run}");
        assert!(!project.path(".tapline").exists(), "{command} {flags:?}");
    }
    assert_eq!(server.heads(), [""; 0]);
}
