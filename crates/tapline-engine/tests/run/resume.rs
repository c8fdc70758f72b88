//! Runs that are cut, and those that go on with them.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tapline_core::{CancellationToken, Cursor, Error, ErrorKind, Param, Params, Position, Window};
use tapline_engine::SyncMode;
use uuid::Uuid;

use super::doors::{Api, World, answer};
use super::{by_offset, offset_plan, param, token_plan};

/// Tokens that lead from page to page, three records each, with or without a total.
fn by_token(records: u64, total: bool) -> impl Fn(&str) -> Result<(u16, Bytes), Error> {
    move |url| {
        let start: u64 = param(url, "after").parse().unwrap_or(0);
        let end = records.min(start + 3);
        let items: Vec<Value> = (start..end).map(|id| json!({"id": id})).collect();
        let next = (end < records).then(|| end.to_string());
        let total = total.then_some(records);
        Ok(answer(
            json!({"items": items, "next": next, "total": total}),
        ))
    }
}

/// The same, until the token `at` is asked for.
fn dying(at: u64) -> impl Fn(&str) -> Result<(u16, Bytes), Error> {
    move |url| match param(url, "after") == at.to_string() {
        true => Err(Error::new(ErrorKind::Unavailable, "send", "refused").spent()),
        false => by_token(12, true)(url),
    }
}

fn ids(records: u64) -> Vec<u64> {
    (0..records).collect()
}

#[tokio::test]
async fn a_run_that_failed_is_gone_on_with_from_any_page() {
    for mode in [SyncMode::FullLoad, SyncMode::FullAppend] {
        for cut in [3, 6, 9] {
            let mut world = World::new(token_plan(), Api::new(dying(cut)));
            world.ask(mode, None);
            let report = world.run().await.report;
            let kept = Position::Token("***".to_owned());
            assert_eq!((report.pages, report.next_position), (cut / 3, Some(kept)));
            assert_eq!(world.is_unpublished(), mode == SyncMode::FullLoad);

            world.turn(Api::new(by_token(12, true)));
            let report = world.run().await.report;
            assert!(report.verdict.is_complete(), "{:?}", report.verdict);
            assert_eq!((report.requests, report.pages), (4 - cut / 3, 4 - cut / 3));
            assert_eq!(report.run_id, Uuid::nil(), "it is the same run");
            let from = report.resumed_from.unwrap();
            assert_eq!((from.pages, from.records), (cut / 3, cut));
            assert_eq!(world.published(), ids(12));
        }
    }
}

#[tokio::test]
async fn every_page_may_be_the_last_of_its_run() {
    for lazy in [false, true] {
        let mut world = World::new(offset_plan(), Api::new(by_offset(35, 10)));
        if lazy {
            world = world.lazy();
        }
        world.limit(Some(1));
        for run in 0..4 {
            let report = world.run().await.report;
            assert_eq!(report.verdict.name(), "short", "run {run}");
            assert_eq!((report.requests, report.pages), (1, 1), "run {run}");
            assert!(report.next_position.is_some());
        }
        let report = world.run().await.report;
        assert!(report.verdict.is_complete(), "{:?}", report.verdict);
        assert_eq!(world.published(), ids(35));
        assert_eq!(world.requests(), 5);
    }
}

#[tokio::test]
async fn a_run_that_was_stopped_is_gone_on_with() {
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let stopping = move |url: &str| {
        if param(url, "after") == "6" {
            stop.cancel();
        }
        by_token(12, false)(url)
    };
    let mut world = World::new(token_plan(), Api::new(stopping)).lazy();
    let pages = world.run_until(&cancel).await.report.pages;
    assert!((1..4).contains(&pages), "{pages}");
    world.turn(Api::new(by_token(12, false)));
    let report = world.run().await.report;
    assert_eq!(report.requests, 4 - pages);
    assert_eq!(world.published(), ids(12));
}

#[tokio::test]
async fn what_was_short_by_evidence_is_forgotten() {
    let lying = |url: &str| {
        let (_, body) = by_token(12, true)(url)?;
        let mut page: Value = serde_json::from_slice(&body).unwrap();
        page["total"] = json!(13);
        Ok(answer(page))
    };
    let mut world = World::new(token_plan(), Api::new(lying));
    let report = world.run().await.report;
    assert_eq!(
        (report.verdict.name(), report.next_position),
        ("short", None)
    );
    world.turn(Api::new(by_token(12, true)));
    let report = world.run().await.report;
    assert_eq!((report.requests, report.resumed_from), (4, None));
    assert_eq!(world.published(), ids(12));
}

#[tokio::test]
async fn the_total_is_checked_over_both_runs() {
    let mut world = World::new(token_plan(), Api::new(dying(6)));
    assert!(world.run().await.error.is_some());
    // The record that is new is on a page that was read before it was there.
    let moved = |url: &str| {
        let (_, body) = by_token(12, true)(url)?;
        let mut page: Value = serde_json::from_slice(&body).unwrap();
        page["total"] = json!(13);
        Ok(answer(page))
    };
    world.turn(Api::new(moved));
    let report = world.run().await.report;
    assert_eq!(report.verdict.name(), "short");
    assert!(report.verdict.to_string().contains("13 records, 12"));
    assert!(world.is_unpublished());
}

#[tokio::test]
async fn a_page_that_was_short_before_the_cut_still_counts() {
    let pages = |sizes: [u64; 4]| {
        move |url: &str| {
            let offset: u64 = param(url, "offset").parse().unwrap();
            let size = sizes.get(offset as usize / 10).copied().unwrap_or(0);
            let items: Vec<Value> = (offset..offset + size)
                .map(|id| json!({"id": id}))
                .collect();
            Ok(answer(json!({"items": items})))
        }
    };
    for (sizes, expected) in [([10, 4, 10, 0], "unknown"), ([10, 10, 4, 0], "complete")] {
        let mut world = World::new(offset_plan(), Api::new(pages(sizes)));
        world.limit(Some(1));
        for _ in 0..3 {
            assert_eq!(world.run().await.report.verdict.name(), "short");
        }
        let verdict = world.run().await.report.verdict;
        assert_eq!(verdict.name(), expected, "{verdict}");
    }
}

#[tokio::test]
async fn a_position_that_the_source_refuses_is_given_up() {
    for status in [400, 403, 404, 410] {
        let mut world = World::new(token_plan(), Api::new(dying(6)));
        assert!(world.run().await.error.is_some());
        let forgetful = move |url: &str| match param(url, "after") {
            "6" => Ok((status, Bytes::from_static(b"expired"))),
            _ => by_token(12, true)(url),
        };
        world.turn(Api::new(forgetful));
        let report = world.run().await.report;
        // The token is as bad the second time: but then it is not where the run began.
        assert_eq!(report.verdict.name(), "short", "{:?}", report.verdict);
        assert_eq!(report.requests, 1 + 3);
        let told = world.told();
        assert!(
            told.iter().any(|told| told.contains("so it begins anew: ")),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn a_source_that_gives_new_tokens_is_read_whole() {
    let mut world = World::new(token_plan(), Api::new(dying(6)));
    assert!(world.run().await.error.is_some());
    let renewed = |url: &str| match param(url, "after") {
        "6" => Ok((410, Bytes::from_static(b"expired"))),
        "" => {
            let (_, body) = by_token(12, true)(url)?;
            let mut page: Value = serde_json::from_slice(&body).unwrap();
            page["next"] = json!("03");
            Ok(answer(page))
        }
        "03" => {
            let (_, body) = by_token(12, true)(url)?;
            let mut page: Value = serde_json::from_slice(&body).unwrap();
            page["next"] = json!("06");
            Ok(answer(page))
        }
        _ => by_token(12, true)(url),
    };
    world.turn(Api::new(renewed));
    let report = world.run().await.report;
    assert!(report.verdict.is_complete(), "{:?}", report.verdict);
    assert_eq!((report.requests, report.resumed_from), (5, None));
    assert_eq!(world.published(), ids(12));
}

#[tokio::test]
async fn bad_credentials_and_waiting_give_nothing_up() {
    for status in [401, 429, 503] {
        let mut world = World::new(token_plan(), Api::new(dying(6)));
        assert!(world.run().await.error.is_some());
        world.turn(Api::new(move |_| Ok((status, Bytes::from_static(b"no")))));
        assert!(world.run().await.error.is_some());
        world.turn(Api::new(by_token(12, true)));
        let report = world.run().await.report;
        assert_eq!(report.requests, 2, "after {status}");
        assert_eq!(world.published(), ids(12));
    }
}

#[tokio::test]
async fn what_breaks_a_run_where_it_was_cut_does_not_do_so_for_ever() {
    let mut world = World::new(token_plan(), Api::new(dying(6)));
    assert!(world.run().await.error.is_some());
    let expired = |_: &str| Ok(answer(json!({"error": "this token has expired"})));
    world.turn(Api::new(expired));
    assert_eq!(world.run().await.error.unwrap().kind(), ErrorKind::Protocol);
    world.turn(Api::new(by_token(12, true)));
    let report = world.run().await.report;
    assert_eq!((report.requests, report.resumed_from), (4, None));
}

#[tokio::test]
async fn an_end_that_a_rule_declares_is_none_where_a_run_goes_on() {
    let mut ending = token_plan();
    ending.total = None;
    let rules = json!([{"status": [[404, 404]], "when": null, "action": "end"}]);
    ending.rules = serde_json::from_value(rules).unwrap();
    let mut world = World::new(ending, Api::new(dying(6)));
    assert!(world.run().await.error.is_some());
    let expired = |url: &str| match param(url, "after") {
        "6" => Ok((404, Bytes::from_static(b"expired"))),
        _ => by_token(6, false)(url),
    };
    world.turn(Api::new(expired));
    let report = world.run().await.report;
    assert_eq!((report.requests, report.resumed_from), (3, None));
    assert_eq!(world.published(), ids(6));
}

#[tokio::test]
async fn only_the_same_source_is_gone_on_with() {
    type Change = fn(&mut World);
    let cases: [(Change, bool); 6] = [
        (|_| {}, true),
        // How fast it may be read does not make it another one.
        (
            |world| world.change(|plan| plan.delay_ms = 1, Params::default()),
            true,
        ),
        (
            |world| world.change(|plan| plan.total = None, Params::default()),
            false,
        ),
        (
            |world| {
                let given = Param::Plain("eu".to_owned());
                world.change(|_| {}, Params::from_iter([("region", given)]));
            },
            false,
        ),
        (|world| world.wait(SignedDuration::from_hours(23)), true),
        (|world| world.wait(SignedDuration::from_hours(25)), false),
    ];
    for (number, (change, is_same)) in cases.into_iter().enumerate() {
        let mut world = World::new(offset_plan(), Api::new(by_offset(35, 10))).limited(2);
        assert_eq!(world.run().await.report.pages, 2);
        world.limit(None);
        change(&mut world);
        let report = world.run().await.report;
        assert_eq!(
            report.requests,
            if is_same { 3 } else { 5 },
            "case {number}"
        );
        assert_eq!(world.told().is_empty(), is_same, "{:?}", world.told());
        assert_eq!(world.published(), ids(35));
    }
}

#[tokio::test]
async fn an_append_keeps_its_window_and_adds_no_row_twice() {
    let day = |day: i64| Cursor::Timestamp(Timestamp::from_second(day * 86_400).unwrap());
    let window = |end| {
        Some(Window {
            start: Some(day(1)),
            end: Some(day(end)),
        })
    };
    let mut world = World::new(token_plan(), Api::new(dying(6)));
    world.ask(SyncMode::FullAppend, window(2));
    assert!(world.run().await.error.is_some());
    assert_eq!(world.published(), ids(6), "visible with their commits");
    world.turn(Api::new(by_token(12, true)));
    let report = world.run().await.report;
    assert_eq!(report.window, window(2).unwrap());
    assert_eq!(world.published(), ids(12));
    let report = world.run().await.report;
    assert_eq!((report.requests, report.resumed_from), (4, None));
    let twice: Vec<u64> = ids(12).into_iter().chain(ids(12)).collect();
    assert_eq!(world.published(), twice, "every run adds everything");
}
