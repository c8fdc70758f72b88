//! Tables of what is decided and remembered, and what holds for any history of runs.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tapline_core::Coverage;

use super::*;

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
        order: RecordOrder::Unordered,
        start: None,
        lookback: None,
        safety_lag: SignedDuration::ZERO,
        boundary: Boundary::Closed,
        slice: None,
        is_open: false,
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

/// Marks of a stream that is not divided.
fn marks_of(known: Known) -> Marks {
    let mut marks = Marks::new("incremental", "updated_at", CursorType::Timestamp);
    marks.partitions.insert(String::new(), known);
    marks
}

fn proved(range: &CursorRange, seen: Option<Seen>) -> Proved {
    Proved {
        range: range.clone(),
        seen,
        ties: Ties::default(),
    }
}

/// What a full run that began at 90 leaves, and that saw records of 100 to 200.
fn known() -> Known {
    let all = range(Some(90), Some(300));
    learn(
        &Known::default(),
        WindowKind::Full,
        &proved(&all, seen(100, 200)),
    )
}

#[track_caller]
fn check(
    known: &Known,
    ask: &Ask,
    settings: &WindowSettings,
    expected: (WindowKind, &[CursorRange]),
) {
    super::check(Some(&marks_of(known.clone())), ask, settings, now(500)).unwrap();
    let plan = decide(Some(known), ask, settings, now(500));
    assert_eq!((plan.kind, plan.ranges.as_slice()), expected);
    let marks = marks_of(known.clone());
    let whole = widest(Some(&marks), ask, settings, now(500));
    for range in &plan.ranges {
        assert!(whole.start <= range.start && whole.end >= range.end);
    }
}

fn refused(known: Option<&Known>, ask: &Ask, settings: &WindowSettings) -> String {
    let marks = known.cloned().map(marks_of);
    let error = super::check(marks.as_ref(), ask, settings, now(500)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    error.to_string()
}

#[test]
fn a_first_run_sends_no_start() {
    let expected = [range(None, Some(500))];
    let nothing = Known::default();
    check(
        &nothing,
        &Ask::Update,
        &settings(),
        (WindowKind::Full, &expected),
    );
    let plan = decide(None, &Ask::Update, &settings(), now(500));
    assert_eq!(plan.ranges, expected);
    let late = WindowSettings {
        start: Some(at(400)),
        ..settings()
    };
    let plan = decide(None, &Ask::Update, &late, now(500));
    assert_eq!(plan.ranges, [range(Some(400), Some(500))]);
}

#[test]
fn an_update_starts_at_the_newest_record() {
    let plain = settings();
    check(
        &known(),
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
        &known(),
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
        &known(),
        &Ask::Update,
        &open,
        (WindowKind::Update, &[after]),
    );
    // The source's clock is ahead of ours: nothing can be new for us.
    let far = WindowSettings {
        safety_lag: SignedDuration::from_secs(400),
        ..settings()
    };
    check(&known(), &Ask::Update, &far, (WindowKind::Update, &[]));
}

#[test]
fn a_backfill_asks_for_what_is_missing() {
    let ask = |from: Option<i64>, to: Option<i64>| Ask::Backfill {
        from: from.map(at),
        to: to.map(at),
    };
    let kind = WindowKind::Backfill;
    check(
        &known(),
        &ask(None, None),
        &settings(),
        (kind, &[range(None, Some(90))]),
    );
    check(
        &known(),
        &ask(Some(20), None),
        &settings(),
        (kind, &[range(Some(20), Some(90))]),
    );
    check(
        &known(),
        &ask(Some(20), Some(50)),
        &settings(),
        (kind, &[range(Some(20), Some(50))]),
    );
    // What is covered is not asked for again, and what is above the newest is for updates.
    check(
        &known(),
        &ask(Some(20), Some(900)),
        &settings(),
        (kind, &[range(Some(20), Some(90))]),
    );
    let island = range(Some(20), Some(50));
    let known = learn(&known(), kind, &proved(&island, seen(22, 48)));
    let missing = [range(None, Some(20)), range(Some(50), Some(90))];
    check(&known, &ask(None, None), &settings(), (kind, &missing));
}

#[test]
fn a_backfill_without_anything_to_do_fails_loudly() {
    let ask = Ask::Backfill {
        from: Some(at(120)),
        to: None,
    };
    let said = refused(None, &ask, &settings());
    assert!(said.contains("nothing to backfill from"), "{said}");
    let said = refused(Some(&Known::default()), &ask, &settings());
    assert!(said.contains("nothing to backfill from"), "{said}");
    let said = refused(Some(&known()), &ask, &settings());
    assert!(said.contains("nothing is missing from 2026"), "{said}");
}

#[test]
fn an_explicit_window_ends_now_and_is_not_empty() {
    let ask = |start, end| Ask::Explicit(range(start, end).window());
    let kind = WindowKind::Explicit;
    check(
        &known(),
        &ask(Some(10), None),
        &settings(),
        (kind, &[range(Some(10), Some(500))]),
    );
    let said = refused(None, &ask(Some(500), None), &settings());
    assert!(said.contains("the window is empty"), "{said}");
}

#[test]
fn what_a_full_run_has_read_from_the_beginning_is_not_missing() {
    let all = proved(&range(None, Some(300)), seen(100, 200));
    let known = learn(&Known::default(), WindowKind::Full, &all);
    let ask = Ask::Backfill {
        from: None,
        to: None,
    };
    let said = refused(Some(&known), &ask, &settings());
    assert!(said.contains("nothing is missing before"), "{said}");
}

#[test]
fn a_text_has_no_ranges() {
    let text = |text: &str| Cursor::String(text.to_owned());
    let settings = WindowSettings {
        cursor_type: CursorType::String,
        ..settings()
    };
    let first = decide(None, &Ask::Update, &settings, now(500));
    assert_eq!(first.ranges, [range(None, None)]);
    let seen = |newest| Seen {
        oldest: text("q"),
        newest: text(newest),
    };
    let known = learn(
        &Known::default(),
        first.kind,
        &proved(&first.ranges[0], Some(seen("x"))),
    );
    // The source says what is newer, not the alphabet.
    let update = decide(Some(&known), &Ask::Update, &settings, now(500));
    let known = learn(
        &known,
        update.kind,
        &proved(&update.ranges[0], Some(seen("b"))),
    );
    assert_eq!(known.newest, Some(text("b")));
    assert!(known.coverage.is_empty());
    let mut marks = Marks::new("incremental", "updated_at", CursorType::String);
    marks.partitions.insert(String::new(), known);
    let all = Ask::Backfill {
        from: None,
        to: None,
    };
    let error = super::check(Some(&marks), &all, &settings, now(500)).unwrap_err();
    assert!(
        error.to_string().contains("only the source knows"),
        "{error}"
    );
}

#[test]
fn marks_of_another_cursor_are_refused() {
    let other = WindowSettings {
        cursor: "created_at".to_owned(),
        ..settings()
    };
    assert!(refused(Some(&known()), &Ask::Update, &other).contains("`tapline state reset`"));
}

#[track_caller]
fn remembers(
    kind: WindowKind,
    range: &CursorRange,
    seen: Option<Seen>,
    expected: (i64, i64, &[(i64, i64)]),
) {
    let after = learn(&known(), kind, &proved(range, seen.clone()));
    let (oldest_expected, newest, wanted) = expected;
    let oldest_after = oldest(Some(&at(100)), kind, seen.as_ref());
    assert_eq!(
        (oldest_after, after.newest),
        (Some(at(oldest_expected)), Some(at(newest)))
    );
    let wanted = wanted
        .iter()
        .map(|(start, end)| (Some(at(*start)), at(*end)));
    let spans = after.coverage.spans().iter().cloned();
    let spans: Vec<_> = spans.map(|span| (span.start, span.end)).collect();
    assert_eq!(spans, wanted.collect::<Vec<_>>());
}

#[test]
fn marks_move_as_far_as_was_proved() {
    use WindowKind::{Backfill, Explicit, Update};
    let new = range(Some(200), Some(500));
    remembers(Update, &new, seen(210, 230), (100, 230, &[(90, 230)]));
    // Nothing came: nothing moves.
    remembers(Update, &new, None, (100, 200, &[(90, 200)]));
    // Only what was looked back for came again.
    let back = range(Some(150), Some(500));
    remembers(Update, &back, seen(160, 160), (100, 200, &[(90, 200)]));
    // An update never moves the oldest mark, whatever it sees.
    let far_back = range(Some(50), Some(500));
    remembers(Update, &far_back, seen(60, 220), (100, 220, &[(50, 220)]));
    remembers(
        Backfill,
        &range(Some(10), Some(90)),
        seen(40, 80),
        (40, 200, &[(10, 200)]),
    );
    // Nothing is there: that is known now, though no record was seen.
    remembers(
        Backfill,
        &range(Some(10), Some(90)),
        None,
        (100, 200, &[(10, 200)]),
    );
    // An island below, and one above, which would leave a gap under the newest mark.
    let below = range(Some(10), Some(50));
    remembers(
        Explicit,
        &below,
        seen(20, 30),
        (20, 200, &[(10, 50), (90, 200)]),
    );
    let above = range(Some(300), Some(400));
    remembers(Explicit, &above, seen(310, 390), (100, 200, &[(90, 200)]));
    let across = range(Some(150), Some(400));
    remembers(Explicit, &across, seen(160, 390), (100, 390, &[(90, 390)]));
    let first = proved(&range(None, Some(90)), seen(5, 8));
    let whole = learn(&known(), Backfill, &first);
    assert_eq!(whole.coverage.spans()[0].start, None);
}

#[test]
fn rows_with_the_newest_cursor_are_known_by_heart() {
    let ties = |rows: &[u64]| {
        let mut ties = Ties::default();
        rows.iter().for_each(|row| ties.add(*row));
        ties
    };
    let with = |newest: i64, rows: &[u64]| Proved {
        ties: ties(rows),
        ..proved(&range(Some(90), Some(500)), seen(100, newest))
    };
    let known = learn(&known(), WindowKind::Update, &with(250, &[1, 2]));
    assert_eq!(known.ties, ties(&[1, 2]));
    // More of them came since; then newer ones.
    let more = learn(&known, WindowKind::Update, &with(250, &[2, 3]));
    assert_eq!(more.ties, ties(&[1, 2, 3]));
    let newer = learn(&more, WindowKind::Update, &with(260, &[4]));
    assert_eq!(newer.ties, ties(&[4]));
    let older = learn(&newer, WindowKind::Update, &with(240, &[5]));
    assert_eq!(older, newer);
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
    known: Known,
    oldest: Option<Cursor>,
}

impl World {
    fn run(&mut self, ask: &Ask, lookback: u64, is_complete: bool) {
        let settings = WindowSettings {
            lookback: Some(Step::Seconds(lookback)),
            ..settings()
        };
        let marks = marks_of(self.known.clone());
        if super::check(Some(&marks), ask, &settings, now(self.clock)).is_err() {
            return;
        }
        let plan = decide(Some(&self.known), ask, &settings, now(self.clock));
        for range in plan.ranges.iter().filter(|_| is_complete) {
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
            self.fetched.extend(found.into_iter().cloned());
            self.proved
                .add(range.start.as_ref(), range.end.as_ref().unwrap());
            let proved = proved(range, seen.clone());
            let after = learn(&self.known, plan.kind, &proved);
            assert_eq!(
                after,
                learn(&after, plan.kind, &proved),
                "it is remembered once"
            );
            let oldest = oldest(self.oldest.as_ref(), plan.kind, seen.as_ref());
            self.moved(plan.kind, &after, oldest.as_ref());
            (self.known, self.oldest) = (after, oldest);
        }
    }

    /// Marks never go back.
    fn moved(&self, kind: WindowKind, after: &Known, oldest: Option<&Cursor>) {
        let before = &self.known;
        assert!(after.newest >= before.newest);
        assert!(self.oldest.is_none() || oldest <= self.oldest.as_ref());
        assert!(kind != WindowKind::Update || oldest == self.oldest.as_ref());
        assert!(kind != WindowKind::Backfill || after.newest == before.newest);
        let mut merged = after.coverage.clone();
        merged.merge(&before.coverage);
        assert_eq!(merged, after.coverage, "what was covered stays so");
    }

    /// What is covered was proved, and every record in it was fetched.
    fn check(&self) {
        let mut proved = self.proved.clone();
        proved.merge(&self.known.coverage);
        assert_eq!(proved, self.proved);
        for record in &self.records {
            assert!(!self.known.coverage.contains(record) || self.fetched.contains(record));
        }
        assert!(self.known.coverage.upper() <= self.known.newest.as_ref());
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
            known: Known::default(),
            oldest: None,
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
                    let ask = Ask::Explicit(range(start, Some(end.min(world.clock))).window());
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
        let up = |known: &Known| learn(known, WindowKind::Update, &proved(&update, high.clone()));
        let down = |known: &Known| learn(known, WindowKind::Backfill, &proved(&below, low.clone()));
        prop_assert_eq!(up(&down(&known())), down(&up(&known())));
    }
}
