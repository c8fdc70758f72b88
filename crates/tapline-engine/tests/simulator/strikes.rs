//! Every call at a door fails, or is the last that the process makes, before its effect and after; and
//! after each of these, every call of the run that mends it. Crashes come in pairs: the second may hit
//! what mends the first. Between any two steps the lease is lost.

use tapline_conformance::faults::Fault;
use tapline_conformance::random::Random;
use tapline_conformance::simulator::{
    Act, Ask, Changes, Mishap, Mode, Paging, Scenario, Scene, Simulator, Trouble,
};

use super::runner::runner;
use super::{number, seeds};

/// Pairs that are played of each world in every test run.
const PAIRS: u64 = 20;

/// A world, and the acts to which faults happen: the last, and for pairs one more.
struct World {
    name: &'static str,
    scenario: Scenario,
    /// What the run is asked for that comes after the first fault.
    then: Ask,
}

fn backfill() -> Ask {
    Ask::Backfill {
        from: None,
        to: None,
    }
}

/// Small worlds, one for each kind of run.
fn worlds(paging: Paging, lazy: bool) -> Vec<World> {
    let changed = Act {
        changes: Changes {
            inserts: 4,
            updates: 2,
            ..Changes::default()
        },
        ..Act::PLAIN
    };
    let of = |name, mode, acts: &[Act], then| World {
        name,
        scenario: Scenario {
            lazy,
            acts: acts.to_vec(),
            ..Scenario::plain(mode, paging)
        },
        then,
    };
    let asked = |ask| Act { ask, ..Act::PLAIN };
    let (first, incremental) = (Act::PLAIN, Mode::Incremental);
    let window = Ask::Explicit {
        from: Some(20),
        to: Some(70),
    };
    let late = |mut world: World| {
        world.scenario.cursor.start = Some(5);
        world
    };
    let mut divided = of("parts and slices", incremental, &[asked(window)], window);
    divided.scenario.parts = 2;
    divided.scenario.concurrency = 2;
    divided.scenario.cursor.slice = Some(4);
    vec![
        of("full load", Mode::FullLoad, &[first], Ask::Update),
        of("full append", Mode::FullAppend, &[first], Ask::Update),
        of("first update", incremental, &[first], Ask::Update),
        of("update", incremental, &[first, changed], Ask::Update),
        late(of(
            "backfill",
            incremental,
            &[first, asked(backfill())],
            backfill(),
        )),
        of("window", incremental, &[first, asked(window)], window),
        late(of(
            "update, then backfill",
            incremental,
            &[first, changed],
            backfill(),
        )),
        divided,
    ]
}

fn is_long() -> bool {
    number("TAPLINE_SEEDS").is_some()
}

/// Every world in every way of paging, and whether it is played in every test run: all of them would
/// take minutes.
fn every_world() -> impl Iterator<Item = (World, bool)> {
    let is_long = is_long();
    let both = Paging::ALL
        .into_iter()
        .flat_map(|paging| [(paging, false), (paging, true)]);
    both.enumerate().flat_map(move |(turn, (paging, lazy))| {
        let worlds = worlds(paging, lazy).into_iter().enumerate();
        worlds.map(move |(index, world)| (world, is_long || index % 7 == turn / 2))
    })
}

impl World {
    /// Plays it with these mishaps in the last acts, and returns the last scene.
    fn play(&self, simulator: Simulator, mishaps: &[Mishap]) -> Scene {
        let mut scenario = self.scenario.clone();
        for _ in 1..mishaps.len() {
            scenario.acts.push(Act {
                ask: self.then,
                ..Act::PLAIN
            });
        }
        let first = scenario.acts.len() - mishaps.len();
        for (act, mishap) in scenario.acts[first..].iter_mut().zip(mishaps) {
            act.mishap = *mishap;
        }
        let story = simulator.play(&scenario);
        let mut story = story.unwrap_or_else(|v| panic!("{}, {mishaps:?}: {v}", self.name));
        story.scenes.pop().unwrap()
    }

    /// How many calls the last run makes after these mishaps.
    fn calls(&self, simulator: Simulator, mishaps: &[Mishap]) -> usize {
        self.play(simulator, mishaps).calls.len()
    }
}

#[test]
fn every_call_may_fail_or_be_the_last_once() {
    let simulator = Simulator::new(runner);
    let (mut calls, mut played, mut possible) = (0, 0, 0);
    for (world, is_wanted) in every_world() {
        let made = world.calls(simulator, &[Mishap::None]);
        let faults = Fault::all(made).chain(Fault::outages(made));
        for fault in faults {
            possible += 1;
            if is_wanted {
                world.play(simulator, &[Mishap::Door(fault)]);
                played += 1;
            }
        }
        calls += made;
    }
    println!("{calls} calls; {played} of {possible} single faults");
}

#[test]
fn two_runs_after_each_other_may_fail_in_any_two_calls() {
    let simulator = Simulator::new(runner);
    let wanted = number("TAPLINE_PAIRS").unwrap_or(PAIRS);
    let (mut played, mut possible) = (0, 0);
    for (index, lazy) in [false, true].into_iter().enumerate() {
        for world in worlds(Paging::Token, lazy) {
            let mut pairs = pairs(&world, simulator);
            let there = pairs.len();
            let mut random = Random::new(index as u64, 9, 0);
            pairs.sort_by_cached_key(|_| random.number());
            pairs.truncate(usize::try_from(wanted).unwrap());
            for pair in &pairs {
                world.play(simulator, &pair.map(Mishap::Door));
            }
            println!("{}: {} of {there} pairs", world.name, pairs.len());
            (played, possible) = (played + pairs.len(), possible + there);
        }
    }
    println!("{played} of {possible} ordered pairs of faults");
}

/// Every fault of the first run, with every one of the run after that, which makes other calls each
/// time.
fn pairs(world: &World, simulator: Simulator) -> Vec<[Fault; 2]> {
    let made = world.calls(simulator, &[Mishap::None]);
    let mut pairs = Vec::new();
    for first in Fault::all(made) {
        let made = world.calls(simulator, &[Mishap::Door(first), Mishap::None]);
        pairs.extend(Fault::all(made).map(|second| [first, second]));
    }
    pairs
}

/// Nothing that a run does after another has taken its lease is seen, whenever it falls asleep.
#[test]
fn a_lease_may_be_lost_between_any_two_steps() {
    let simulator = Simulator::new(runner);
    for (name, mishap) in [
        ("slept past their lease", Mishap::Pause as fn(u64) -> Mishap),
        ("went on beside another", Mishap::Takeover),
    ] {
        let mut lost = 0;
        for (world, _) in every_world().filter(|(_, is_wanted)| *is_wanted) {
            let mut steps = (0..).step_by(if is_long() { 1 } else { 4 });
            while let Some(step) = steps.next()
                && world.play(simulator, &[mishap(step)]).struck
            {
                lost += 1;
            }
        }
        println!("{lost} runs {name}");
    }
}

/// Worlds as they are drawn, in which the answer of one commit after the other is lost: of a page, of
/// the publication, of the marks, of what is pending.
#[test]
fn no_record_comes_twice_for_a_lost_answer() {
    let simulator = Simulator::new(runner);
    let (mut lost, mut seed) = (0, 0);
    let wanted = seeds() / if is_long() { 2 } else { 10 };
    while lost < wanted {
        let mut scenario = Scenario::draw(seed).honest();
        seed += 1;
        let last = scenario.acts.len() - 1;
        let kinds = [Trouble::CommitAnswerLost, Trouble::StateAnswerLost];
        for (kind, spared) in kinds
            .into_iter()
            .flat_map(|kind| (0..6).map(move |n| (kind, n)))
        {
            scenario.acts[last].mishap = Mishap::Trouble(kind, spared, true);
            let story = simulator.play(&scenario);
            let story = story.unwrap_or_else(|violation| panic!("{violation}"));
            lost += u64::from(story.met.contains_key(&kind));
        }
    }
    println!("{lost} answers of commits were lost, in {seed} worlds");
}
