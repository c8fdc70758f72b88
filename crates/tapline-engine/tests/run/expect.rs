//! What a pipeline expects of its runs, and of which.

use serde_json::json;
use tapline_engine::window::{Ask, WindowSettings};
use tapline_engine::{Expectations, SyncMode};
use tapline_spec::{ExplodePlan, PaginationPlan, Siblings};

use super::doors::{Api, World, answer};
use super::incremental::{api, at, backfill, complete, cursor, missing, plan, records};

#[tokio::test]
async fn what_a_pipeline_expects_is_part_of_the_verdict() {
    let rows = records((0..10).map(|id| (id, id as i64)));
    let mut world = World::new(plan(), api(&rows));
    world.ask(SyncMode::FullLoad, None);
    world.expect(Expectations {
        min_records: Some(11),
        ..Expectations::default()
    });
    let verdict = world.run().await.report.verdict;
    assert!(verdict.to_string().contains("10 records came"), "{verdict}");
    assert!(world.is_unpublished());

    world.expect(Expectations {
        max_drop: Some(50.0),
        ..Expectations::default()
    });
    complete(&world).await;
    rows.lock().unwrap().truncate(4);
    let verdict = world.run().await.report.verdict;
    assert_eq!(verdict.name(), "short");
    assert!(
        verdict.to_string().contains("10 the last time"),
        "{verdict}"
    );
    assert_eq!(world.published().len(), 10, "the table is as it was");
    rows.lock().unwrap().push((5, 5));
    complete(&world).await;
}

/// An update brings less than a first run, and that is no drop.
#[tokio::test]
async fn a_run_is_compared_with_its_own_kind() {
    let rows = records((0..40).map(|id| (id, id as i64)));
    let mut world = World::new(plan(), api(&rows));
    world.aim(SyncMode::Incremental, missing(Ask::Update, cursor()));
    world.expect(Expectations {
        max_drop: Some(50.0),
        ..Expectations::default()
    });
    complete(&world).await;
    let add = |from: u64, count: u64| {
        let new = (from..from + count).map(|id| (id, id as i64));
        rows.lock().unwrap().extend(new);
    };
    add(40, 4);
    assert_eq!(complete(&world).await.brought, 4);
    add(44, 1);
    let verdict = world.run().await.report.verdict;
    assert!(
        verdict.to_string().contains("1 records came, 4 the last"),
        "{verdict}"
    );
}

#[tokio::test]
async fn nothing_is_expected_of_a_backfill() {
    let rows = records((20..40).map(|id| (id, id as i64)));
    let mut world = World::new(plan(), api(&rows));
    let late = WindowSettings {
        start: Some(at(20)),
        ..cursor()
    };
    world.aim(SyncMode::Incremental, missing(Ask::Update, late));
    world.expect(Expectations {
        min_records: Some(1),
        ..Expectations::default()
    });
    complete(&world).await;
    world.aim(SyncMode::Incremental, backfill(None, None));
    assert_eq!(complete(&world).await.brought, 0);
}

/// What is counted is what a record becomes, where rows are left out.
#[tokio::test]
async fn rows_of_exploded_records_count() {
    let api = Api::new(|_| {
        let item = |id: u64| json!({ "id": id, "at": id, "parts": [{ "n": 1 }, { "n": 2 }] });
        Ok(answer(json!({ "items": [item(1), item(2)], "total": 2 })))
    });
    let mut exploding = plan();
    exploding.pagination = PaginationPlan::None;
    exploding.explode = Some(ExplodePlan {
        keys: vec!["parts".to_owned()],
        siblings: Siblings {
            keep: None,
            skip: Vec::new(),
        },
        wrapper: "part".to_owned(),
        unwrap: false,
    });
    let mut world = World::new(exploding, api);
    world.aim(SyncMode::Incremental, missing(Ask::Update, cursor()));
    world.expect(Expectations {
        min_records: Some(1),
        ..Expectations::default()
    });
    let report = complete(&world).await;
    assert_eq!((report.records.read, report.brought), (2, 4));
}
