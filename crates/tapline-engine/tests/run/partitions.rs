//! Streams that are read slice by slice: by values, by parents, by a connector's own parts.

use std::fs;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use serde_json::{Value, json};
use tapline_core::{
    EndSignal, Error, ErrorKind, Finding, HookKind, HookSet, Hooks, ShortReason, Slice,
    SliceCounts, Source, UnknownReason, Verdict, Window,
};
use tapline_spec::{PartitionPlan, PartitionSource, Plan, RuleAction, RulePlan};

use super::doors::{Api, World, answer};
use super::{by_offset, offset_plan, param, token_plan};

/// The stream of parents, with ids from 0.
fn parents() -> Plan {
    let mut plan = offset_plan();
    plan.stream = "parents".to_owned();
    plan.request.path = "/parents".parse().unwrap();
    plan
}

fn of_parent(plan: Plan) -> PartitionSource {
    PartitionSource::Parent {
        plan: Box::new(plan),
        key: "id".to_owned(),
        batch: 1,
        separator: ",".to_owned(),
        take: Vec::new(),
    }
}

fn values(values: &[&str]) -> PartitionSource {
    PartitionSource::Values(values.iter().map(|&value| value.to_owned()).collect())
}

fn partition(name: &str, from: Vec<PartitionSource>) -> PartitionPlan {
    let name = name.to_owned();
    PartitionPlan { name, from }
}

/// The items of each parent.
fn children(partitions: Vec<PartitionPlan>) -> Plan {
    let mut plan = offset_plan();
    plan.request.path = "/parents/${parent}/items".parse().unwrap();
    plan.partitions = partitions;
    plan
}

fn child_of(parent: PartitionSource) -> Plan {
    children(vec![partition("parent", vec![parent])])
}

fn skip(status: u16) -> RulePlan {
    RulePlan {
        status: vec![(status, status)],
        when: None,
        action: RuleAction::SkipSlice,
    }
}

/// The path of a URL, and what its items are numbered from: the parent's id times 1000.
fn parent_of(url: &str) -> Option<u64> {
    let path = url.trim_start_matches("http://api.test/parents");
    let (id, _) = path.strip_prefix('/')?.split_once('/')?;
    id.parse().ok()
}

/// An API with `count` parents, each of which has `items` items.
fn family(count: u64, items: u64) -> impl Fn(&str) -> Result<(u16, Bytes), Error> {
    move |url| match parent_of(url) {
        None => by_offset(count, 10)(url),
        Some(parent) => items_of(parent, items, url),
    }
}

fn items_of(parent: u64, items: u64, url: &str) -> Result<(u16, Bytes), Error> {
    let offset: u64 = param(url, "offset").parse().unwrap();
    let ids = offset..items.min(offset + 10);
    let rows: Vec<Value> = ids.map(|id| json!({"id": parent * 1000 + id})).collect();
    Ok(answer(json!({"items": rows, "total": items})))
}

#[tokio::test]
async fn every_parent_is_a_slice() {
    for (count, pages) in [(0, 1), (1, 2), (10, 2), (23, 4)] {
        let world = World::new(child_of(of_parent(parents())), Api::new(family(count, 12)));
        let outcome = world.run().await;
        assert!(outcome.error.is_none(), "{:?}", outcome.error);
        let report = outcome.report;
        assert_eq!(report.verdict, Verdict::Complete(EndSignal::AllSlices));
        let read = count;
        assert_eq!(report.slices, SliceCounts { read, skipped: 0 });
        assert_eq!(report.records.read, count * 12, "parents are not counted");
        assert_eq!(
            (report.pages, report.requests),
            (count * 3, count * 3 + pages)
        );
        let ids = (0..count).flat_map(|parent| (0..12).map(move |id| parent * 1000 + id));
        assert_eq!(world.published(), ids.collect::<Vec<_>>());
        assert_eq!(world.told().len() as u64, count);
        assert_eq!(
            world.told().last().cloned(),
            count
                .checked_sub(1)
                .map(|last| format!("{count} parent={last}"))
        );
    }
}

#[tokio::test]
async fn lists_are_united_by_name_and_crossed_by_another() {
    let mut plan = children(vec![
        partition("parent", vec![values(&["1", "2"]), values(&["2", "3"])]),
        partition("kind", vec![values(&["a", "b c"])]),
    ]);
    let kind = ("kind".to_owned(), "${kind}".parse().unwrap());
    plan.request.query = vec![kind];
    let world = World::new(plan, Api::new(family(0, 0)));
    assert!(world.run().await.error.is_none());
    let told = world.told();
    let names: Vec<&str> = told
        .iter()
        .filter_map(|told| told.split_once(' '))
        .map(|(_, name)| name)
        .collect();
    let expected = [
        "parent=1&kind=a",
        "parent=1&kind=b+c",
        "parent=2&kind=a",
        "parent=2&kind=b+c",
        "parent=3&kind=a",
        "parent=3&kind=b+c",
    ];
    assert_eq!(names, expected);
    let urls = world.urls();
    assert_eq!(urls[0], "/parents/1/items?kind=a&limit=10&offset=0");
    assert_eq!(urls[5], "/parents/3/items?kind=b+c&limit=10&offset=0");
}

#[tokio::test]
async fn a_parent_may_be_crossed_and_go_in_batches_that_take_more_along() {
    let batched = PartitionSource::Parent {
        plan: Box::new(parents()),
        key: "id".to_owned(),
        batch: 3,
        separator: "|".to_owned(),
        take: vec![("title".to_owned(), "name".to_owned())],
    };
    let mut plan = offset_plan();
    plan.partitions = vec![
        partition("kind", vec![values(&["x", "y"])]),
        partition("ids", vec![batched]),
    ];
    let query = ["kind", "ids", "title"]
        .map(|name| (name.to_owned(), format!("${{{name}}}").parse().unwrap()));
    plan.request.query = query.into();
    let api = |url: &str| match url.contains("/parents") {
        true => by_offset(11, 10)(url),
        false => Ok(answer(json!({"items": [], "total": 0}))),
    };
    let world = World::new(plan, Api::new(api));
    let outcome = world.run().await;
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    let urls = world.urls();
    // A parent that is not the first is read once: its three pages come before all slices.
    let asked = |kind: &str, ids: &str, names: &str| {
        format!("/items?kind={kind}&ids={ids}&title={names}&limit=10&offset=0")
    };
    assert!(
        urls[..3].iter().all(|url| url.starts_with("/parents?")),
        "{urls:?}"
    );
    assert_eq!(urls[3], asked("x", "0%7C1%7C2", "n0%7Cn1%7Cn2"));
    assert_eq!(urls[6], asked("x", "9%7C10", "n9%7Cn10"));
    assert_eq!(urls[7], asked("y", "0%7C1%7C2", "n0%7Cn1%7Cn2"));
    assert_eq!(urls.len(), 3 + 8);
}

#[tokio::test]
async fn what_a_parent_cannot_prove_its_child_cannot() {
    let lying = |url: &str| match parent_of(url) {
        None => {
            let (status, body) = by_offset(3, 10)(url)?;
            let mut page: Value = serde_json::from_slice(&body).unwrap();
            page["total"] = json!(5);
            Ok((status, page.to_string().into()))
        }
        Some(parent) => items_of(parent, 2, url),
    };
    let world = World::new(child_of(of_parent(parents())), Api::new(lying));
    let outcome = world.run().await;
    let mismatch = ShortReason::TotalMismatch {
        total: 5,
        received: 3,
    };
    let short = ShortReason::Parent {
        stream: "parents".to_owned(),
        reason: Box::new(mismatch),
    };
    assert_eq!(outcome.report.verdict, Verdict::Short(short));
    assert_eq!(
        outcome.report.verdict.to_string(),
        "short: the parent stream parents: the source has 5 records, 3 arrived"
    );
    assert!(outcome.error.is_none() && world.is_unpublished());

    let mut cut = parents();
    cut.maximum_request = Some(1);
    let world = World::new(child_of(of_parent(cut)), Api::new(family(23, 2)));
    let verdict = world.run().await.report.verdict;
    let reason = "short: the parent stream parents: maximumRequest stopped it";
    assert_eq!(verdict.to_string(), reason);
    assert!(world.is_unpublished());

    let mut gone = parents();
    gone.rules = vec![skip(404)];
    let nowhere = |_: &str| Ok((404, Bytes::from_static(b"gone")));
    let world = World::new(child_of(of_parent(gone)), Api::new(nowhere));
    let verdict = world.run().await.report.verdict;
    let reason = "unknown: the parent stream parents: every slice was skipped";
    assert_eq!(verdict.to_string(), reason);
    assert!(world.is_unpublished());

    let broken = |url: &str| match param(url, "offset") {
        "10" if parent_of(url).is_none() => Ok((500, Bytes::from_static(b"no"))),
        _ => family(23, 2)(url),
    };
    let world = World::new(child_of(of_parent(parents())), Api::new(broken));
    let error = world.run().await.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("stream: parents"), "{error}");
}

#[tokio::test]
async fn a_short_slice_ends_the_run_at_once() {
    let lying = |url: &str| match parent_of(url) {
        Some(1) => Ok(answer(
            json!({"items": [{"id": 1}], "total": 7, "offset": param(url, "offset")}),
        )),
        _ => family(5, 2)(url),
    };
    let world = World::new(child_of(of_parent(parents())), Api::new(lying));
    let report = world.run().await.report;
    assert_eq!(report.verdict, Verdict::Short(ShortReason::RepeatedPage));
    assert_eq!(report.slices.read, 1);
    assert!(world.is_unpublished());
    assert!(
        world
            .urls()
            .iter()
            .all(|url| !url.starts_with("/parents/2/"))
    );
}

#[tokio::test]
async fn a_value_is_read_once_and_a_record_without_one_is_told() {
    let rows = json!([{"id": "7"}, {"id": null}, {"id": 7}, {"name": "x"}, {"id": "8"}]);
    let api = move |url: &str| match (parent_of(url), param(url, "offset")) {
        (None, "0") => Ok(answer(json!({"items": rows, "total": 5}))),
        (None, _) => Ok(answer(json!({"items": [], "total": 5}))),
        (Some(parent), _) => items_of(parent, 0, url),
    };
    let world = World::new(child_of(of_parent(parents())), Api::new(api));
    assert!(world.run().await.report.verdict.is_complete());
    let warning = "2 of the records of the parent stream `parents` have no value at `id`; nothing was asked for them";
    assert_eq!(world.told(), ["1 parent=7", "2 parent=8", warning]);
}

#[tokio::test]
async fn a_key_that_no_record_has_is_an_error() {
    let misspelt = PartitionSource::Parent {
        plan: Box::new(parents()),
        key: "Id".to_owned(),
        batch: 1,
        separator: String::new(),
        take: Vec::new(),
    };
    let world = World::new(child_of(misspelt), Api::new(family(3, 1)));
    let error = world.run().await.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Spec);
    assert_eq!(
        error.message(),
        "no record of the parent stream `parents` has a value at `Id`; it has: id, name"
    );
    assert!(world.is_unpublished());
}

#[tokio::test]
async fn a_parent_may_have_parents() {
    let mut middle = child_of(of_parent(parents()));
    middle.stream = "middle".to_owned();
    let mut plan = offset_plan();
    plan.request.path = "/leaves/${leaf}".parse().unwrap();
    plan.partitions = vec![partition("leaf", vec![of_parent(middle)])];
    let api = |url: &str| match url.contains("/leaves/") {
        true => by_offset(0, 10)(url),
        false => family(3, 2)(url),
    };
    let world = World::new(plan, Api::new(api));
    assert!(world.run().await.report.verdict.is_complete());
    let leaves = ["0", "1", "1000", "1001", "2000", "2001"];
    let leaves = leaves
        .iter()
        .enumerate()
        .map(|(at, leaf)| format!("{} leaf={leaf}", at + 1));
    assert_eq!(world.told(), leaves.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_limit_counts_the_pages_of_all_slices() {
    // Three pages each: the fourth page is the first of the second slice.
    for (limit, urls) in [(3, 1), (4, 2), (6, 2)] {
        let plan = child_of(values(&["1", "2", "3"]));
        let world = World::new(plan, Api::new(family(0, 12))).limited(limit);
        let verdict = world.run().await.report.verdict;
        let name = "--max-pages".to_owned();
        assert_eq!(
            verdict,
            Verdict::Short(ShortReason::Limit { name }),
            "{limit}"
        );
        assert_eq!(world.requests(), limit);
        assert_eq!(world.told().len(), urls);
    }
}

#[tokio::test]
async fn columns_grow_from_slice_to_slice() {
    let api = |url: &str| {
        let row = match (parent_of(url), param(url, "offset")) {
            (_, "10") => return Ok(answer(json!({"items": []}))),
            (Some(1), _) => json!({"id": 1, "note": "a"}),
            (Some(2), _) => json!({"id": 2, "more": true}),
            _ => json!({"id": 3, "note": 7}),
        };
        Ok(answer(json!({"items": [row]})))
    };
    let world = World::new(child_of(values(&["1", "2", "3"])), Api::new(api));
    let outcome = world.run().await;
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    assert_eq!(world.published(), [1, 2, 3]);
    // The third slice brings nothing new: its number is kept in the column of texts.
    assert_eq!(world.schemas(), 2);
}

#[tokio::test]
async fn a_slice_that_the_source_has_not_is_left_out() {
    let deleted = |gone: fn(u64) -> bool| {
        let api = move |url: &str| match parent_of(url) {
            Some(parent) if gone(parent) => Ok((404, Bytes::from_static(b"gone"))),
            _ => family(3, 2)(url),
        };
        let mut plan = child_of(of_parent(parents()));
        plan.rules = vec![skip(404)];
        World::new(plan, Api::new(api))
    };
    let world = deleted(|parent| parent == 1);
    let outcome = world.run().await;
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    assert_eq!(
        outcome.report.verdict,
        Verdict::Complete(EndSignal::AllSlices)
    );
    let counts = SliceCounts {
        read: 2,
        skipped: 1,
    };
    assert_eq!(outcome.report.slices, counts);
    assert_eq!(world.published(), [0, 1, 2000, 2001]);
    let warning = "slice parent=1 was left out: a rule fits what the source answered (404)";
    assert_eq!(world.told()[2], warning);

    let world = deleted(|_| true);
    let verdict = world.run().await.report.verdict;
    assert_eq!(verdict, Verdict::Unknown(UnknownReason::AllSkipped));
    assert!(world.is_unpublished());
}

/// A connector that divides its stream.
struct Parts;

#[async_trait]
impl Hooks for Parts {
    fn set(&self) -> HookSet {
        HookSet::from_bits(1 << HookKind::Partitions as u64)
    }

    async fn partitions(&self, _: &Window) -> Result<Vec<Slice>, Error> {
        let part = |name: &str| Slice {
            partition: name.to_owned(),
            ..Slice::default()
        };
        Ok(["eu", "us"].map(part).into())
    }
}

#[tokio::test]
async fn a_connector_divides_what_can_be_asked_for_in_parts() {
    let world = World::new(offset_plan(), Api::new(by_offset(5, 10))).with_hooks(Parts);
    let error = world.run().await.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Plugin);
    assert!(error.message().contains("2 parts"), "{error}");

    let mut plan = token_plan();
    plan.request.path = "/${partition}/items".parse().unwrap();
    plan.total = None;
    let api = |url: &str| {
        Ok(answer(
            json!({"items": [{"id": u64::from(url.contains("/us/"))}]}),
        ))
    };
    let world = World::new(plan, Api::new(api)).with_hooks(Parts);
    let report = world.run().await.report;
    assert_eq!(report.verdict, Verdict::Complete(EndSignal::AllSlices));
    assert_eq!(world.published(), [0, 1]);
    assert_eq!(world.urls(), ["/eu/items", "/us/items"]);
}

/// Memory of this process in bytes, where the system tells.
fn memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

#[tokio::test]
async fn a_hundred_thousand_parents_need_no_more_memory_than_a_few() {
    let count = 100_000;
    let mut plan = parents();
    plan.pagination = serde_json::from_value(json!({
        "type": "OFFSET", "limit_name": "limit", "limit": 1000, "offset_name": "offset", "first": 0
    }))
    .unwrap();
    let world = World::new(child_of(of_parent(plan)), Api::new(by_offset(count, 1000)));
    let mut found = world.source().slices(&Window::ALL);
    let (mut slices, mut before) = (0, None);
    while let Some(finding) = found.next().await {
        match finding.unwrap() {
            Finding::Slice(slice) => {
                assert_eq!(slice.partition, format!("parent={slices}"));
                // No page of parents is asked for before the slices of the page before are made.
                assert_eq!(world.requests(), slices / 1000 + 1);
                slices += 1;
                if slices == 70_000 {
                    before = memory();
                }
            }
            Finding::Asked(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(slices, count);
    let grown = memory()
        .zip(before)
        .map(|(now, before)| now.saturating_sub(before));
    assert!(
        grown.is_none_or(|grown| grown < 8 << 20),
        "{grown:?} bytes more"
    );
}

#[tokio::test]
async fn a_slice_that_was_read_is_not_read_again() {
    let mut world = World::new(child_of(values(&["1", "2", "3"])), Api::new(family(0, 15)));
    world.limit(Some(4));
    assert_eq!(world.run().await.report.verdict.name(), "short");
    world.limit(None);
    let report = world.run().await.report;
    assert!(report.verdict.is_complete(), "{:?}", report.verdict);
    // Of the second slice two pages are left, the third has three.
    assert_eq!((report.requests, report.slices.read), (5, 3));
    let of = |parent: u64| (0..15).map(move |item| parent * 1000 + item);
    assert_eq!(world.published(), (1..=3).flat_map(of).collect::<Vec<_>>());
}
