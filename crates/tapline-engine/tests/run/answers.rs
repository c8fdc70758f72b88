//! What answers mean besides pages: rules, objects where arrays are expected, and positions that a
//! connector makes up.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use tapline_core::{
    EndSignal, Error, ErrorKind, HookKind, HookSet, Hooks, PageInfo, Position, UnknownReason,
    Verdict,
};
use tapline_spec::{Plan, RulePlan};

use super::doors::{Api, World, answer};
use super::{by_offset, offset_plan, param, plan};

/// A status and a body.
fn with_status(status: u16, body: Value) -> Result<(u16, Bytes), Error> {
    Ok((status, answer(body).1))
}

fn rules(rules: Value) -> Plan {
    let rules: Vec<RulePlan> = serde_json::from_value(rules).unwrap();
    Plan {
        rules,
        total: None,
        ..offset_plan()
    }
}

fn rule(status: u16, action: &str) -> Value {
    json!({"status": [[status, status]], "when": null, "action": action})
}

/// Two pages of ten records, then this.
fn then(status: u16, body: Value) -> impl Fn(&str) -> Result<(u16, Bytes), Error> {
    move |url| match param(url, "offset") {
        "0" | "10" => by_offset(20, 10)(url),
        _ => with_status(status, body.clone()),
    }
}

#[tokio::test]
async fn a_rule_may_call_an_answer_the_end() {
    for status in [400, 404, 416, 503] {
        let past = then(status, json!({"error": "past the end"}));
        let world = World::new(rules(json!([rule(status, "end")])), Api::new(past));
        let report = world.run().await.report;
        assert_eq!(report.verdict, Verdict::Complete(EndSignal::Declared));
        assert_eq!((report.records.read, report.requests), (20, 3));
        assert_eq!(world.published(), (0..20).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn the_first_answer_is_no_end_but_may_be_ignored() {
    let gone = |_: &str| with_status(404, json!({"error": "no such thing"}));
    let world = World::new(rules(json!([rule(404, "end")])), Api::new(gone));
    let error = world.run().await.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = error.to_string();
    assert!(error.contains("no such thing"), "{error}");
    assert!(error.contains("let the rule `ignore` it"), "{error}");

    let world = World::new(rules(json!([rule(404, "ignore")])), Api::new(gone));
    let report = world.run().await.report;
    assert_eq!(report.verdict, Verdict::Complete(EndSignal::EmptyPage));
    assert_eq!(world.published(), Vec::<u64>::new());
}

#[tokio::test]
async fn an_ignored_answer_between_pages_proves_no_end() {
    let busy = then(200, json!({"ok": false, "items": []}));
    let when = "@equals(response().body.ok, false)";
    let ignore = json!([{"status": [], "when": when, "action": "ignore"}]);
    let world = World::new(rules(ignore), Api::new(busy));
    let report = world.run().await.report;
    assert_eq!(report.verdict, Verdict::Unknown(UnknownReason::Ignored));
    assert!(world.is_unpublished());
}

#[tokio::test]
async fn a_slice_is_skipped_only_as_a_whole() {
    let skip = rules(json!([rule(410, "skip_slice")]));
    let gone = |_: &str| with_status(410, json!({}));
    let report = World::new(skip.clone(), Api::new(gone)).run().await.report;
    // It is the only slice: the others are no proof that the source is the right one.
    let all = Verdict::Unknown(UnknownReason::AllSkipped);
    assert_eq!(report.verdict, all);

    let world = World::new(skip, Api::new(then(410, json!({}))));
    let error = world.run().await.error.unwrap().to_string();
    assert!(
        error.contains("pages with its records came before"),
        "{error}"
    );
}

#[tokio::test]
async fn a_success_whose_body_tells_of_an_error_is_none() {
    let when = "@not(equals(response().body.status, 'ok'))";
    let fail = json!([{"status": [], "when": when, "action": "fail"}]);
    let asleep = json!({"status": "error", "message": "the index is asleep", "items": "none"});
    let ok = |url: &str| {
        let (status, body) = by_offset(20, 10)(url)?;
        let mut page: Value = serde_json::from_slice(&body).unwrap();
        page["status"] = json!("ok");
        with_status(status, page)
    };
    let world = World::new(rules(fail.clone()), Api::new(ok));
    assert!(world.run().await.report.verdict.is_complete());

    let failing = move |url: &str| match param(url, "offset") {
        "0" => ok(url),
        _ => with_status(200, asleep.clone()),
    };
    let world = World::new(rules(fail), Api::new(failing));
    let error = world.run().await.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let error = error.to_string();
    assert!(error.contains("the index is asleep"), "{error}");
    assert!(error.contains("rule: fail"), "{error}");
    assert!(world.is_unpublished());
}

#[tokio::test]
async fn what_is_retried_counts_and_ends_with_the_attempts() {
    let busy = "@equals(response().body.state, 'busy')";
    let retry = json!([{"status": [[200, 299]], "when": busy, "action": "retry"}]);
    let tries = AtomicU64::new(0);
    let late = move |url: &str| match tries.fetch_add(1, Ordering::Relaxed) {
        1 | 2 => with_status(200, json!({"state": "busy"})),
        _ => by_offset(15, 10)(url),
    };
    let world = World::new(rules(retry.clone()), Api::new(late));
    let report = world.run().await.report;
    assert!(report.verdict.is_complete());
    assert_eq!((report.requests, report.retries), (3, 2));
    assert!(report.waited_ms >= 200, "{}", report.waited_ms);
    assert_eq!(world.requests(), 5);
    assert_eq!(world.published(), (0..15).collect::<Vec<_>>());

    let never = |_: &str| with_status(200, json!({"state": "busy"}));
    let world = World::new(rules(retry), Api::new(never));
    let error = world.run().await.error.unwrap();
    assert!(error.to_string().contains("attempts: 5"), "{error}");
    assert_eq!(error.request().unwrap().attempts, 5);
    assert_eq!(world.requests(), 5);
}

#[tokio::test]
async fn what_was_left_to_rules_that_do_not_fit_is_retried_as_ever() {
    let over = "@equals(response().body.code, 'over')";
    let end = json!([{"status": [[500, 599]], "when": over, "action": "end"}]);
    let tries = AtomicU64::new(0);
    let broken = move |url: &str| match (param(url, "offset"), tries.load(Ordering::Relaxed)) {
        ("10", 0) => {
            tries.fetch_add(1, Ordering::Relaxed);
            with_status(503, json!({"code": "busy"}))
        }
        ("20", _) => with_status(500, json!({"code": "over"})),
        _ => by_offset(20, 10)(url),
    };
    let world = World::new(rules(end), Api::new(broken));
    let report = world.run().await.report;
    assert_eq!(report.verdict, Verdict::Complete(EndSignal::Declared));
    assert_eq!((report.requests, report.retries), (3, 1));
}

#[tokio::test]
async fn an_object_is_one_record_and_no_page_of_many() {
    let one = |_: &str| Ok(answer(json!({"items": {"id": 7}})));
    let page = |limit: Value| {
        let mut plan = plan(json!({"type": "PAGE", "limit": limit, "page_name": "page",
            "first": 1, "last": null}));
        plan.total = None;
        plan
    };
    for plan in [
        rules(json!([])),
        page(json!(["size", 10])),
        page(Value::Null),
    ] {
        let error = World::new(plan, Api::new(one)).run().await.error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(
            error.message().contains("`$.items` leads to an object"),
            "{error}"
        );
    }
    let single = |url: &str| {
        let page: u64 = param(url, "page").parse().unwrap();
        let item = (page < 4).then(|| json!({"id": page}));
        Ok(answer(json!({"items": item})))
    };
    let world = World::new(page(json!(["size", 1])), Api::new(single));
    let report = world.run().await.report;
    assert_eq!(report.verdict, Verdict::Complete(EndSignal::EmptyPage));
    assert_eq!(world.published(), [1, 2, 3]);
}

#[tokio::test]
async fn a_relative_link_is_kept_as_the_absolute_one_it_is() {
    let dying = |url: &str| match param(url, "after") {
        "" => Ok(answer(json!({"items": [{"id": 0}], "next": "?after=1"}))),
        _ => Err(Error::new(ErrorKind::Unavailable, "send", "refused").spent()),
    };
    let pointer = json!({"type": "POINTER", "limit": null, "pointer": "$.next"});
    let world = World::new(plan(pointer), Api::new(dying)).with_hooks(Witness);
    let error = world.run().await.error.unwrap().to_string();
    assert!(error.contains("refused"), "{error}");
}

/// A connector that looks at where the spec's own pagination goes on.
struct Witness;

#[async_trait]
impl Hooks for Witness {
    fn set(&self) -> HookSet {
        HookSet::from_bits(1 << HookKind::NextPosition as u64)
    }

    async fn next_position(&self, page: &PageInfo, _: Bytes) -> Result<Option<Position>, Error> {
        let next = Position::Url("http://api.test/items?after=1".to_owned());
        assert_eq!(page.next, Some(next));
        Ok(page.next.clone())
    }
}

/// A connector that counts down by itself, three records at a time.
struct Countdown;

#[async_trait]
impl Hooks for Countdown {
    fn set(&self) -> HookSet {
        HookSet::from_bits(1 << HookKind::NextPosition as u64)
    }

    async fn next_position(&self, page: &PageInfo, body: Bytes) -> Result<Option<Position>, Error> {
        let body: Value = serde_json::from_slice(&body).unwrap();
        let records = body["items"].as_array().unwrap();
        assert_eq!(page.evidence.records, records.len() as u64);
        let last = records.last().and_then(|record| record["id"].as_u64());
        Ok(last.filter(|last| *last > 0).map(|last| {
            let position = json!({"query": {"below": last}, "headers": {"x-below": last}});
            Position::Custom(position.to_string())
        }))
    }
}

#[tokio::test]
async fn a_hook_can_page_by_itself() {
    let down = |url: &str| {
        let below: u64 = param(url, "below").parse().unwrap_or(8);
        let ids = (below.saturating_sub(3)..below).rev();
        let records: Vec<Value> = ids.map(|id| json!({ "id": id })).collect();
        Ok(answer(json!({"items": records})))
    };
    let mut single = plan(json!({"type": "NONE"}));
    single.total = None;
    let world = World::new(single.clone(), Api::new(down)).with_hooks(Countdown);
    let report = world.run().await.report;
    assert_eq!(report.verdict, Verdict::Complete(EndSignal::Connector));
    assert_eq!(world.published(), [7, 6, 5, 4, 3, 2, 1, 0]);
}
