//! Whole runs on doors that keep everything in memory: what a run proves, keeps and shows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod ahead;
mod answers;
mod capped;
mod doors;
mod exclusive;
mod expect;
mod fits;
mod incremental;
mod lines;
mod moved;
mod partitions;
mod parts;
mod resume;
mod shelf;

use bytes::Bytes;
use doors::{Api, World, answer};
use serde_json::{Value, json};
use tapline_core::{
    CancellationToken, EndSignal, Error, ErrorKind, FailedRequest, Position, ShortReason,
    UnknownReason, Verdict,
};
use tapline_spec::{ExplodePlan, PaginationPlan, Plan, Siblings};

/// A page of an API that pages by offset, with a total.
fn by_offset(records: u64, page: u64) -> impl Fn(&str) -> Result<(u16, Bytes), Error> {
    move |url| {
        let offset: u64 = param(url, "offset").parse().unwrap();
        let rows: Vec<Value> = (offset..records.min(offset + page))
            .map(|id| json!({"id": id, "name": format!("n{id}")}))
            .collect();
        Ok(answer(json!({"items": rows, "total": records})))
    }
}

fn param<'a>(url: &'a str, name: &str) -> &'a str {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        .unwrap_or("")
}

fn plan(pagination: Value) -> Plan {
    let pagination: PaginationPlan = serde_json::from_value(pagination).unwrap();
    serde_json::from_value(json!({
        "connector": "test", "stream": "items",
        "request": {
            "host": "http://api.test", "path": "/items", "method": "GET",
            "query": [], "headers": [], "body": null
        },
        "auth": {"kind": "none"},
        "content": {"path": "$.items", "siblings": {"keep": [], "skip": []}, "wrapper": null},
        "pagination": pagination,
        "end": null, "delay_ms": 0, "maximum_request": null, "total": "$.total",
        "rules": [], "partitions": [], "columns": []
    }))
    .unwrap()
}

fn offset_plan() -> Plan {
    plan(json!({
        "type": "OFFSET", "limit_name": "limit", "limit": 10, "offset_name": "offset", "first": 0
    }))
}

fn token_plan() -> Plan {
    plan(json!({
        "type": "CONTINUATION_TOKEN", "limit": null,
        "tokens": [{"selector": "$.next", "location": "query", "name": "after"}]
    }))
}

#[tokio::test]
async fn a_complete_run_publishes_every_record_once() {
    let world = World::new(offset_plan(), Api::new(by_offset(35, 10)));
    let outcome = world.run().await;
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    let report = outcome.report;
    assert_eq!(report.verdict, Verdict::Complete(EndSignal::EmptyPage));
    assert_eq!((report.records.read, report.records.written), (35, 35));
    assert_eq!((report.pages, report.requests), (5, 5));
    assert_eq!(report.next_position, None);
    assert_eq!(world.published(), (0..35).collect::<Vec<_>>());
    assert_eq!(world.logged(), 1);
}

#[tokio::test]
async fn an_empty_source_is_complete() {
    let world = World::new(offset_plan(), Api::new(by_offset(0, 10)));
    let report = world.run().await.report;
    assert_eq!(report.verdict, Verdict::Complete(EndSignal::EmptyPage));
    assert_eq!(world.published(), Vec::<u64>::new());
}

#[tokio::test]
async fn only_a_status_without_content_may_have_no_body() {
    let silent = |status| World::new(offset_plan(), Api::new(move |_| Ok((status, Bytes::new()))));
    let world = silent(204);
    let report = world.run().await.report;
    assert_eq!(report.verdict, Verdict::Complete(EndSignal::EmptyPage));
    assert_eq!(world.published(), Vec::<u64>::new());

    let world = silent(200);
    let error = world.run().await.error.unwrap().to_string();
    assert!(error.contains("the body is empty"), "{error}");
    assert!(world.is_unpublished());
}

#[tokio::test]
async fn what_becomes_several_rows_was_read_once() {
    let orders = |url: &str| {
        let items = match param(url, "offset") {
            "0" => json!([{"id": 1, "lines": [1, 2, 3]}, {"id": 2, "lines": []}]),
            _ => json!([]),
        };
        Ok(answer(json!({"items": items, "total": 2})))
    };
    let mut plan = offset_plan();
    plan.explode = Some(ExplodePlan {
        keys: vec!["lines".to_owned()],
        siblings: Siblings {
            keep: None,
            skip: Vec::new(),
        },
        wrapper: "line".to_owned(),
        unwrap: false,
    });
    let outcome = World::new(plan, Api::new(orders)).run().await;
    let report = outcome.report;
    // The source's total counts orders, and so does the verdict.
    assert_eq!(report.verdict, Verdict::Complete(EndSignal::EmptyPage));
    assert_eq!((report.records.read, report.records.written), (2, 4));
}

#[tokio::test]
async fn a_link_that_cannot_be_followed_is_no_end() {
    let wrapped = |_: &str| {
        let next = json!({"href": "http://api.test/items?after=a"});
        Ok(answer(json!({"items": [{"id": 0}], "next": next})))
    };
    let world = World::new(token_plan(), Api::new(wrapped));
    let error = world.run().await.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.message().contains("`$.next`"), "{error}");
    assert!(world.is_unpublished());
}

#[tokio::test]
async fn the_report_shows_nothing_of_a_next_link() {
    let dying = |url: &str| match param(url, "after") {
        "" => {
            let next = "http://api.test/s3cret/items?access_token=s3cret&after=1";
            Ok(answer(json!({"items": [{"id": 0}], "next": next})))
        }
        _ => Err(Error::new(ErrorKind::Unavailable, "send", "connection refused").spent()),
    };
    let pointer = json!({"type": "POINTER", "limit": null, "pointer": "$.next"});
    let world = World::new(plan(pointer), Api::new(dying));
    let position = world.run().await.report.next_position;
    let shown = Position::Url("***".to_owned());
    assert_eq!(position, Some(shown));
}

#[tokio::test]
async fn a_run_fills_a_generation_of_its_own() {
    let world = World::new(offset_plan(), Api::new(by_offset(5, 10)));
    world.leave_behind(7);
    assert!(world.run().await.error.is_none());
    assert_eq!(world.generation(), 8);
}

#[tokio::test]
async fn a_wrong_total_is_short_and_shows_nothing() {
    let lying = |url: &str| {
        let (status, body) = by_offset(25, 10)(url)?;
        let mut page: Value = serde_json::from_slice(&body).unwrap();
        page["total"] = json!(26);
        Ok((status, answer(page).1))
    };
    let world = World::new(offset_plan(), Api::new(lying));
    let outcome = world.run().await;
    assert!(outcome.error.is_none());
    assert_eq!(
        outcome.report.verdict,
        Verdict::Short(ShortReason::TotalMismatch {
            total: 26,
            received: 25
        })
    );
    assert!(world.is_unpublished());
}

#[tokio::test]
async fn a_token_that_leads_back_ends_the_run_short() {
    let circle = |url: &str| {
        let (id, next) = match param(url, "after") {
            "" => (0, "a"),
            "a" => (1, "b"),
            "b" => (2, "a"),
            other => panic!("asked for {other}"),
        };
        Ok(answer(json!({"items": [{"id": id}], "next": next})))
    };
    let world = World::new(token_plan(), Api::new(circle));
    let report = world.run().await.report;
    assert_eq!(
        report.verdict,
        Verdict::Short(ShortReason::RepeatedPosition)
    );
    assert_eq!(report.requests, 3);
    assert!(world.is_unpublished());
}

#[tokio::test]
async fn a_server_that_ignores_its_offset_ends_the_run_short() {
    let stuck = |_: &str| Ok(answer(json!({"items": [{"id": 1}, {"id": 2}]})));
    let world = World::new(offset_plan(), Api::new(stuck));
    let report = world.run().await.report;
    assert_eq!(report.verdict, Verdict::Short(ShortReason::RepeatedPage));
    assert_eq!((report.requests, report.records.written), (2, 2));
}

#[tokio::test]
async fn an_error_in_mid_run_says_the_page_and_shows_nothing() {
    let dying = |url: &str| match param(url, "offset") {
        "20" => Err(Error::new(ErrorKind::Unavailable, "send", "connection refused").spent()),
        _ => by_offset(50, 10)(url),
    };
    let world = World::new(offset_plan(), Api::new(dying));
    let outcome = world.run().await;
    assert_eq!(
        outcome.error.unwrap().to_string(),
        "send: connection refused (stream: items, page: 3)"
    );
    assert_eq!(outcome.report.verdict.name(), "short");
    assert_eq!(
        (outcome.report.pages, outcome.report.records.written),
        (2, 20)
    );
    assert!(outcome.report.next_position.is_some());
    assert!(world.is_unpublished());
}

#[tokio::test]
async fn what_was_spent_on_a_request_that_fails_is_reported() {
    let failed = FailedRequest {
        method: "GET".to_owned(),
        url: "http://h/items".to_owned(),
        status: None,
        bytes: 0,
        attempts: 5,
        waited_ms: 3_000,
    };
    for kind in [ErrorKind::Unavailable, ErrorKind::Refused] {
        let request = failed.clone();
        let dying = move |url: &str| match param(url, "offset") {
            "20" => Err(Error::new(kind, "send", "it broke").with_request(request.clone())),
            _ => by_offset(50, 10)(url),
        };
        let report = World::new(offset_plan(), Api::new(dying))
            .run()
            .await
            .report;
        assert_eq!((report.pages, report.requests), (2, 3));
        assert_eq!((report.retries, report.waited_ms), (4, 3_000));
        // What may not be followed ends the run short; that is no error.
        let expected = (kind == ErrorKind::Unavailable).then(|| failed.clone());
        assert_eq!(report.failed_request, expected);
    }
}

#[tokio::test]
async fn an_answer_that_is_no_page_is_reported_with_its_request() {
    let login = "<!doctype html><title>Sign in</title>";
    let away = |url: &str| match param(url, "offset") {
        "10" => Ok((200, Bytes::from_static(login.as_bytes()))),
        _ => by_offset(50, 10)(url),
    };
    let outcome = World::new(offset_plan(), Api::new(away)).run().await;
    let error = outcome.error.unwrap().to_string();
    assert!(error.contains(&format!("body: {login}, hint: ")), "{error}");
    let report = outcome.report;
    assert_eq!((report.pages, report.requests), (1, 2));
    let failed = report.failed_request.unwrap();
    assert_eq!((failed.status, failed.attempts), (Some(200), 1));
    assert_eq!(failed.bytes, login.len() as u64);
}

#[tokio::test]
async fn a_status_that_is_no_success_is_an_error_with_its_kind() {
    for (status, kind) in [
        (401, ErrorKind::Auth),
        (404, ErrorKind::NotFound),
        (500, ErrorKind::Unavailable),
    ] {
        let refusing = move |_: &str| Ok((status, Bytes::from_static(b"no")));
        let world = World::new(offset_plan(), Api::new(refusing));
        assert_eq!(world.run().await.error.unwrap().kind(), kind);
    }
}

#[tokio::test]
async fn a_page_without_content_is_an_error_unless_it_is_the_declared_end() {
    let omitting = |url: &str| match param(url, "offset") {
        "10" => Ok(answer(json!({"message": "that was all"}))),
        _ => by_offset(10, 10)(url),
    };
    let world = World::new(offset_plan(), Api::new(omitting));
    let error = world.run().await.error.unwrap().to_string();
    assert!(
        error.contains("there is nothing at contentPath `$.items`"),
        "{error}"
    );

    let mut plan = offset_plan();
    plan.end = serde_json::from_value(json!({"selector": "$.items", "condition": "NonExist"})).ok();
    let world = World::new(plan, Api::new(omitting));
    let report = world.run().await.report;
    assert_eq!(report.verdict, Verdict::Complete(EndSignal::EndCondition));
}

#[tokio::test]
async fn a_refused_next_link_is_short_but_a_refused_first_request_is_an_error() {
    let refusing = |url: &str| match param(url, "after") {
        "" => Ok(answer(json!({"items": [{"id": 1}], "next": "x"}))),
        _ => Err(Error::new(
            ErrorKind::Refused,
            "send",
            "http://evil is not allowed",
        )),
    };
    let world = World::new(token_plan(), Api::new(refusing));
    let outcome = world.run().await;
    assert!(outcome.error.is_none());
    assert_eq!(
        outcome.report.verdict,
        Verdict::Short(ShortReason::NextRefused {
            reason: "http://evil is not allowed".to_owned()
        })
    );

    let never = |_: &str| Err(Error::new(ErrorKind::Refused, "send", "not allowed"));
    let outcome = World::new(token_plan(), Api::new(never)).run().await;
    assert_eq!(outcome.error.unwrap().kind(), ErrorKind::Refused);
}

#[tokio::test]
async fn limits_cut_a_run_short_before_the_request_that_passes_them() {
    let mut plan = offset_plan();
    plan.maximum_request = Some(2);
    let world = World::new(plan, Api::new(by_offset(50, 10)));
    let report = world.run().await.report;
    assert_eq!(
        report.verdict,
        Verdict::Short(ShortReason::Limit {
            name: "maximumRequest".to_owned()
        })
    );
    assert_eq!(report.requests, 2);
    assert_eq!(world.requests(), 2);
}

#[tokio::test]
async fn a_stopped_run_keeps_the_page_at_hand_and_proves_nothing() {
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let stopping = move |url: &str| {
        if param(url, "offset") == "10" {
            stop.cancel();
        }
        by_offset(50, 10)(url)
    };
    let world = World::new(offset_plan(), Api::new(stopping));
    let outcome = world.run_until(&cancel).await;
    assert!(outcome.error.is_none());
    assert_eq!(
        outcome.report.verdict,
        Verdict::Unknown(UnknownReason::Stopped)
    );
    assert!(outcome.report.pages >= 1);
    assert!(world.is_unpublished());
}

#[tokio::test]
async fn columns_that_come_later_and_types_that_widen_are_announced() {
    let growing = |url: &str| match param(url, "offset") {
        "0" => Ok(answer(json!({"items": [{"id": 1}], "total": 2}))),
        "10" => Ok(answer(
            json!({"items": [{"id": 1.5, "late": true}], "total": 2}),
        )),
        _ => Ok(answer(json!({"items": [], "total": 2}))),
    };
    let world = World::new(offset_plan(), Api::new(growing));
    let report = world.run().await.report;
    assert!(report.verdict.is_complete());
    assert_eq!(world.schemas(), 2);
}

#[tokio::test]
async fn pages_count_as_kept_once_they_are_durable() {
    let world = World::new(offset_plan(), Api::new(by_offset(35, 10))).lazy();
    let report = world.run().await.report;
    assert_eq!((report.pages, report.records.written), (5, 35));

    let dying = |url: &str| match param(url, "offset") {
        "20" => Err(Error::new(ErrorKind::Unavailable, "send", "refused").spent()),
        _ => by_offset(50, 10)(url),
    };
    let world = World::new(offset_plan(), Api::new(dying)).lazy();
    let report = world.run().await.report;
    // What was taken is made durable when the run ends, so that another goes on with it.
    assert_eq!((report.pages, report.records.written), (2, 20));
    assert_eq!((report.requests, report.records.read), (2, 20));
    assert_eq!(report.next_position, Some(Position::Offset(20)));
}

#[tokio::test]
async fn a_refused_next_link_is_short_though_nothing_is_durable_yet() {
    let refusing = |url: &str| match param(url, "after") {
        "" => Ok(answer(json!({"items": [{"id": 1}], "next": "x"}))),
        _ => Err(Error::new(ErrorKind::Refused, "send", "not allowed")),
    };
    let world = World::new(token_plan(), Api::new(refusing)).lazy();
    assert!(world.run().await.error.is_none());
}

#[tokio::test]
async fn bodies_are_kept_as_they_are_and_their_records_counted() {
    let spaced = |url: &str| {
        let (status, body) = by_offset(25, 10)(url)?;
        Ok((status, Bytes::from([&b" \r\n"[..], &body].concat())))
    };
    let world = World::new(offset_plan(), Api::new(spaced)).keeping_bodies();
    let report = world.run().await.report;
    assert_eq!(report.verdict, Verdict::Complete(EndSignal::EmptyPage));
    assert_eq!((report.records.read, report.records.written), (25, 4));
    let bodies = world.bodies();
    assert_eq!(bodies.len(), 4, "the empty page too");
    assert!(bodies.iter().all(|body| body.starts_with(b" \r\n{")));
}

#[tokio::test]
async fn the_only_body_may_be_anything() {
    let zip = |_: &str| Ok((200, Bytes::from_static(b"PK\x03\x04 \xff")));
    let mut single = plan(json!({"type": "NONE"}));
    single.total = None;
    let world = World::new(single.clone(), Api::new(zip)).keeping_bodies();
    let report = world.run().await.report;
    assert_eq!(report.verdict, Verdict::Complete(EndSignal::SingleResponse));
    assert_eq!((report.records.read, report.records.written), (1, 1));
    assert_eq!(world.bodies(), [Bytes::from_static(b"PK\x03\x04 \xff")]);
    assert!(
        World::new(single, Api::new(zip))
            .run()
            .await
            .error
            .is_some()
    );
}
