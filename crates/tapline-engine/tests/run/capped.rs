//! Sources that give only so many records for one question: a window that holds more is read in parts.

use tapline_core::{EndSignal, RecordOrder, ShortReason, Step, Verdict, Window};
use tapline_engine::window::{Ask, WindowSettings};
use tapline_engine::{Aim, Asks, SyncMode};

use super::doors::{Api, World};
use super::incremental::{Records, at, complete, cursor, missing, page, plan, records, update};
use super::param;

/// An API that gives at most 20 records for one question, and refuses one for what is beyond.
fn capped(records: &Records) -> Api {
    let records = records.clone();
    Api::new(move |url| match param(url, "offset").parse::<u64>() {
        Ok(offset) if offset < 20 => page(&records, url, 20),
        _ => Ok((422, "beyond".into())),
    })
}

#[tokio::test]
async fn a_window_that_holds_too_much_is_read_in_parts() {
    let count = 170;
    let rows = records((0..count).map(|id| (id, (id * id / 9) as i64)));
    let all = [
        (RecordOrder::Unordered, SyncMode::Incremental),
        (RecordOrder::Ascending, SyncMode::Incremental),
        (RecordOrder::Unordered, SyncMode::FullLoad),
        (RecordOrder::Ascending, SyncMode::FullLoad),
    ];
    let all = all
        .into_iter()
        .flat_map(|of| [(of, Some(at(0))), (of, None)]);
    for ((order, mode), start) in all {
        for cut in [None, Some(1), Some(3)] {
            let mut limited = plan();
            limited.maximum_records = Some(20);
            let mut world = World::new(limited, capped(&rows));
            let ordered = WindowSettings { order, ..cursor() };
            let start = start.clone();
            let asks = Asks {
                start: true,
                end: true,
            };
            let aim = match mode {
                SyncMode::Incremental => missing(Ask::Update, WindowSettings { start, ..ordered }),
                _ => Aim::Window {
                    window: Window { start, end: None },
                    is_given: false,
                    cursor: Some(ordered),
                    asks,
                },
            };
            world.aim(mode, aim);
            world.limit(cut);
            for _ in 0..200 {
                let report = world.run().await.report;
                if report.verdict.is_complete() {
                    break;
                }
                let limit = ShortReason::Limit {
                    name: "--max-pages".to_owned(),
                };
                assert_eq!(report.verdict, Verdict::Short(limit), "{order:?} {cut:?}");
            }
            let mut ids = world.published();
            ids.sort_unstable();
            assert_eq!(
                ids,
                (0..count).collect::<Vec<_>>(),
                "{order:?} {mode} {cut:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_in_parts_is_short() {
    // All of them have one and the same cursor.
    let rows = records((0..30).map(|id| (id, 7)));
    for order in [RecordOrder::Unordered, RecordOrder::Ascending] {
        let mut limited = plan();
        limited.maximum_records = Some(20);
        let mut world = World::new(limited, capped(&rows));
        let start = Some(at(7));
        update(
            &mut world,
            WindowSettings {
                order,
                start,
                ..cursor()
            },
        );
        let verdict = world.run().await.report.verdict;
        assert_eq!(
            verdict,
            Verdict::Short(ShortReason::Capped { most: 20 }),
            "{order:?}"
        );
        assert_eq!(world.marks(), None);
    }
}

/// What is known by heart is left out wherever the source has ended the pages before.
#[tokio::test]
async fn the_newest_rows_come_once_though_the_window_is_read_in_parts() {
    let rows = records((0..50).map(|id| (id, id as i64)));
    let mut limited = plan();
    limited.maximum_records = Some(20);
    let mut world = World::new(limited, capped(&rows));
    let looking_back = WindowSettings {
        order: RecordOrder::Ascending,
        lookback: Some(Step::Count(30)),
        start: Some(at(0)),
        ..cursor()
    };
    update(&mut world, looking_back.clone());
    complete(&world).await;
    rows.lock().unwrap().push((50, 49));
    // From 19 on: the first part ends at 38, the next one holds 49, of which one row is known.
    let report = complete(&world).await;
    assert_eq!((report.records.written, report.records.skipped), (31, 2));
    let twice = world.published().iter().filter(|id| **id == 49).count();
    assert_eq!(twice, 1);
}

/// The place after the last page with records is one that such an API refuses.
#[tokio::test]
async fn nothing_is_asked_for_beyond_what_a_source_gives() {
    for (count, end) in [
        (7, EndSignal::EmptyPage),
        (15, EndSignal::Most),
        (19, EndSignal::Most),
    ] {
        let rows = records((0..count).map(|id| (id, id as i64)));
        for total in [true, false] {
            let mut limited = plan();
            limited.maximum_records = Some(20);
            limited.total = limited.total.filter(|_| total);
            let mut world = World::new(limited, capped(&rows));
            update(&mut world, cursor());
            let report = complete(&world).await;
            assert_eq!(report.verdict, Verdict::Complete(end.clone()));
            assert_eq!(report.records.written, count);
        }
    }
}

/// The source ends the pages between two rows with the newest cursor, both of which are known.
#[tokio::test]
async fn rows_that_are_known_come_once_though_the_source_ends_between_them() {
    let rows = records((0..20).map(|id| (id, id as i64)).chain([(20, 19)]));
    let mut limited = plan();
    limited.maximum_records = Some(20);
    let mut world = World::new(limited, capped(&rows));
    let upwards = WindowSettings {
        order: RecordOrder::Ascending,
        start: Some(at(10)),
        ..cursor()
    };
    update(&mut world, upwards.clone());
    complete(&world).await;
    let window = Window {
        start: Some(at(0)),
        end: Some(at(30)),
    };
    world.aim(
        SyncMode::Incremental,
        missing(Ask::Explicit(window), upwards),
    );
    let report = complete(&world).await;
    // The two are known; of them, the one that was seen comes again with the rest.
    assert_eq!((report.records.written, report.records.skipped), (19, 3));
}
