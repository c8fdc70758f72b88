//! Tables of what is decided and remembered, and what holds for any history of runs.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tapline_core::{EndSignal, UnknownReason};

use super::*;

const COMPLETE: Verdict = Verdict::Complete(EndSignal::NoNext);
const UNKNOWN: Verdict = Verdict::Unknown(UnknownReason::NoEndSignal);

/// So many seconds after an arbitrary midnight.
fn at(seconds: i64) -> Cursor {
    Cursor::Timestamp(Timestamp::from_second(1_767_225_600 + seconds).unwrap())
}

fn now(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + seconds).unwrap()
}

fn settings() -> WindowSettings {
    WindowSettings {
        cursor: "updated_at".to_owned(),
        cursor_type: CursorType::Timestamp,
        lookback: None,
        safety_lag: SignedDuration::ZERO,
        boundary: Boundary::Closed,
        slice: None,
    }
}

fn range(start: Option<i64>, end: Option<i64>) -> CursorRange {
    CursorRange::new(start.map(at), end.map(at))
}

fn seen(oldest: i64, newest: i64) -> Option<Seen> {
    Some(Seen {
        oldest: at(oldest),
        newest: at(newest),
    })
}

fn empty() -> Marks {
    Marks::new("incremental", "updated_at", CursorType::Timestamp)
}

/// What a full run leaves that saw records of 100 to 200.
fn marks() -> Marks {
    let all = range(None, Some(300));
    commit(
        &empty(),
        WindowKind::Full,
        &COMPLETE,
        &all,
        seen(100, 200).as_ref(),
    )
}

#[track_caller]
fn check(
    marks: &Marks,
    ask: &Ask,
    settings: &WindowSettings,
    expected: (WindowKind, &[CursorRange]),
) {
    let plan = decide(Some(marks), ask, settings, now(500)).unwrap();
    assert_eq!((plan.kind, plan.ranges.as_slice()), expected);
}

fn refused(marks: Option<&Marks>, ask: &Ask, settings: &WindowSettings) -> String {
    let error = decide(marks, ask, settings, now(500)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    error.to_string()
}

#[test]
fn a_first_run_sends_no_start() {
    let expected = [range(None, Some(500))];
    check(
        &empty(),
        &Ask::Update,
        &settings(),
        (WindowKind::Full, &expected),
    );
    let plan = decide(None, &Ask::Update, &settings(), now(500)).unwrap();
    assert_eq!(plan.ranges, expected);
}

#[test]
fn an_update_starts_at_the_newest_record() {
    let plain = settings();
    check(
        &marks(),
        &Ask::Update,
        &plain,
        (WindowKind::Update, &[range(Some(200), Some(500))]),
    );
    let late = WindowSettings {
        lookback: Some(Step::Seconds(60)),
        safety_lag: SignedDuration::from_secs(30),
        boundary: Boundary::Open,
        ..settings()
    };
    check(
        &marks(),
        &Ask::Update,
        &late,
        (WindowKind::Update, &[range(Some(140), Some(470))]),
    );
    let open = WindowSettings {
        boundary: Boundary::Open,
        ..settings()
    };
    let after = CursorRange {
        boundary: Boundary::Open,
        ..range(Some(200), Some(500))
    };
    check(
        &marks(),
        &Ask::Update,
        &open,
        (WindowKind::Update, &[after]),
    );
    // The source's clock is ahead of ours: nothing can be new for us.
    let far = WindowSettings {
        safety_lag: SignedDuration::from_secs(400),
        ..settings()
    };
    check(&marks(), &Ask::Update, &far, (WindowKind::Update, &[]));
}

#[test]
fn a_backfill_asks_for_what_is_missing() {
    let ask = |from: Option<i64>, to: Option<i64>| Ask::Backfill {
        from: from.map(at),
        to: to.map(at),
    };
    let kind = WindowKind::Backfill;
    check(
        &marks(),
        &ask(None, None),
        &settings(),
        (kind, &[range(None, Some(100))]),
    );
    check(
        &marks(),
        &ask(Some(20), None),
        &settings(),
        (kind, &[range(Some(20), Some(100))]),
    );
    check(
        &marks(),
        &ask(Some(20), Some(50)),
        &settings(),
        (kind, &[range(Some(20), Some(50))]),
    );
    // What is covered is not asked for again, and what is above the newest is for updates.
    check(
        &marks(),
        &ask(Some(20), Some(900)),
        &settings(),
        (kind, &[range(Some(20), Some(100))]),
    );
    let island = range(Some(20), Some(50));
    let marks = commit(&marks(), kind, &COMPLETE, &island, seen(22, 48).as_ref());
    let missing = [range(None, Some(20)), range(Some(50), Some(100))];
    check(&marks, &ask(None, None), &settings(), (kind, &missing));
}

#[test]
fn a_backfill_without_anything_to_do_fails_loudly() {
    let ask = Ask::Backfill {
        from: Some(at(120)),
        to: None,
    };
    let said = refused(None, &ask, &settings());
    assert!(said.contains("nothing to backfill from"), "{said}");
    let said = refused(Some(&empty()), &ask, &settings());
    assert!(said.contains("nothing to backfill from"), "{said}");
    let said = refused(Some(&marks()), &ask, &settings());
    assert!(said.contains("nothing is missing from 2026"), "{said}");
}

#[test]
fn an_explicit_window_ends_now_and_is_not_empty() {
    let ask = |start, end| Ask::Explicit(range(start, end));
    let kind = WindowKind::Explicit;
    check(
        &marks(),
        &ask(Some(10), None),
        &settings(),
        (kind, &[range(Some(10), Some(500))]),
    );
    let said = refused(None, &ask(Some(500), None), &settings());
    assert!(said.contains("the window is empty"), "{said}");
}

#[test]
fn a_text_has_no_ranges() {
    let text = |text: &str| Cursor::String(text.to_owned());
    let settings = WindowSettings {
        cursor_type: CursorType::String,
        ..settings()
    };
    let first = decide(None, &Ask::Update, &settings, now(500)).unwrap();
    assert_eq!(first.ranges, [range(None, None)]);
    let marks = Marks::new("incremental", "updated_at", CursorType::String);
    let seen = |newest| Seen {
        oldest: text("q"),
        newest: text(newest),
    };
    let marks = commit(
        &marks,
        first.kind,
        &COMPLETE,
        &first.ranges[0],
        Some(&seen("x")),
    );
    // The source says what is newer, not the alphabet.
    let update = decide(Some(&marks), &Ask::Update, &settings, now(500)).unwrap();
    let marks = commit(
        &marks,
        update.kind,
        &COMPLETE,
        &update.ranges[0],
        Some(&seen("b")),
    );
    assert_eq!(marks.newest, Some(text("b")));
    assert!(marks.coverage.is_empty());
    let all = Ask::Backfill {
        from: None,
        to: None,
    };
    assert!(refused(Some(&marks), &all, &settings).contains("only the source knows"));
}

#[test]
fn marks_of_another_cursor_are_refused() {
    let other = WindowSettings {
        cursor: "created_at".to_owned(),
        ..settings()
    };
    assert!(refused(Some(&marks()), &Ask::Update, &other).contains("`tapline state reset`"));
}

#[track_caller]
fn remembers(
    kind: WindowKind,
    range: &CursorRange,
    seen: Option<Seen>,
    expected: (i64, i64, &[(i64, i64)]),
) {
    let after = commit(&marks(), kind, &COMPLETE, range, seen.as_ref());
    let spans: Vec<_> = after.coverage.spans().to_vec();
    let (oldest, newest, wanted) = expected;
    assert_eq!(
        (after.oldest, after.newest),
        (Some(at(oldest)), Some(at(newest)))
    );
    let wanted: Vec<_> = wanted
        .iter()
        .map(|(start, end)| (at(*start), at(*end)))
        .collect();
    let spans: Vec<_> = spans
        .into_iter()
        .map(|span| (span.start, span.end))
        .collect();
    assert_eq!(spans, wanted);
}

#[test]
fn marks_move_as_far_as_was_proved() {
    use WindowKind::{Backfill, Explicit, Update};
    let new = range(Some(200), Some(500));
    remembers(Update, &new, seen(210, 230), (100, 230, &[(100, 230)]));
    // Nothing came: nothing moves, not even what is covered.
    remembers(Update, &new, None, (100, 200, &[(100, 200)]));
    // Only what was looked back for came again.
    let back = range(Some(150), Some(500));
    remembers(Update, &back, seen(160, 160), (100, 200, &[(100, 200)]));
    // An update never moves the oldest mark, whatever it sees.
    let far_back = range(Some(50), Some(500));
    remembers(Update, &far_back, seen(60, 220), (100, 220, &[(50, 220)]));
    remembers(
        Backfill,
        &range(None, Some(100)),
        seen(40, 90),
        (40, 200, &[(40, 200)]),
    );
    remembers(
        Backfill,
        &range(Some(10), Some(100)),
        seen(40, 90),
        (40, 200, &[(10, 200)]),
    );
    // An island below, and one above, which would leave a gap under the newest mark.
    let below = range(Some(10), Some(50));
    remembers(
        Explicit,
        &below,
        seen(20, 30),
        (20, 200, &[(10, 50), (100, 200)]),
    );
    let above = range(Some(300), Some(400));
    remembers(Explicit, &above, seen(310, 390), (100, 200, &[(100, 200)]));
    let across = range(Some(150), Some(400));
    remembers(Explicit, &across, seen(160, 390), (100, 390, &[(100, 390)]));
}

/// Something that happens to a pipeline.
#[derive(Clone, Debug)]
enum Event {
    /// A record appears, so long after the last.
    Record(i64),
    Update {
        lookback: u64,
        is_complete: bool,
    },
    Backfill {
        from: Option<i64>,
        to: Option<i64>,
        is_complete: bool,
    },
    Explicit {
        start: Option<i64>,
        end: i64,
        is_complete: bool,
    },
}

fn history() -> impl Strategy<Value = Vec<Event>> {
    let time = 0..400_i64;
    let maybe = proptest::option::of(0..400_i64);
    let step = prop_oneof![
        4 => (1..20_i64).prop_map(Event::Record),
        3 => (0..30_u64, any::<bool>())
            .prop_map(|(lookback, is_complete)| Event::Update { lookback, is_complete }),
        2 => (maybe.clone(), maybe.clone(), any::<bool>())
            .prop_map(|(from, to, is_complete)| Event::Backfill { from, to, is_complete }),
        1 => (maybe, time, any::<bool>())
            .prop_map(|(start, end, is_complete)| Event::Explicit { start, end, is_complete }),
    ];
    proptest::collection::vec(step, 1..40)
}

/// A source, and what a pipeline has of it.
struct World {
    clock: i64,
    records: BTreeSet<Cursor>,
    fetched: BTreeSet<Cursor>,
    proved: Coverage,
    marks: Marks,
}

impl World {
    fn run(&mut self, ask: &Ask, lookback: u64, is_complete: bool) {
        let settings = WindowSettings {
            lookback: Some(Step::Seconds(lookback)),
            ..settings()
        };
        let Ok(plan) = decide(Some(&self.marks), ask, &settings, now(self.clock)) else {
            return;
        };
        for range in &plan.ranges {
            let found: Vec<_> = self
                .records
                .iter()
                .filter(|record| range.contains(record))
                .collect();
            let seen = found
                .first()
                .zip(found.last())
                .map(|(oldest, newest)| Seen {
                    oldest: (*oldest).clone(),
                    newest: (*newest).clone(),
                });
            if is_complete {
                self.fetched.extend(found.into_iter().cloned());
                let start = range.start.clone().unwrap_or(at(-1));
                self.proved.add(&start, range.end.as_ref().unwrap());
            }
            let verdict = if is_complete { COMPLETE } else { UNKNOWN };
            let after = commit(&self.marks, plan.kind, &verdict, range, seen.as_ref());
            let again = commit(&after, plan.kind, &verdict, range, seen.as_ref());
            assert_eq!(after, again, "it is remembered once");
            self.moved(plan.kind, &after, is_complete && seen.is_some());
            self.marks = after;
        }
    }

    /// Marks never go back, nor move without proof.
    fn moved(&self, kind: WindowKind, after: &Marks, is_proved: bool) {
        let before = &self.marks;
        assert!(is_proved || after == before);
        assert!(after.newest >= before.newest);
        assert!(before.oldest.is_none() || after.oldest <= before.oldest);
        assert!(kind != WindowKind::Update || after.oldest == before.oldest);
        assert!(kind != WindowKind::Backfill || after.newest == before.newest);
        let mut merged = after.coverage.clone();
        merged.merge(&before.coverage);
        assert_eq!(merged, after.coverage, "what was covered stays so");
    }

    /// What is covered was proved, and every record in it was fetched.
    fn check(&self) {
        let mut proved = self.proved.clone();
        proved.merge(&self.marks.coverage);
        assert_eq!(proved, self.proved);
        for record in &self.records {
            assert!(!self.marks.coverage.contains(record) || self.fetched.contains(record));
        }
        assert!(self.marks.coverage.upper() <= self.marks.newest.as_ref());
    }
}

proptest! {
    #[test]
    fn no_history_loses_a_record(history in history()) {
        let mut world = World {
            clock: 0,
            records: BTreeSet::new(),
            fetched: BTreeSet::new(),
            proved: Coverage::default(),
            marks: empty(),
        };
        for step in history {
            match step {
                Event::Record(after) => {
                    world.clock += after;
                    world.records.insert(at(world.clock));
                    world.clock += 1;
                }
                Event::Update { lookback, is_complete } => {
                    world.run(&Ask::Update, lookback, is_complete);
                }
                Event::Backfill { from, to, is_complete } => {
                    let ask = Ask::Backfill { from: from.map(at), to: to.map(at) };
                    world.run(&ask, 0, is_complete);
                }
                Event::Explicit { start, end, is_complete } => {
                    let ask = Ask::Explicit(range(start, Some(end.min(world.clock))));
                    world.run(&ask, 0, is_complete);
                }
            }
            world.check();
        }
        // A last update and a last backfill bring all that there is.
        world.run(&Ask::Update, 0, true);
        world.run(&Ask::Backfill { from: None, to: None }, 0, true);
        prop_assert_eq!(&world.fetched, &world.records);
    }

    #[test]
    fn update_and_backfill_may_change_places(
        (new, old) in (1..200_i64, 1..100_i64),
        (new_seen, old_seen) in (0..200_i64, 0..100_i64),
    ) {
        let update = range(Some(200), Some(200 + new));
        let below = range(Some(100 - old), Some(100));
        let high = (new_seen < new).then(|| seen(200, 200 + new_seen)).flatten();
        let low = (old_seen < old).then(|| seen(100 - old, 100 - old + old_seen)).flatten();
        let up = |marks: &Marks| {
            commit(marks, WindowKind::Update, &COMPLETE, &update, high.as_ref())
        };
        let down = |marks: &Marks| {
            commit(marks, WindowKind::Backfill, &COMPLETE, &below, low.as_ref())
        };
        prop_assert_eq!(up(&down(&marks())), down(&up(&marks())));
    }
}
