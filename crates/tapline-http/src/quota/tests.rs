//! Processes that share a ledger: no window is ever exceeded, nothing is lost but by a kill, and
//! what is not used costs nothing.

mod rig;

use std::collections::BTreeMap;

use futures::FutureExt;
use proptest::prelude::*;
use serde_json::json;

use super::account::{Account, Doors, Rules};
use super::reported::Reported;
use super::spent::Spent;
use super::window::Window;
use super::*;
use rig::{Memory, START, Turned};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

/// What all processes share.
#[derive(Default)]
struct World {
    clock: Turned,
    store: Memory,
}

impl World {
    fn doors(&self) -> Doors<'_> {
        Doors {
            store: Some(&self.store),
            clock: &self.clock,
        }
    }

    /// A request of `process`, if it may be sent now.
    fn take(&self, process: &Account, rules: &Rules) -> Option<Spent> {
        let taking = process.take(rules, self.doors(), || "/a".to_owned());
        taking.now_or_never().unwrap().unwrap()
    }

    fn note(&self, process: &Account, rules: &Rules, reported: Vec<Reported>) {
        let noting = process.note(rules, self.doors(), "/a", reported);
        noting.now_or_never().unwrap().unwrap();
    }

    fn settle(&self, process: &Account) {
        let settling = process.settle(self.doors());
        settling.now_or_never().unwrap().unwrap();
    }

    /// How many requests `process` may send now.
    fn all(&self, process: &Account, rules: &Rules) -> u64 {
        (0..100_000)
            .take_while(|_| self.take(process, rules).is_none())
            .count() as u64
    }
}

fn process() -> Account {
    Account::new("h/0000".to_owned())
}

fn rules(limits: &[(Window, u64)]) -> Rules {
    Rules {
        limits: limits.to_vec(),
        share: 100,
        reported: true,
    }
}

fn millis(spent: &Spent) -> i64 {
    spent.until.as_millisecond() - START
}

/// What a process does next, and how long that comes after what was done before.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Requests at once.
    Send(u64),
    Settle,
    /// It is killed, and started anew.
    Die,
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step, i64)>> {
    let step = prop_oneof![
        15 => Just(Step::Send(1)),
        5 => (1..40_u64).prop_map(Step::Send),
        1 => Just(Step::Settle),
        1 => Just(Step::Die),
    ];
    let gap = prop_oneof![
        12 => 0..20_i64,
        6 => 0..2 * SECOND,
        2 => 0..MINUTE,
        1 => 59 * SECOND..62 * SECOND,
        1 => 0..DAY / 2,
    ];
    prop::collection::vec((0..2_usize, step, gap), 1..300)
}

fn limits() -> impl Strategy<Value = Vec<(Window, u64)>> {
    let limit = |most: u64| prop::option::of(1..most);
    (limit(60), limit(200), limit(400)).prop_map(|(second, minute, day)| {
        let windows = [
            (Window::Second, second),
            (Window::Minute, minute),
            (Window::Day, day),
        ];
        let given = windows.into_iter();
        given
            .filter_map(|(window, limit)| Some((window, limit?)))
            .collect()
    })
}

/// The most that was `sent` within `length` milliseconds, wherever they begin.
fn most_within(sent: &[i64], length: i64) -> u64 {
    let from = |start: &i64| {
        sent.iter()
            .filter(|at| (*start..*start + length).contains(at))
            .count()
    };
    sent.iter().map(from).max().unwrap_or(0) as u64
}

fn most_of_a_day(sent: &[i64]) -> u64 {
    let mut days = BTreeMap::<i64, u64>::new();
    for at in sent {
        *days.entry((START + at).div_euclid(DAY)).or_default() += 1;
    }
    days.into_values().max().unwrap_or(0)
}

proptest! {
    #[test]
    fn no_window_is_ever_exceeded(limits in limits(), steps in steps()) {
        let (world, rules) = (World::default(), rules(&limits));
        let mut processes = [process(), process()];
        let mut sent = Vec::new();
        // What waits is tried again when its time has come, before what comes later.
        let mut waiting: BTreeMap<(i64, usize), usize> = BTreeMap::new();
        let mut at = 0;
        for (number, (who, step, gap)) in steps.into_iter().enumerate() {
            at += gap;
            while let Some((&(due, id), &waiter)) = waiting.first_key_value() && due <= at {
                waiting.remove(&(due, id));
                turn_to(&world.clock, due);
                match world.take(&processes[waiter], &rules) {
                    None => sent.push(world.clock.millis()),
                    Some(spent) => {
                        prop_assert!(millis(&spent) > world.clock.millis());
                        waiting.insert((millis(&spent), id), waiter);
                    }
                }
            }
            turn_to(&world.clock, at);
            match step {
                Step::Settle => world.settle(&processes[who]),
                Step::Die => processes[who] = process(),
                Step::Send(count) => for _ in 0..count {
                    match world.take(&processes[who], &rules) {
                        None => sent.push(world.clock.millis()),
                        Some(spent) => drop(waiting.insert((millis(&spent), number), who)),
                    }
                },
            }
        }
        for (window, limit) in limits {
            let most = match window {
                Window::Second => most_within(&sent, SECOND + 50),
                Window::Minute => most_within(&sent, MINUTE),
                Window::Day => most_of_a_day(&sent),
            };
            prop_assert!(most <= limit, "{most} in a {}, not {limit}", window.noun());
        }
    }
}

fn turn_to(clock: &Turned, at: i64) {
    let ahead = at - clock.millis();
    clock.turn(Duration::from_millis(u64::try_from(ahead).unwrap_or(0)));
}

#[test]
fn all_of_a_limit_can_be_used() {
    for (window, length) in [
        (Window::Second, 1_100),
        (Window::Minute, 61_000),
        (Window::Day, DAY),
    ] {
        for limit in [1, 2, 19, 20, 100, 5_000] {
            let (world, rules) = (World::default(), rules(&[(window, limit)]));
            let processes = [process(), process()];
            for _ in 0..3 {
                // The second one finds what the first has left, which is nothing.
                let sent = processes.each_ref().map(|one| world.all(one, &rules));
                assert_eq!(sent, [limit, 0], "{window:?}");
                world
                    .clock
                    .turn(Duration::from_millis(u64::try_from(length).unwrap()));
            }
        }
    }
}

#[test]
fn the_budget_that_takes_longest_is_named() {
    let world = World::default();
    let rules = rules(&[(Window::Second, 1), (Window::Minute, 2), (Window::Day, 3)]);
    let one = process();
    let wait = |expected: Option<(&str, i64)>| {
        let spent = world.take(&one, &rules);
        let said = spent
            .as_ref()
            .map(|spent| (spent.budget.as_str(), millis(spent)));
        assert_eq!(said, expected);
        if let Some((_, until)) = expected {
            turn_to(&world.clock, until);
        }
    };
    wait(None);
    wait(Some(("1 request a second", 1_100)));
    wait(None);
    wait(Some(("2 requests a minute", 61_000)));
    wait(None);
    wait(Some(("3 requests a day", DAY)));
    wait(None);
}

#[test]
fn a_fast_process_writes_seldom_and_a_slow_one_takes_what_it_needs() {
    let (world, rules) = (World::default(), rules(&[(Window::Day, 1_000_000)]));
    let fast = process();
    for _ in 0..10_000 {
        assert_eq!(world.take(&fast, &rules), None);
        world.clock.turn(Duration::from_millis(1));
    }
    let (reads, writes) = world.store.asked();
    assert_eq!(
        (reads, writes),
        (1, 7 + 99),
        "1, 2, 4, ... 64, then 100 at a time"
    );
    let (world, slow) = (World::default(), process());
    for _ in 0..10 {
        assert_eq!(world.take(&slow, &rules), None);
        world.clock.turn(Duration::from_secs(3));
    }
    assert_eq!(world.store.asked(), (1, 10));
    assert_eq!(used(&world, "day"), 10);
}

#[test]
fn a_limit_of_seconds_is_not_written_with_every_request() {
    for (limit, fewest) in [(10, 3), (1_000_000, 10)] {
        let (world, rules) = (World::default(), rules(&[(Window::Second, limit)]));
        let one = process();
        for _ in 0..100 {
            assert_eq!(world.take(&one, &rules), None);
            world.clock.turn(Duration::from_millis(200));
        }
        let (_, writes) = world.store.asked();
        assert!(writes * fewest <= 100 + 10 * fewest, "{limit}: {writes}");
    }
}

#[test]
fn whoever_counts_counts_in_every_window() {
    let world = World::default();
    let (daily, every_minute) = (rules(&[(Window::Day, 100)]), rules(&[(Window::Minute, 5)]));
    let one = process();
    for _ in 0..3 {
        assert_eq!(world.take(&one, &daily), None);
    }
    assert_eq!(world.all(&process(), &every_minute), 2);
}

#[test]
fn a_chunk_is_never_a_large_part_of_a_limit() {
    let (world, rules) = (World::default(), rules(&[(Window::Day, 100)]));
    let one = process();
    for _ in 0..50 {
        assert_eq!(world.take(&one, &rules), None);
    }
    // Of what this process may have left, the other is kept from no more than a twentieth.
    assert!(used(&world, "day") <= 55);
    assert!(world.all(&process(), &rules) >= 45);
}

#[test]
fn what_is_left_is_given_back() {
    let (world, rules) = (World::default(), rules(&[(Window::Day, 1_000)]));
    let one = process();
    for _ in 0..20 {
        assert_eq!(world.take(&one, &rules), None);
    }
    assert_eq!(used(&world, "day"), 31, "1 + 2 + 4 + 8 + 16");
    world.settle(&one);
    assert_eq!(used(&world, "day"), 20);
    world.settle(&one);
    assert_eq!(used(&world, "day"), 20);
    assert_eq!(world.all(&process(), &rules), 980);
}

#[test]
fn what_a_chunk_leaves_is_given_back_with_the_next() {
    let (world, rules) = (World::default(), rules(&[(Window::Minute, 1_000)]));
    let one = process();
    for _ in 0..4 {
        assert_eq!(world.take(&one, &rules), None);
    }
    assert_eq!(used(&world, "minute"), 7);
    world.clock.turn(Duration::from_millis(4_000));
    assert_eq!(world.take(&one, &rules), None);
    assert_eq!(
        used(&world, "minute"),
        5,
        "a chunk of one, as many as were used"
    );
}

/// What the ledger counts.
fn used(world: &World, window: &str) -> u64 {
    let (_, document) = world.store.only();
    let slots = document[window].as_array().unwrap().iter();
    slots.map(|slot| slot[1].as_u64().unwrap()).sum()
}

fn report(limit: u64, remaining: u64, seconds: i64, world: &World) -> Reported {
    let now = world.clock.now();
    let reset = now + jiff::SignedDuration::from_secs(seconds);
    Reported {
        limit: Some(limit),
        remaining,
        ..Reported::refusal(reset, now)
    }
}

#[test]
fn without_limits_and_reports_nothing_is_written_and_one_read_is_all() {
    let (world, one) = (World::default(), process());
    assert_eq!(world.store.asked(), (0, 0));
    for _ in 0..100 {
        assert_eq!(world.take(&one, &rules(&[])), None);
    }
    world.settle(&one);
    assert_eq!(world.store.asked(), (1, 0));
    let deaf = Rules {
        reported: false,
        ..rules(&[])
    };
    let two = process();
    assert_eq!(world.take(&two, &deaf), None);
    world.settle(&two);
    assert_eq!(world.store.asked(), (1, 0));
}

#[test]
fn reports_are_written_when_they_matter() {
    let (world, one, rules) = (World::default(), process(), rules(&[]));
    let note = |remaining: u64, seconds: i64, writes: u64| {
        let report = report(100, remaining, seconds, &world);
        world.note(&one, &rules, vec![report]);
        assert_eq!(world.store.asked().1, writes, "{remaining} until {seconds}");
    };
    note(50, 60, 0);
    note(20, 60, 0);
    note(19, 60, 1);
    note(18, 60, 1);
    world.clock.turn(Duration::from_secs(1));
    note(17, 60, 2);
    // The last one is known at once, and once.
    note(0, 60, 3);
    note(0, 60, 3);
    // What is over in a moment is nobody else's business.
    world.clock.turn(Duration::from_secs(61));
    note(30, 1, 3);
    note(0, 1, 4);
}

#[test]
fn a_report_holds_every_process_until_its_reset() {
    let (world, one, rules) = (World::default(), process(), rules(&[]));
    assert_eq!(world.take(&one, &rules), None);
    world.note(&one, &rules, vec![report(100, 0, 90, &world)]);
    for other in [&one, &process()] {
        let spent = world.take(other, &rules).unwrap();
        assert_eq!(millis(&spent), 90 * SECOND);
        assert_eq!(
            spent.reason(),
            "quota: 100 requests that the source reports"
        );
    }
    world.clock.turn(Duration::from_secs(90));
    for other in [&one, &process()] {
        assert_eq!(world.take(other, &rules), None);
    }
}

#[test]
fn reports_and_counts_live_in_one_ledger() {
    let world = World::default();
    let rules = rules(&[(Window::Day, 10)]);
    let (one, other) = (process(), process());
    assert_eq!(world.take(&one, &rules), None);
    assert_eq!(world.take(&other, &rules), None);
    // `one` does not know what `other` has counted, and must not forget it.
    world.note(&one, &rules, vec![report(100, 0, 90, &world)]);
    assert_eq!(used(&world, "day"), 2);
    // `other` learns of the report when it is next at the ledger.
    assert_eq!(world.take(&other, &rules), None);
    assert_eq!(millis(&world.take(&other, &rules).unwrap()), 90 * SECOND);
}

#[test]
fn a_ledger_that_cannot_be_read_is_begun_anew() {
    let rules = rules(&[(Window::Day, 1)]);
    for other in [
        json!({ "version": 2, "day": [] }),
        json!("damaged"),
        json!({ "version": 1, "day": 7 }),
    ] {
        let world = World::default();
        assert_eq!(world.all(&process(), &rules), 1);
        assert_eq!(world.all(&process(), &rules), 0);
        world.store.replace(other);
        assert_eq!(world.all(&process(), &rules), 1);
    }
}
