//! Runs that fetch what is missing: what they ask for, what they leave out, what they remember.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::{Value, json};
use tapline_core::{
    Boundary, Cursor, CursorType, EndSignal, Error, ErrorKind, Known, RecordOrder, RunReport,
    ShortReason, Step, Verdict, Window,
};
use tapline_engine::window::{Ask, WindowSettings};
use tapline_engine::{Aim, Asks, SyncMode};
use tapline_spec::Plan;

use super::doors::{Api, World, answer};
use super::{offset_plan, param};

/// Records by their cursor; the id comes first.
pub(crate) type Records = Arc<Mutex<Vec<(u64, i64)>>>;

pub(crate) fn records(rows: impl IntoIterator<Item = (u64, i64)>) -> Records {
    Arc::new(Mutex::new(rows.into_iter().collect()))
}

/// An API that gives the records of a window, a page of them at a time.
pub(crate) fn api(records: &Records) -> Api {
    let records = records.clone();
    Api::new(move |url| page(&records, url, u64::MAX))
}

/// A page, of at most so many records that the API gives for one question.
pub(crate) fn page(records: &Records, url: &str, most: u64) -> Result<(u16, Bytes), Error> {
    let bound = |name: &str| param(url, name).parse::<i64>().ok();
    let (from, to) = (bound("from"), bound("to"));
    let wanted = |at: i64| from.is_none_or(|from| from <= at) && to.is_none_or(|to| at < to);
    let all = records.lock().unwrap().clone();
    let all: Vec<_> = all.into_iter().filter(|(_, at)| wanted(*at)).collect();
    let offset: usize = param(url, "offset").parse().unwrap();
    let end = all.len().min(usize::try_from(most).unwrap_or(usize::MAX));
    let rows = all[offset.min(end)..end.min(offset + 10)].iter();
    let rows: Vec<Value> = rows.map(|(id, at)| json!({"id": id, "at": at})).collect();
    Ok(answer(json!({"items": rows, "total": all.len()})))
}

pub(crate) fn plan() -> Plan {
    let mut plan = offset_plan();
    let bound = |name: &str| json!({"name": name, "format": "iso8601"});
    plan.schedule = serde_json::from_value(json!({
        "start": bound("from"), "end": bound("to"),
        "texts": {"format": "iso8601", "incremental": "", "backfill": ""},
    }))
    .unwrap();
    plan
}

pub(crate) fn at(number: i64) -> Cursor {
    Cursor::of_number(CursorType::Integer, number).unwrap()
}

pub(crate) fn cursor() -> WindowSettings {
    WindowSettings {
        cursor: "at".to_owned(),
        cursor_type: CursorType::Integer,
        order: RecordOrder::Unordered,
        start: None,
        lookback: None,
        safety_lag: jiff::SignedDuration::ZERO,
        boundary: Boundary::Closed,
        slice: None,
        is_open: false,
    }
}

pub(crate) fn missing(ask: Ask, cursor: WindowSettings) -> Aim {
    Aim::Missing {
        ask,
        cursor,
        asks: Asks {
            start: true,
            end: true,
        },
    }
}

pub(crate) fn update(world: &mut World, cursor: WindowSettings) {
    world.aim(SyncMode::Incremental, missing(Ask::Update, cursor));
}

pub(crate) fn backfill(from: Option<i64>, to: Option<i64>) -> Aim {
    let ask = Ask::Backfill {
        from: from.map(at),
        to: to.map(at),
    };
    missing(ask, cursor())
}

pub(crate) async fn complete(world: &World) -> RunReport {
    let outcome = world.run().await;
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    assert!(
        outcome.report.verdict.is_complete(),
        "{}",
        outcome.report.verdict
    );
    outcome.report
}

/// What is known of the stream, which is not divided.
fn known(world: &World) -> Known {
    world.marks().unwrap().known("").unwrap()
}

fn newest(world: &World) -> Option<i64> {
    let newest = known(world).newest?;
    Some(newest.to_string().parse().unwrap())
}

#[tokio::test]
async fn an_update_brings_what_is_new_and_nothing_twice() {
    let rows = records((0..25).map(|id| (id, id as i64)));
    let mut world = World::new(plan(), api(&rows));
    update(&mut world, cursor());
    let report = complete(&world).await;
    assert_eq!((report.records.written, newest(&world)), (25, Some(24)));
    assert_eq!(report.watermarks.newest.as_deref(), Some("24"));
    assert_eq!(report.coverage[0].start, None, "from the beginning");

    // Nothing is new; the newest record comes again, and is left out.
    let report = complete(&world).await;
    assert_eq!((report.records.read, report.records.written), (1, 0));
    assert_eq!(report.records.skipped, 1);
    assert_eq!(
        world.urls().last().unwrap(),
        "/items?from=24&limit=10&offset=10"
    );

    // Two more have the newest cursor by now, and one is newer.
    rows.lock().unwrap().extend([(25, 24), (26, 24), (27, 30)]);
    let report = complete(&world).await;
    assert_eq!((report.records.written, report.records.skipped), (3, 1));
    assert_eq!(newest(&world), Some(30));
    assert_eq!(world.published(), (0..28).collect::<Vec<_>>());
    let after = known(&world);
    assert_eq!(after.coverage.upper(), Some(&at(30)), "not the clock");
}

#[tokio::test]
async fn the_first_run_begins_where_it_is_told_and_a_backfill_fills_the_rest() {
    let rows = records((0..40).map(|id| (id, id as i64)));
    let mut world = World::new(plan(), api(&rows));
    let late = WindowSettings {
        start: Some(at(30)),
        ..cursor()
    };
    update(&mut world, late.clone());
    complete(&world).await;
    assert_eq!(world.published(), (30..40).collect::<Vec<_>>());

    world.aim(SyncMode::Incremental, backfill(Some(10), Some(20)));
    let report = complete(&world).await;
    assert_eq!(report.records.written, 10);
    world.aim(SyncMode::Incremental, backfill(None, None));
    let report = complete(&world).await;
    // What is there already is not asked for again.
    assert_eq!(report.records.read, 20);
    let mut all = world.published();
    all.sort_unstable();
    assert_eq!(all, (0..40).collect::<Vec<_>>());
    let marks = world.marks().unwrap();
    assert_eq!((marks.oldest, newest(&world)), (Some(at(0)), Some(39)));

    let error = world.run().await.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("nothing is missing"), "{error}");
    let requests = world.requests();
    assert!(world.run().await.error.is_some());
    assert_eq!(world.requests(), requests, "nothing was sent");
}

#[tokio::test]
async fn there_is_no_backfill_before_a_first_run() {
    let mut world = World::new(plan(), api(&records([(1, 1)])));
    world.aim(SyncMode::Incremental, backfill(None, None));
    let error = world.run().await.error.unwrap();
    assert!(
        error.to_string().contains("nothing to backfill from"),
        "{error}"
    );
    assert_eq!(world.requests(), 0);
}

#[tokio::test]
async fn a_run_that_lacks_records_moves_no_mark() {
    let rows = records((0..25).map(|id| (id, id as i64)));
    let mut world = World::new(plan(), api(&rows));
    update(&mut world, cursor());
    complete(&world).await;
    let before = world.marks();
    rows.lock()
        .unwrap()
        .extend((25..60).map(|id| (id, id as i64)));
    let lying = rows.clone();
    world.turn(Api::new(move |url| {
        let (_, body) = page(&lying, url, u64::MAX)?;
        let mut page: Value = serde_json::from_slice(&body).unwrap();
        page["total"] = json!(99);
        Ok(answer(page))
    }));
    let report = world.run().await.report;
    assert_eq!(report.verdict.name(), "short");
    assert_eq!(world.marks(), before);
    assert_eq!(report.watermarks.newest.as_deref(), Some("24"));
}

/// Runs that die on each page in turn, until one does not.
#[tokio::test]
async fn a_cut_update_is_gone_on_with_and_remembers_all_of_it() {
    for slice in [None, Some(Step::Count(7))] {
        let rows = records((0..45).map(|id| (id, id as i64)));
        let mut world = World::new(plan(), api(&rows));
        let start = Some(at(0));
        let sliced = WindowSettings {
            slice,
            start,
            ..cursor()
        };
        update(
            &mut world,
            WindowSettings {
                slice: None,
                is_open: false,
                ..sliced.clone()
            },
        );
        complete(&world).await;
        rows.lock()
            .unwrap()
            .extend((45..110).map(|id| (id, id as i64)));
        update(&mut world, sliced);
        world.limit(Some(1));
        let mut runs = 0;
        loop {
            runs += 1;
            let report = world.run().await.report;
            if report.verdict.is_complete() {
                break;
            }
            assert_eq!(
                report.verdict,
                Verdict::Short(ShortReason::Limit {
                    name: "--max-pages".to_owned()
                })
            );
            assert_eq!(newest(&world), Some(44), "only at the end");
            assert!(runs < 60, "it comes to an end");
        }
        assert!(runs > 6, "{runs}");
        assert_eq!(newest(&world), Some(109));
        let mut ids = world.published();
        ids.sort_unstable();
        assert_eq!(ids, (0..110).collect::<Vec<_>>());
        world.limit(None);
        // What was seen before the cuts is known by heart, too.
        let report = complete(&world).await;
        assert_eq!(report.records.written, 0);
    }
}

#[tokio::test]
async fn a_backfill_that_is_cut_does_not_keep_updates_from_their_work() {
    let rows = records((0..60).map(|id| (id, id as i64)));
    let mut world = World::new(plan(), api(&rows));
    let late = WindowSettings {
        start: Some(at(40)),
        ..cursor()
    };
    update(&mut world, late.clone());
    complete(&world).await;
    world.aim(SyncMode::Incremental, backfill(None, None));
    world.limit(Some(2));
    assert_eq!(world.run().await.report.verdict.name(), "short");
    world.limit(None);
    rows.lock().unwrap().push((60, 60));
    update(&mut world, late);
    let report = complete(&world).await;
    assert_eq!((report.records.written, report.resumed_from), (1, None));
    world.aim(SyncMode::Incremental, backfill(None, None));
    let report = complete(&world).await;
    assert_eq!(report.resumed_from.unwrap().pages, 2);
    let mut ids = world.published();
    ids.sort_unstable();
    assert_eq!(ids, (0..61).collect::<Vec<_>>());
    assert_eq!(newest(&world), Some(60));
}

#[tokio::test]
async fn a_page_that_a_sleeper_keeps_at_the_last_moment_is_there_once() {
    let rows = records((0..25).map(|id| (id, id as i64)));
    let mut world = World::new(plan(), api(&rows));
    update(&mut world, cursor());
    world.limit(Some(1));
    assert_eq!(world.run().await.report.verdict.name(), "short");
    world.keep_late();
    assert!(world.is_unpublished(), "whoever looks now sees nothing");
    world.limit(None);
    let report = complete(&world).await;
    assert_eq!(report.resumed_from.unwrap().pages, 1);
    assert_eq!(world.published(), (0..25).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_window_that_was_asked_for_is_read_as_it_is() {
    let rows = records((0..40).map(|id| (id, id as i64)));
    let mut world = World::new(plan(), api(&rows));
    update(
        &mut world,
        WindowSettings {
            start: Some(at(20)),
            ..cursor()
        },
    );
    complete(&world).await;
    let window = Window {
        start: Some(at(5)),
        end: Some(at(10)),
    };
    world.aim(
        SyncMode::Incremental,
        missing(Ask::Explicit(window.clone()), cursor()),
    );
    let report = complete(&world).await;
    assert_eq!((report.records.written, &report.window), (5, &window));
    let spans: Vec<_> = report
        .coverage
        .into_iter()
        .map(|span| (span.start, span.end))
        .collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(spans, [(text("5"), text("10")), (text("20"), text("39"))]);
}

#[tokio::test]
async fn rows_beyond_the_window_are_left_out() {
    let rows = records((0..30).map(|id| (id, id as i64)));
    let mut world = World::new(offset_plan(), api(&rows));
    let nothing = Asks::default();
    let ask = |ask| Aim::Missing {
        ask,
        cursor: cursor(),
        asks: nothing,
    };
    world.aim(SyncMode::Incremental, ask(Ask::Update));
    complete(&world).await;
    rows.lock().unwrap().push((30, 30));
    // The source has no parameter for a window, so all of it comes.
    let report = complete(&world).await;
    let records = report.records;
    assert_eq!(
        (records.read, records.written, records.skipped),
        (31, 1, 30)
    );
    assert_eq!(world.published(), (0..31).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_source_that_gives_the_newest_first_is_read_no_further_than_what_is_known() {
    let rows = records((0..100).rev().map(|id| (id, id as i64)));
    let mut world = World::new(offset_plan(), api(&rows));
    let ordered = WindowSettings {
        order: RecordOrder::Descending,
        ..cursor()
    };
    let aim = Aim::Missing {
        ask: Ask::Update,
        cursor: ordered,
        asks: Asks::default(),
    };
    world.aim(SyncMode::Incremental, aim);
    complete(&world).await;
    let before = world.requests();
    rows.lock()
        .unwrap()
        .splice(0..0, (100..112).rev().map(|id| (id, id as i64)));
    let report = complete(&world).await;
    assert_eq!(report.verdict, Verdict::Complete(EndSignal::WindowPassed));
    assert_eq!((report.pages, report.records.written), (2, 12));
    assert!(world.requests() - before <= 3, "one may be on its way");
    let mut ids = world.published();
    ids.sort_unstable();
    assert_eq!(ids, (0..112).collect::<Vec<_>>());
}

#[tokio::test]
async fn records_out_of_their_order_are_a_sign() {
    let rows = records([(0, 0), (1, 5), (2, 3), (3, 9)]);
    let mut world = World::new(plan(), api(&rows));
    update(
        &mut world,
        WindowSettings {
            order: RecordOrder::Ascending,
            ..cursor()
        },
    );
    let verdict = world.run().await.report.verdict;
    assert!(verdict.to_string().contains("3 came after 5"), "{verdict}");
    assert_eq!(verdict.name(), "short");
    assert_eq!(world.marks(), None);
}

#[tokio::test]
async fn a_cursor_that_no_record_has_is_a_mistake() {
    let mut world = World::new(plan(), api(&records([(0, 0)])));
    update(
        &mut world,
        WindowSettings {
            cursor: "updated".to_owned(),
            ..cursor()
        },
    );
    let error = world.run().await.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Spec);
    assert!(error.message().contains("they have: id, at"), "{error}");
    assert!(world.is_unpublished(), "nothing was kept");
}

#[tokio::test]
async fn pieces_may_be_read_at_the_same_time() {
    let rows = records((0..200).map(|id| (id, id as i64)));
    for pieces in [1, 2, 5] {
        let mut world = World::new(plan(), api(&rows));
        let start = Some(at(0));
        update(
            &mut world,
            WindowSettings {
                start: start.clone(),
                ..cursor()
            },
        );
        let few = rows.clone();
        world.turn(Api::new(move |url| match few.lock().unwrap().first() {
            Some(first) => page(&records([*first]), url, u64::MAX),
            None => unreachable!("there are records"),
        }));
        complete(&world).await;
        world.turn(api(&rows));
        world.at_once(pieces);
        let slice = Some(Step::Count(15));
        let window = Window {
            start,
            end: Some(at(200)),
        };
        let aim = missing(Ask::Explicit(window), WindowSettings { slice, ..cursor() });
        world.aim(SyncMode::Incremental, aim);
        for cut in [Some(3), Some(7), None] {
            world.limit(cut);
            let report = world.run().await.report;
            assert_eq!(
                report.verdict.is_complete(),
                cut.is_none(),
                "{}",
                report.verdict
            );
        }
        let mut ids = world.published();
        ids.sort_unstable();
        assert_eq!(ids, (0..200).collect::<Vec<_>>(), "{pieces} at once");
        assert_eq!(newest(&world), Some(199));
    }
}

#[tokio::test]
async fn every_change_of_the_marks_is_in_the_history() {
    let rows = records([(0, 0)]);
    let mut world = World::new(plan(), api(&rows));
    update(&mut world, cursor());
    complete(&world).await;
    rows.lock().unwrap().push((1, 1));
    let report = complete(&world).await;
    let history = world.log("state/p");
    let versions: Vec<_> = history
        .iter()
        .map(|entry| entry["version"].as_u64())
        .collect();
    assert_eq!(versions, [Some(1), Some(2)]);
    assert_eq!(history[1]["by"], format!("run {}", report.run_id));
    let stored = &history[1]["marks"]["partitions"][""]["newest"]["value"];
    assert_eq!(*stored, "1");
}

#[tokio::test]
async fn what_nobody_will_go_on_with_is_forgotten() {
    let rows = records((0..60).map(|id| (id, id as i64)));
    let mut world = World::new(plan(), api(&rows));
    update(&mut world, cursor());
    world.limit(Some(2));
    assert_eq!(world.run().await.report.verdict.name(), "short");
    assert_eq!(world.left_behind(), 1);
    world.forget_state();
    world.limit(None);
    let report = complete(&world).await;
    assert_eq!((report.resumed_from, world.left_behind()), (None, 0));
}
