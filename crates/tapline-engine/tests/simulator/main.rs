//! The engine in the simulator of `tapline-conformance`: thousands of small worlds, each made from
//! a seed.
//!
//! `TAPLINE_SEEDS=20000` plays more of them; `TAPLINE_SEED=7` plays only that one and prints what
//! happened in it. `TAPLINE_PAIRS=1000000` plays as many pairs of faults; there are fewer.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod coverage;
mod flaws;
mod lies;
mod runner;
mod strikes;

use std::env;

use coverage::Coverage;
use runner::runner;
use tapline_conformance::simulator::{Scenario, Simulator};

/// Worlds that are played in every test run.
const SEEDS: u64 = 1_500;
/// Honest runs that are played then.
const HONEST: u64 = 1_000;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap())
}

fn seeds() -> u64 {
    number("TAPLINE_SEEDS").unwrap_or(SEEDS)
}

#[test]
fn every_seed_keeps_the_rules() {
    let simulator = Simulator::new(runner);
    if let Some(seed) = number("TAPLINE_SEED") {
        let story = simulator.traced().seed(seed);
        let story = story.unwrap_or_else(|violation| panic!("{violation}"));
        return println!("{:#?}\n{}{:#?}", story.scenario, story.trace, story.scenes);
    }
    let seeds = seeds();
    let mut coverage = Coverage::default();
    for seed in 0..seeds {
        match simulator.seed(seed) {
            Ok(story) => coverage.add(&story),
            Err(violation) => panic!("TAPLINE_SEED={seed} shows this again\n{violation}"),
        }
    }
    println!("{seeds} seeds\n{coverage}");
    coverage.check(seeds);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let simulator = Simulator::new(runner).traced();
    let hash = |seed| simulator.seed(seed).unwrap().trace.hash();
    let mut before = 0;
    for seed in 0..seeds() / 10 {
        let (first, second) = (hash(seed), hash(seed));
        assert_eq!(first, second, "seed {seed}");
        assert_ne!(first, before, "seed {seed}");
        before = first;
    }
}

/// Worlds in which records come and change between runs, and nothing goes wrong: each run is
/// complete. The rules say so, and hold all the others as well.
#[test]
fn honest_runs_raise_no_alarm() {
    let simulator = Simulator::new(runner);
    let wanted = HONEST.max(seeds() / 2);
    let mut coverage = Coverage::default();
    let (mut runs, mut seed) = (0, 0);
    while runs < wanted {
        let scenario = Scenario::draw(seed).honest();
        let story = simulator.play(&scenario);
        let story = story.unwrap_or_else(|violation| panic!("{violation}"));
        coverage.add(&story);
        runs += story.processes;
        seed += 1;
    }
    println!("{runs} honest runs in {seed} worlds");
    coverage.check_honest();
}
