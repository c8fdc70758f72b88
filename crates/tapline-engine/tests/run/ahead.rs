//! Pages that are asked for before the answer before them: as many as may be, in order, and none
//! that is known not to be there.

use bytes::Bytes;
use serde_json::{Value, json};
use tapline_core::{EndSignal, Error, ShortReason, Verdict};
use tapline_spec::Plan;

use super::doors::{Api, World, answer};
use super::{by_offset, offset_plan, param, plan, token_plan};

fn ids(records: u64) -> Vec<u64> {
    (0..records).collect()
}

/// Numbered pages of ten, from 1.
fn by_page(records: u64) -> impl Fn(&str) -> Result<(u16, Bytes), Error> {
    move |url| {
        let page: u64 = param(url, "page").parse().unwrap();
        let rows = (page - 1) * 10..records.min(page * 10);
        let rows: Vec<Value> = rows.map(|id| json!({"id": id})).collect();
        Ok(answer(
            json!({"items": rows, "pages": records.div_ceil(10)}),
        ))
    }
}

#[tokio::test]
async fn as_many_pages_are_on_their_way_as_may_be() {
    for at_once in [1, 2, 4, 9] {
        let mut world = World::new(offset_plan(), Api::new(by_offset(235, 10)));
        world.at_once(at_once);
        let report = world.run().await.report;
        assert_eq!(report.verdict, Verdict::Complete(EndSignal::EmptyPage));
        assert_eq!(world.published(), ids(235), "in order");
        assert_eq!(world.most_at_once(), at_once as u64);
        // The total says that there is nothing beyond the page after the last.
        assert_eq!((report.requests, world.requests()), (25, 25));
    }
}

#[tokio::test]
async fn what_is_not_there_was_asked_for_at_most_so_often() {
    let mut plan = offset_plan();
    plan.total = None;
    let mut world = World::new(plan, Api::new(by_offset(35, 10)));
    world.at_once(4);
    let report = world.run().await.report;
    assert_eq!(report.verdict, Verdict::Complete(EndSignal::EmptyPage));
    assert_eq!((report.pages, world.published()), (5, ids(35)));
    assert!(world.requests() <= 5 + 3, "{}", world.requests());
    assert_eq!(report.requests, world.requests(), "and all are told");
}

#[tokio::test]
async fn numbered_pages_end_with_the_last_that_is_announced() {
    let numbered = |last: Value| {
        let mut plan = plan(json!({
            "type": "PAGE", "limit": null, "page_name": "page", "first": 1, "last": last
        }));
        plan.total = None;
        plan
    };
    for last in [json!({"announced": "$.pages"}), json!({"fixed": 6})] {
        let mut world = World::new(numbered(last), Api::new(by_page(57)));
        world.at_once(4);
        let report = world.run().await.report;
        assert_eq!(report.verdict, Verdict::Complete(EndSignal::LastPage));
        assert_eq!((world.requests(), world.published()), (6, ids(57)));
        assert_eq!(world.most_at_once(), 4);
    }
}

#[tokio::test]
async fn a_range_is_asked_for_to_its_end_even_where_there_is_nothing() {
    // Days without records, in the middle and at the end.
    let by_day = |url: &str| {
        let day: u64 = url.rsplit('/').next().unwrap().parse().unwrap();
        let rows: Vec<Value> = match day {
            3 | 8 => Vec::new(),
            _ => (0..2).map(|n| json!({"id": day * 10 + n})).collect(),
        };
        Ok(answer(json!({ "items": rows })))
    };
    for at_once in [1, 4] {
        let mut plan = plan(json!({
            "type": "RANGE", "name": "day", "first": 1, "last": 8, "step": 1
        }));
        plan.request.path = "/days/${day}".parse().unwrap();
        let mut world = World::new(plan, Api::new(by_day));
        world.at_once(at_once);
        let report = world.run().await.report;
        assert_eq!(report.verdict, Verdict::Complete(EndSignal::LastPage));
        assert_eq!((report.pages, world.requests()), (8, 8));
        assert_eq!(world.most_at_once(), at_once as u64);
        let wanted: Vec<u64> = [1, 2, 4, 5, 6, 7]
            .iter()
            .flat_map(|day| [day * 10, day * 10 + 1])
            .collect();
        assert_eq!(world.published(), wanted, "in order");
    }
}

/// A range from 1 to 4 in the query.
fn numbers() -> Plan {
    let mut plan = plan(json!({
        "type": "RANGE", "name": "n", "first": 1, "last": 4, "step": 1
    }));
    plan.total = None;
    plan.request.query = vec![("n".to_owned(), "${n}".parse().unwrap())];
    plan
}

#[tokio::test]
async fn rules_see_the_number_of_a_range() {
    let but_two = |url: &str| match param(url, "n") {
        "2" => Ok((404, Bytes::from("{}"))),
        n => Ok(answer(
            json!({"items": [{"id": n.parse::<u64>().unwrap()}]}),
        )),
    };
    let mut plan = numbers();
    let when = "@equals(pipeline().parameters.n, '2')";
    let rule = json!([{"status": [[404, 404]], "when": when, "action": "ignore"}]);
    plan.rules = serde_json::from_value(rule).unwrap();
    let world = World::new(plan, Api::new(but_two));
    let outcome = world.run().await;
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    let verdict = outcome.report.verdict;
    assert_eq!(verdict, Verdict::Complete(EndSignal::LastPage));
    assert_eq!(world.published(), [1, 3, 4]);
}

#[tokio::test]
async fn a_source_that_ignores_the_number_is_noticed() {
    let same = |_: &str| Ok(answer(json!({"items": [{"id": 7}]})));
    let world = World::new(numbers(), Api::new(same));
    let verdict = world.run().await.report.verdict;
    assert_eq!(verdict, Verdict::Short(ShortReason::RepeatedPage));
    assert!(world.is_unpublished());
}

#[tokio::test]
async fn a_range_that_was_cut_goes_on_with_the_next_number() {
    let by_number = |url: &str| {
        let id: u64 = param(url, "id").parse().unwrap();
        Ok(answer(json!({"items": [{"id": id}]})))
    };
    let mut plan = plan(json!({
        "type": "RANGE", "name": "id", "first": 0, "last": 10, "step": 5
    }));
    plan.total = None;
    plan.request.query = vec![("id".to_owned(), "${id}".parse().unwrap())];
    let mut world = World::new(plan, Api::new(by_number));
    world.at_once(4);
    world.limit(Some(2));
    assert_eq!(world.run().await.report.verdict.name(), "short");
    world.limit(None);
    assert!(world.run().await.report.verdict.is_complete());
    assert_eq!((world.published(), world.requests()), (vec![0, 5, 10], 3));
}

#[tokio::test]
async fn where_only_an_answer_tells_nothing_is_asked_ahead() {
    let by_token = |url: &str| {
        let start: u64 = param(url, "after").parse().unwrap_or(0);
        let items: Vec<Value> = (start..start + 3).map(|id| json!({"id": id})).collect();
        let next = (start < 30).then(|| (start + 3).to_string());
        Ok(answer(json!({"items": items, "next": next})))
    };
    let mut world = World::new(token_plan(), Api::new(by_token));
    world.at_once(4);
    assert!(world.run().await.report.verdict.is_complete());
    assert_eq!((world.most_at_once(), world.requests()), (1, 11));
}

#[tokio::test]
async fn a_cut_loses_no_page_that_was_on_its_way() {
    let mut world = World::new(offset_plan(), Api::new(by_offset(235, 10)));
    world.at_once(4);
    for pages in [1, 3, 7] {
        world.limit(Some(pages));
        let before = world.requests();
        let report = world.run().await.report;
        assert_eq!((report.verdict.name(), report.pages), ("short", pages));
        assert_eq!(world.requests() - before, pages, "no more than may be");
    }
    world.limit(None);
    assert!(world.run().await.report.verdict.is_complete());
    assert_eq!(world.published(), ids(235));
    assert_eq!(world.requests(), 25);
}
