//! Runs that are cut, and meanwhile another run moves what is remembered.

use jiff::SignedDuration;
use serde_json::json;
use tapline_core::{Cursor, CursorType, EndSignal, ShortReason, Step, Verdict, Window};
use tapline_engine::window::{Ask, WindowSettings};
use tapline_engine::{Aim, Asks, SyncMode};
use tapline_spec::{PartitionPlan, PartitionSource, Plan};

use super::doors::{Api, World};
use super::incremental::{
    Records, api, at, backfill, complete, cursor, missing, page, plan, records, update,
};
use super::offset_plan;

/// Nothing in the answers shows that records are missing.
fn uncounted() -> Plan {
    Plan {
        total: None,
        ..plan()
    }
}

fn explicit(start: Option<i64>, end: Option<i64>) -> Aim {
    let window = Window {
        start: start.map(at),
        end: end.map(at),
    };
    missing(Ask::Explicit(window), cursor())
}

async fn cut(world: &mut World, pages: u64) {
    world.limit(Some(pages));
    let verdict = world.run().await.report.verdict;
    let name = "--max-pages".to_owned();
    assert_eq!(verdict, Verdict::Short(ShortReason::Limit { name }));
    world.limit(None);
}

fn all(rows: &Records) -> Vec<u64> {
    let mut ids: Vec<u64> = rows.lock().unwrap().iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids
}

/// The ids in the table, each once.
fn there(world: &World) -> Vec<u64> {
    let mut ids = world.published();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[tokio::test]
async fn an_update_whose_window_was_moved_begins_anew() {
    let rows = records((0..60).map(|id| (id, id as i64)));
    let mut world = World::new(uncounted(), api(&rows));
    update(&mut world, cursor());
    cut(&mut world, 2).await;
    // Somebody asks for a part of it, which moves the newest cursor to 24.
    world.aim(SyncMode::Incremental, explicit(Some(10), Some(25)));
    complete(&world).await;
    update(&mut world, cursor());
    // The offset 20 in the window from 24 on would leave out the records up to 43.
    let report = complete(&world).await;
    assert_eq!((report.resumed_from, report.records.written), (None, 35));
    assert!(
        world.told().iter().any(|told| told.contains("moved")),
        "{:?}",
        world.told()
    );
    // What is before the part that was asked for is missing, and a backfill brings it.
    world.aim(SyncMode::Incremental, backfill(None, None));
    complete(&world).await;
    assert_eq!(there(&world), all(&rows));
}

#[tokio::test]
async fn nor_does_one_go_on_whose_window_has_grown() {
    let rows = records((0..60).map(|id| (id, id as i64)));
    let plan = Plan {
        total: None,
        ..offset_plan()
    };
    let mut world = World::new(plan, api(&rows));
    let late = WindowSettings {
        start: Some(at(30)),
        ..cursor()
    };
    // The source gives all that it has, and the first pages held nothing that was wanted.
    let unasked = |ask| Aim::Missing {
        ask,
        cursor: late.clone(),
        asks: Asks::default(),
    };
    world.aim(SyncMode::Incremental, unasked(Ask::Update));
    cut(&mut world, 4).await;
    let window = Window {
        start: Some(at(5)),
        end: Some(at(10)),
    };
    world.aim(SyncMode::Incremental, unasked(Ask::Explicit(window)));
    complete(&world).await;
    world.aim(SyncMode::Incremental, unasked(Ask::Update));
    complete(&world).await;
    let missing: Vec<u64> = (9..60).filter(|id| !there(&world).contains(id)).collect();
    assert_eq!(missing, Vec::<u64>::new());
}

/// The window of a run that was cut ends where it ended, and by now what is known begins after that.
#[tokio::test]
async fn nor_is_one_complete_of_whose_window_nothing_is_left() {
    let rows = records((0..60).map(|id| (id, id as i64)));
    let mut plan = uncounted();
    let bound = |name: &str| json!({"name": name, "format": "epoch_s"});
    plan.schedule = serde_json::from_value(json!({
        "start": bound("from"), "end": bound("to"),
        "texts": {"format": "epoch_s", "incremental": "", "backfill": ""},
    }))
    .unwrap();
    let mut world = World::new(plan, api(&rows));
    let second = |second| Cursor::of_number(CursorType::Timestamp, second);
    let times = WindowSettings {
        cursor_type: CursorType::Timestamp,
        ..cursor()
    };
    world.wait(SignedDuration::from_secs(50));
    update(&mut world, times.clone());
    cut(&mut world, 2).await;
    world.wait(SignedDuration::from_secs(50));
    let window = Window {
        start: second(52),
        end: second(58),
    };
    world.aim(
        SyncMode::Incremental,
        missing(Ask::Explicit(window), times.clone()),
    );
    complete(&world).await;
    update(&mut world, times);
    let report = complete(&world).await;
    assert_eq!((report.resumed_from, report.records.written), (None, 2));
    assert_ne!(report.verdict, Verdict::Complete(EndSignal::NothingToAsk));
    let newest = report.watermarks.newest.unwrap();
    assert_eq!(newest, "1970-01-01T00:00:59Z");
}

#[tokio::test]
async fn a_backfill_whose_gap_was_filled_in_part_begins_anew() {
    let rows = records((0..60).map(|id| (id, id as i64)));
    let mut world = World::new(uncounted(), api(&rows));
    let late = WindowSettings {
        start: Some(at(50)),
        ..cursor()
    };
    update(&mut world, late);
    complete(&world).await;
    world.aim(SyncMode::Incremental, backfill(None, None));
    cut(&mut world, 2).await;
    world.aim(SyncMode::Incremental, explicit(Some(15), Some(25)));
    complete(&world).await;
    world.aim(SyncMode::Incremental, backfill(None, None));
    let report = complete(&world).await;
    assert_eq!((report.resumed_from, report.records.written), (None, 40));
    assert_eq!(there(&world), all(&rows));
}

#[tokio::test]
async fn what_moves_nothing_keeps_no_run_from_going_on() {
    let rows = records((0..60).map(|id| (id, id as i64)));
    let mut world = World::new(uncounted(), api(&rows));
    let late = WindowSettings {
        start: Some(at(30)),
        ..cursor()
    };
    update(&mut world, late.clone());
    complete(&world).await;
    rows.lock()
        .unwrap()
        .extend((60..90).map(|id| (id, id as i64)));
    cut(&mut world, 2).await;
    world.aim(SyncMode::Incremental, explicit(Some(40), Some(50)));
    complete(&world).await;
    world.aim(SyncMode::Incremental, backfill(None, None));
    complete(&world).await;
    update(&mut world, late);
    let report = complete(&world).await;
    assert_eq!(report.resumed_from.unwrap().pages, 2);
    assert_eq!(there(&world), all(&rows));
}

/// An update looks back as far as the first one began, and everything is always the same; but what was
/// read before the newest record was there does not reach up to it.
#[tokio::test]
async fn nor_does_one_go_on_that_was_read_when_less_was_known() {
    for ask in [Ask::Update, Ask::Everything] {
        let (first, second) = (records([(0, 0)]), records([(10, 0)]));
        let mut plan = uncounted();
        plan.request.path = "/parts/${part}/items".parse().unwrap();
        plan.partitions = vec![PartitionPlan {
            name: "part".to_owned(),
            from: vec![PartitionSource::Values(vec!["a".into(), "b".into()])],
        }];
        let (rows, others) = (first.clone(), second.clone());
        let api = Api::new(move |url| match url.contains("/parts/a/") {
            true => page(&rows, url, u64::MAX),
            false => page(&others, url, u64::MAX),
        });
        let mut world = World::new(plan, api);
        let settings = WindowSettings {
            start: Some(at(0)),
            lookback: Some(Step::Count(6)),
            ..cursor()
        };
        let aim = missing(ask, settings);
        world.aim(SyncMode::Incremental, aim.clone());
        // All of the first part, and nothing of the second.
        cut(&mut world, 2).await;
        first.lock().unwrap().extend([(1, 3), (2, 6)]);
        world.aim(SyncMode::Incremental, explicit(Some(6), None));
        complete(&world).await;
        world.aim(SyncMode::Incremental, aim);
        let report = complete(&world).await;
        assert_eq!(report.resumed_from, None);
        assert_eq!(there(&world), [0, 1, 2, 10]);
    }
}
