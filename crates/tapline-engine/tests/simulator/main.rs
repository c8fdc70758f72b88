//! The engine in the simulator of `tapline-conformance`: thousands of small worlds, each made from
//! a seed.
//!
//! `TAPLINE_SEEDS=100000` plays more of them; `TAPLINE_SEED=7` plays only that one and prints what
//! happened in it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod coverage;

use std::env;
use std::sync::Arc;
use std::time::Duration;

use coverage::Coverage;
use futures::FutureExt;
use futures::future::BoxFuture;
use tapline_conformance::faults::Fault;
use tapline_conformance::simulator::{Flaw, Paging, Scenario, Session, Simulator};
use tapline_core::{Doors, Events, Inline, Limits, NoHooks, Params, Redactor, RunReport, TableRef};
use tapline_engine::{
    Aim, Expectations, HttpSource, HttpSourceConfig, PageForm, RunTask, SyncMode, run,
};

fn runner(session: Session) -> BoxFuture<'static, RunReport> {
    let source = HttpSource::new(HttpSourceConfig {
        plan: Arc::new(session.plan),
        params: Params::default(),
        transport: session.transport,
        hooks: Arc::new(NoHooks),
        clock: session.clock.clone(),
        compute: Arc::new(Inline),
        redactor: Redactor::default(),
        limits: Limits::default(),
        run_id: session.run_id,
        max_pages: None,
        form: PageForm::Rows,
        concurrency: 1,
    });
    let doors = Doors {
        source: Arc::new(source),
        destination: session.destination,
        state: session.state,
        clock: session.clock,
        compute: Arc::new(Inline),
    };
    let task = RunTask {
        run_id: session.run_id,
        pipeline: "p".to_owned(),
        stream: "simulated.items".to_owned(),
        table: TableRef::public("t"),
        sync_mode: SyncMode::FullLoad,
        stage: None,
        aim: Aim::ALL,
        expect: Expectations::default(),
        concurrency: 1,
        lock_wait: Duration::from_secs(3_600),
    };
    async move {
        run(&task, &doors, &Events::none(), &session.cancel)
            .await
            .report
    }
    .boxed()
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap())
}

#[test]
fn every_seed_keeps_the_rules() {
    let simulator = Simulator::new(runner);
    if let Some(seed) = number("TAPLINE_SEED") {
        let story = simulator.seed(seed).unwrap_or_else(|v| panic!("{v}"));
        return println!("{:?}\n{}{}", story.scenario, story.trace, story.verdict);
    }
    let seeds = number("TAPLINE_SEEDS").unwrap_or(2_000);
    let mut coverage = Coverage::default();
    for seed in 0..seeds {
        match simulator.seed(seed) {
            Ok(story) => coverage.add(&story),
            Err(violation) => panic!("TAPLINE_SEED={seed} shows this again\n{violation}"),
        }
    }
    println!("{seeds} seeds\n{coverage}");
    coverage.check();
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let simulator = Simulator::new(runner);
    let hash = |seed| simulator.seed(seed).unwrap().trace.hash();
    for seed in 0..300 {
        assert_eq!(hash(seed), hash(seed), "seed {seed}");
        assert_ne!(hash(seed), hash(seed + 1), "seed {seed}");
    }
}

#[test]
fn planted_bugs_are_found() {
    for flaw in [
        Flaw::IgnoresFence,
        Flaw::TornPublication,
        Flaw::ShowsAborted,
        Flaw::KeepsStale,
        Flaw::LosesPage,
        Flaw::PublishesEarly,
        Flaw::LosesKept,
    ] {
        let simulator = Simulator::new(runner).with_flaw(flaw);
        let small = (0..10_000).map(Scenario::draw).filter(|s| s.records < 100);
        let violation = small.into_iter().find_map(|s| simulator.play(&s).err());
        let violation = violation.unwrap_or_else(|| panic!("{flaw:?} is not found"));
        let (seed, rule) = (violation.scenario.seed, violation.rule);
        println!("{flaw:?}: found by seed {seed}: {rule}");
    }
}

#[test]
fn every_call_may_fail_or_be_the_last_once() {
    let simulator = Simulator::new(runner);
    let mut played = 0;
    let worlds = Paging::ALL.into_iter().flat_map(|paging| {
        [false, true].map(|lazy| Scenario {
            lazy,
            ..Scenario::plain(paging)
        })
    });
    for scenario in worlds {
        let calls = simulator.play(&scenario).unwrap().calls;
        assert!(calls.contains(&"publish"), "{calls:?}");
        for fault in Fault::all(calls.len()) {
            let played_one = simulator.play_faults(&scenario, &[fault]);
            played_one.unwrap_or_else(|v| panic!("{fault:?}: {v}"));
            played += 1;
        }
    }
    println!("{played} single faults");
}

/// Crashes come in pairs: the second may hit what mends the first.
#[test]
fn two_runs_after_each_other_may_fail_in_any_two_calls() {
    let simulator = Simulator::new(runner);
    let scenario = Scenario::plain(Paging::Token);
    let calls = simulator.play(&scenario).unwrap().calls.len();
    let mut played = 0;
    for first in Fault::all(calls) {
        for second in Fault::all(calls) {
            let played_two = simulator.play_faults(&scenario, &[first, second]);
            played_two.unwrap_or_else(|v| panic!("{first:?}, {second:?}: {v}"));
            played += 1;
        }
    }
    println!("{played} pairs of faults");
}
