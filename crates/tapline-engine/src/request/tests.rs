//! What a page asks for, in every encoding; and what cannot be sent.

use serde_json::{Value, json};
use tapline_core::{Body, Param};
use tapline_expr::{Edge, Span};

use super::*;

/// A plan whose request is `request`, with `schedule`.
fn plan_of(request: Value, schedule: Value) -> Plan {
    serde_json::from_value(json!({
        "connector": "c", "stream": "s", "request": request, "auth": {"kind": "none"},
        "content": {"path": "$", "siblings": {"keep": [], "skip": []}, "wrapper": null},
        "pagination": {"type": "NONE"}, "delay_ms": 0, "schedule": schedule,
        "rules": [], "partitions": [], "columns": []
    }))
    .unwrap()
}

fn plan() -> Plan {
    let request = json!({
        "host": "https://${dc}.example.com/v3/", "path": "/lists/${id}", "method": "POST",
        "query": [["filter[type]", "a b&${id}"]], "headers": [["x-id", "${id}"]],
        "body": {"json": {"q": ["select '${id}'", 1]}}
    });
    plan_of(request, Value::Null)
}

fn params(id: &str) -> Params {
    [("dc", "us1"), ("id", id)]
        .map(|(name, value)| (name, Param::Plain(value.to_owned())))
        .into_iter()
        .collect()
}

fn built(params: &Params, addition: &Addition, last: Option<&Url>) -> Result<Request> {
    let context = Context {
        params,
        ..Context::default()
    };
    build(&plan(), context, addition, last)
}

#[test]
fn everything_stands_in_its_own_encoding() {
    let addition = Addition {
        query: vec![("page[after]".to_owned(), "t=1".to_owned())],
        headers: vec![("x-token".to_owned(), "t".to_owned())],
        ..Addition::default()
    };
    let request = built(&params("a/b"), &addition, None).unwrap();
    assert_eq!(
        request.url.as_str(),
        "https://us1.example.com/v3/lists/a%2Fb?filter%5Btype%5D=a+b%26a%2Fb&page%5Bafter%5D=t%3D1"
    );
    assert_eq!(request.headers["x-id"], "a/b");
    assert_eq!(request.headers["x-token"], "t");
    assert_eq!(request.headers["content-type"], "application/json");
    let Body::Bytes(body) = request.body else {
        panic!("no body")
    };
    assert_eq!(body, r#"{"q":["select 'a/b'",1]}"#);
}

#[test]
fn what_the_pagination_adds_takes_the_place_of_a_parameter() {
    let addition = |url: Option<&str>| Addition {
        query: vec![("filter[type]".to_owned(), "b".to_owned())],
        url: url.map(str::to_owned),
        ..Addition::default()
    };
    let first = built(&params("7"), &addition(None), None).unwrap();
    assert_eq!(first.url.query(), Some("filter%5Btype%5D=b"));
    let url = Some("https://us1.example.com/x?filter%5Btype%5D=a&n=1");
    let next = built(&params("7"), &addition(url), None).unwrap();
    assert_eq!(next.url.query(), Some("n=1&filter%5Btype%5D=b"));
}

#[test]
fn next_links_may_be_relative() {
    let cases = [
        ("?page=2", "https://us1.example.com/v3/lists/7?page=2"),
        ("/other", "https://us1.example.com/other"),
        ("../x", "https://us1.example.com/v3/x"),
        ("//elsewhere.org/x", "https://elsewhere.org/x"),
        ("https://elsewhere.org/x", "https://elsewhere.org/x"),
    ];
    let last: Url = "https://us1.example.com/v3/lists/7?page=1".parse().unwrap();
    for (link, expected) in cases {
        let addition = Addition {
            url: Some(link.to_owned()),
            ..Addition::default()
        };
        for last in [Some(&last), None] {
            let request = built(&params("7"), &addition, last).unwrap();
            assert_eq!(request.url.as_str(), expected);
        }
    }
}

#[test]
fn what_cannot_be_sent_says_why() {
    let missing = built(&Params::default(), &Addition::default(), None);
    assert_eq!(
        missing.unwrap_err().to_string(),
        "build request: no value for `${dc}`; known parameters: none"
    );
    let control = built(&params("a\nb"), &Addition::default(), None);
    assert_eq!(
        control.unwrap_err().to_string(),
        "build request: the value of `${id}` holds a control character"
    );
}

/// The URL of a run over the window from `start` to `end`, in seconds since 1970.
fn windowed(path: &str, query: &str, start: Option<i64>, end: Option<i64>) -> Result<String> {
    let request = json!({
        "host": "http://h", "path": path, "method": "GET", "query": [["q", query]],
        "headers": [], "body": null
    });
    let schedule = json!({
        "start": {"name": "since", "format": "epoch_s"},
        "end": {"name": "before", "format": "epoch_ms"},
        "texts": {
            "format": "epoch_s",
            "incremental": "{START_TIME} to {END_TIME}", "backfill": "to {END_TIME}"
        }
    });
    let plan = plan_of(request, schedule);
    let instant = |second| jiff::Timestamp::from_second(second).unwrap();
    let context = Context {
        schedule: plan.schedule.as_ref().map(|schedule| &schedule.texts),
        window: Span {
            start: start.map(instant).map(Edge::Time),
            end: end.map(instant).map(Edge::Time),
        },
        ..Context::default()
    };
    let request = build(&plan, context, &Addition::default(), None)?;
    Ok(request.url.into())
}

#[test]
fn the_window_is_asked_for_as_far_as_it_has_bounds() {
    #[track_caller]
    fn check(query: &str, start: Option<i64>, end: Option<i64>, expected: &str) {
        assert_eq!(windowed("/", query, start, end).unwrap(), expected);
    }
    check("a", Some(1), Some(2), "http://h/?q=a&since=1&before=2000");
    check("a", None, Some(2), "http://h/?q=a&before=2000");
    check("a", None, None, "http://h/?q=a");
    let query = "{SCHEDULE_QUERY}";
    check(
        query,
        Some(1),
        Some(2),
        "http://h/?q=1+to+2&since=1&before=2000",
    );
    check(query, None, Some(2), "http://h/?q=to+2&before=2000");
    check("{START_TIME}", None, Some(2), "http://h/?before=2000");
}

#[test]
fn a_bound_that_is_missing_outside_of_the_query_names_the_way_out() {
    let error = windowed("/x/{START_TIME}", "a", None, Some(2)).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("needs the window's start"), "{error}");
    assert!(error.contains("--window-start"), "{error}");
}
