//! Draws worlds from seeds.

use tapline_core::{Boundary, RecordOrder};

use super::scenario::{Act, Ask, Changes, CursorUse, Expect, Mishap, Mode, Paging, Scenario};
use super::timeline::BEGINNING;
use super::trouble::Trouble;
use crate::faults::{Fault, Kind, Moment};
use crate::random::Random;

/// Pages of the largest worlds, and of most of the others.
const LARGE: u64 = 200;
const SMALL: u64 = 8;

impl Scenario {
    /// The world of `seed`.
    pub fn draw(seed: u64) -> Self {
        let mut random = Random::new(seed, 1, 0);
        let random = &mut random;
        let mode = match random.below(20) {
            0..5 => Mode::FullLoad,
            5..8 => Mode::FullAppend,
            _ => Mode::Incremental,
        };
        let paging = pick(random, &Paging::ALL);
        let page = 1 + random.below(8);
        let pages = match random.chance(1) {
            true => LARGE,
            false => random.below(SMALL),
        };
        let is_linked = paging.is_linked();
        let mut scenario = Self {
            mode,
            records: (pages * page).saturating_sub(random.below(page)),
            page,
            parts: if random.chance(30) {
                1 + random.below(4)
            } else {
                0
            },
            total: random.chance(50),
            ragged: is_linked && random.chance(30),
            trailing: is_linked && random.chance(30),
            lazy: random.chance(30),
            old: (mode == Mode::FullLoad && random.chance(70)).then(|| random.below(20)),
            concurrency: if random.chance(40) {
                1 + random.below(4) as usize
            } else {
                1
            },
            expect: Expect::default(),
            forgetful: is_linked && random.chance(10),
            seed,
            paging,
            most: None,
            cursor: CursorUse::PLAIN,
            acts: Vec::new(),
        };
        scenario.cursor = cursor(random, &scenario);
        scenario.most = scenario.draw_most(random);
        let acts = 1 + random.below(if mode == Mode::Incremental { 4 } else { 3 });
        scenario.acts = (0..acts)
            .map(|number| act(random, &scenario, number))
            .collect();
        // Of two runs at once, the one must not be refused what the other was given.
        let is_race = |act: &Act| matches!(act.mishap, Mishap::Takeover(_));
        scenario.forgetful &= !scenario.acts.iter().any(is_race);
        scenario
    }

    /// The same world, in which nothing goes wrong.
    #[must_use]
    pub fn honest(mut self) -> Self {
        for act in &mut self.acts {
            (act.lie, act.mishap) = (None, Mishap::None);
        }
        self.forgetful = false;
        self
    }

    /// A limit that windows can be read under: where it is known beforehand that there are more
    /// records and numbers can be cut, or where they come in order, and where no more have one and the
    /// same cursor.
    fn draw_most(&self, random: &mut Random) -> Option<u64> {
        let cursor = &self.cursor;
        let is_cut =
            cursor.asks == (true, true) && self.total && cursor.order != RecordOrder::Ascending;
        let goes_up = cursor.order == RecordOrder::Ascending && cursor.asks.0;
        let is_readable = (is_cut && !cursor.is_time) || goes_up;
        let is_capped = is_readable && self.paging != Paging::None && random.chance(30);
        let has_ties = cursor.boundary == Boundary::Closed;
        is_capped.then(|| 12 + random.below(20) + 10 * u64::from(has_ties))
    }
}

fn cursor(random: &mut Random, scenario: &Scenario) -> CursorUse {
    let is_time = random.chance(35);
    let orders = [
        RecordOrder::Ascending,
        RecordOrder::Descending,
        RecordOrder::Unordered,
    ];
    let asks = match random.below(10) {
        0..7 => (true, true),
        7..9 => (true, false),
        _ => (false, false),
    };
    let boundary = match random.chance(20) {
        true => Boundary::Open,
        false => Boundary::Closed,
    };
    let span = 2 * scenario.records + 1;
    let start = random.below(span).cast_signed();
    let start = match is_time {
        true => BEGINNING - span.cast_signed() - 59 + start,
        false => start,
    };
    CursorUse {
        is_time,
        order: pick(random, &orders),
        boundary,
        lookback: random.chance(30).then(|| 1 + random.below(6)),
        slice: (asks == (true, true) && random.chance(40)).then(|| 3 + random.below(20)),
        start: random.chance(50).then_some(start),
        lag: if is_time && random.chance(20) {
            random.below(5)
        } else {
            0
        },
        asks,
        excludes: asks.0 && random.chance(20),
        skew: if is_time && random.chance(50) {
            random.below(9).cast_signed() - 4
        } else {
            0
        },
    }
}

fn act(random: &mut Random, scenario: &Scenario, number: u64) -> Act {
    let is_changed = number > 0 && random.chance(80);
    let mut some = |most: u64, percent: u64| match is_changed && random.chance(percent) {
        true => 1 + random.below(most),
        false => 0,
    };
    let changes = Changes {
        inserts: some(2 * scenario.page, 70),
        updates: some(4, 50),
        late: some(2, 50),
        seconds: some(20, 70),
    };
    let ask = match number {
        0 if !random.chance(20) => Ask::Update,
        _ => ask(random),
    };
    // A page is about two calls and eight steps.
    let pages = 2 + scenario.records / scenario.page;
    let mishap = match random.chance(55) {
        true => mishap(random, pages),
        false => Mishap::None,
    };
    // Of two runs at once, both must be able to end well.
    let is_alone = !matches!(mishap, Mishap::Takeover(_) | Mishap::Pause(_));
    let lie = (is_alone && random.chance(40)).then(|| {
        let n = 1 + random.below(pages);
        let (lies, choice) = (scenario.lies(n, random.number() >> 8), random.number());
        lies[choice as usize % lies.len()]
    });
    Act {
        changes,
        ask,
        lie,
        mishap,
    }
}

fn ask(random: &mut Random) -> Ask {
    let choice = random.below(10);
    let mut bound = || random.chance(60).then(|| random.below(101));
    match choice {
        0..5 => Ask::Update,
        5..8 => Ask::Backfill {
            from: None,
            to: bound(),
        },
        8 => Ask::Backfill {
            from: bound(),
            to: bound(),
        },
        _ => Ask::Explicit {
            from: bound(),
            to: bound(),
        },
    }
}

fn mishap(random: &mut Random, pages: u64) -> Mishap {
    let steps = random.below(25 + 8 * pages);
    match random.below(16) {
        0..3 => Mishap::Door(Fault {
            call: random.below(8 + 2 * pages) as usize,
            moment: pick(random, &[Moment::Before, Moment::After]),
            kind: pick(random, &[Kind::Error, Kind::Crash, Kind::Crash]),
        }),
        3..8 => {
            let mut kinds = Trouble::AT_DOORS.to_vec();
            kinds.push(Trouble::PartialBatch);
            let trouble = pick(random, &kinds);
            Mishap::Trouble(trouble, random.below(1 + pages / 2), random.chance(50))
        }
        8..10 => Mishap::Kill(steps),
        10 => Mishap::Stop(steps),
        11 => Mishap::Limit(1 + random.below(pages)),
        12 => Mishap::Takeover(steps),
        13 => Mishap::Pause(steps),
        14 => {
            let clocks = [
                Trouble::ClockForward,
                Trouble::ClockBack,
                Trouble::ClockStalls,
            ];
            Mishap::Clock(pick(random, &clocks), steps)
        }
        _ => Mishap::Corrupt(random.below(4)),
    }
}

fn pick<T: Copy>(random: &mut Random, choices: &[T]) -> T {
    choices[random.below(choices.len() as u64) as usize]
}
