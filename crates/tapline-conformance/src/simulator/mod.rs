//! A world for one run, made from a seed: an API that pages and lies, a destination, a state store
//! and a clock, on one thread and without a real wait.
//!
//! The world is made of doors and knows no engine; what is tried in it is a [`Runner`]. Every
//! [`Scenario`] is held against the rules of `rules.rs`, and ends with a run against an honest
//! API, after which the table must hold each record once. The same seed gives the same [`Trace`],
//! so a seed is all it takes to see a failure again.

mod api;
mod rules;
mod scenario;
mod stage;
mod state;
mod task;
mod timeline;
mod trace;
mod warehouse;

use std::fmt;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use tapline_core::{CancellationToken, Clock, Destination, RunReport, StateStore, Transport};
use tapline_spec::Plan;
use uuid::Uuid;

pub use scenario::{Lie, Mishap, Paging, Scenario};
pub use trace::Trace;
pub use warehouse::Flaw;

use crate::faults::{Fault, Faults, FaultyDestination, FaultyState, FaultyTransport};
use crate::lock::lock;
use api::SimApi;
use rules::{Fate, Seen};
use stage::Stage;
use state::SimState;
use task::{Driven, Task, drive};
use warehouse::Warehouse;

/// No run takes as many steps, whatever an API does.
const ENDLESS: u64 = 1_000_000;
/// Ids of the records of the old table start here, so that they are told from the new ones.
const OLD: u64 = 1_000_000;

/// The doors of one run, and what it is to fetch.
pub struct Session {
    /// The run.
    pub run_id: Uuid,
    /// What the API's spec means.
    pub plan: Plan,
    /// The API.
    pub transport: Arc<dyn Transport>,
    /// The destination: one table, replaced.
    pub destination: Arc<dyn Destination>,
    /// The state store.
    pub state: Arc<dyn StateStore>,
    /// Simulated time.
    pub clock: Arc<dyn Clock>,
    /// Asks the run to stop.
    pub cancel: CancellationToken,
}

/// What is tried: fetches everything, replaces the table, and reports.
pub type Runner = fn(Session) -> BoxFuture<'static, RunReport>;

/// What a simulation saw.
#[derive(Clone, Debug)]
pub struct Story {
    /// The world.
    pub scenario: Scenario,
    /// What happened in it.
    pub trace: Trace,
    /// Whether the API told the lie it had in store.
    pub lied: bool,
    /// Whether the mishap met a run that was still going on.
    pub struck: bool,
    /// Rows that the last run found kept.
    pub kept: usize,
    /// `complete`, `short`, `unknown`, or `dead`, for the first run.
    pub verdict: &'static str,
    /// The calls the first run made at its doors.
    pub calls: Vec<&'static str>,
}

/// A rule was broken.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which, and how.
    pub rule: String,
    /// The world; its seed makes it again.
    pub scenario: Scenario,
    /// What happened in it.
    pub trace: Trace,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.scenario.seed, self.rule)?;
        writeln!(f, "{:?}\n{}", self.scenario, self.trace)
    }
}

/// Makes worlds, and lets a runner run in them.
#[derive(Clone, Copy)]
pub struct Simulator {
    runner: Runner,
    flaw: Option<Flaw>,
}

impl Simulator {
    /// A simulator of `runner`.
    pub fn new(runner: Runner) -> Self {
        Self { runner, flaw: None }
    }

    /// Plants a bug in every destination.
    #[must_use]
    pub fn with_flaw(self, flaw: Flaw) -> Self {
        Self {
            flaw: Some(flaw),
            ..self
        }
    }

    /// Plays the world of `seed`.
    ///
    /// # Errors
    /// A rule was broken.
    pub fn seed(&self, seed: u64) -> Result<Story, Box<Violation>> {
        self.play(&Scenario::draw(seed))
    }

    /// Plays `scenario`, then a run against the same API, now honest.
    ///
    /// # Errors
    /// A rule was broken.
    pub fn play(&self, scenario: &Scenario) -> Result<Story, Box<Violation>> {
        self.play_faults(scenario, &[])
    }

    /// Plays `scenario`, then a run against the honest API for each of `faults`, which happens to
    /// it, then one to which nothing happens.
    ///
    /// # Errors
    /// A rule was broken.
    pub fn play_faults(
        &self,
        scenario: &Scenario,
        faults: &[Fault],
    ) -> Result<Story, Box<Violation>> {
        let mut world = World::new(*self, scenario.clone());
        let played = world.play(faults);
        let violation = |rule| {
            Box::new(Violation {
                rule,
                scenario: scenario.clone(),
                trace: world.stage.trace(),
            })
        };
        played.map_err(violation)
    }
}

/// A run in the world: its task, and what the rules need to know of it.
struct Actor {
    task: Task<Option<RunReport>>,
    cancel: CancellationToken,
    faults: Arc<Faults>,
    given: Arc<Mutex<api::Given>>,
    /// Whether something other than the API may keep the run from its end.
    disturbed: bool,
}

impl Actor {
    fn fate(&self) -> Fate {
        Fate {
            verdict: self.task.result.as_ref().and_then(|report| {
                let report = report.as_ref()?;
                Some(report.verdict.clone())
            }),
            given: lock(&self.given).clone(),
            disturbed: self.disturbed,
        }
    }
}

struct World {
    simulator: Simulator,
    scenario: Scenario,
    stage: Stage,
    warehouse: Warehouse,
    state: SimState,
    runs: u64,
}

impl World {
    fn new(simulator: Simulator, scenario: Scenario) -> Self {
        let stage = Stage::new(scenario.seed);
        let row = |id| (id, api::name(id));
        let old = scenario
            .old
            .map(|rows| (OLD..OLD + rows).map(row).collect());
        Self {
            simulator,
            warehouse: Warehouse::new(stage.clone(), simulator.flaw, scenario.lazy, old),
            state: SimState::new(stage.clone()),
            scenario,
            stage,
            runs: 0,
        }
    }

    fn play(&mut self, faults: &[Fault]) -> Result<Story, String> {
        let (first, struck) = match self.scenario.mishap {
            Mishap::Takeover(steps) => self.take_over(steps)?,
            _ => self.alone()?,
        };
        for fault in faults {
            let mut actor = self.begin(None, Faults::of(*fault));
            self.drive_to_end(&mut [&mut actor])?;
        }
        let fate = first.fate();
        if fate.given.lied {
            let (mending, before) = self.honest()?;
            rules::after_lies(&mending, &before, &self.seen())?;
        }
        let (last, before) = self.honest()?;
        let after = self.seen();
        rules::after_run(&self.scenario, None, &last, &before, &after)?;
        rules::at_the_end(&self.scenario, &after)?;
        rules::went_on(&self.scenario, &before, &after)?;
        Ok(Story {
            scenario: self.scenario.clone(),
            trace: self.stage.trace(),
            lied: fate.given.lied,
            struck,
            kept: before.kept.len(),
            verdict: fate
                .verdict
                .as_ref()
                .map_or("dead", |verdict| verdict.name()),
            calls: first.faults.calls(),
        })
    }

    /// A run to which nothing happens, and what was there before.
    fn honest(&mut self) -> Result<(Fate, Seen), String> {
        let mut actor = self.begin(None, Faults::none());
        let before = self.seen();
        self.drive_to_end(&mut [&mut actor])?;
        Ok((actor.fate(), before))
    }

    /// One run, and what happens to it.
    fn alone(&mut self) -> Result<(Actor, bool), String> {
        let faults = match self.scenario.mishap {
            Mishap::Door(fault) => Faults::of(fault),
            _ => Faults::none(),
        };
        let before = self.seen();
        let mut actor = self.begin(self.scenario.lie, faults);
        let mut struck = false;
        if let Mishap::Kill(steps) | Mishap::Stop(steps) = self.scenario.mishap {
            struck = self.drive(&mut [&mut actor], steps)? == Driven::Steps;
            if matches!(self.scenario.mishap, Mishap::Stop(_)) {
                actor.cancel.cancel();
            } else {
                actor.task.kill();
            }
        }
        self.drive_to_end(&mut [&mut actor])?;
        actor.disturbed = struck || actor.faults.struck().is_some();
        let lie = self.scenario.lie;
        rules::after_run(&self.scenario, lie, &actor.fate(), &before, &self.seen())?;
        let struck = actor.disturbed;
        Ok((actor, struck))
    }

    /// A run loses its lease without knowing, and another begins while it goes on.
    fn take_over(&mut self, steps: u64) -> Result<(Actor, bool), String> {
        let before = self.seen();
        let mut first = self.begin(self.scenario.lie, Faults::none());
        let struck = self.drive(&mut [&mut first], steps)? == Driven::Steps;
        let between = self.seen();
        let over = first.task.is_over();
        self.state.expire();
        let mut second = self.begin(None, Faults::none());
        self.drive_to_end(&mut [&mut first, &mut second])?;
        first.disturbed = !over;
        if over {
            let lie = self.scenario.lie;
            rules::after_run(&self.scenario, lie, &first.fate(), &before, &between)?;
        }
        rules::after_takeover(&self.scenario, &second.fate(), &self.seen())?;
        Ok((first, struck))
    }

    /// A run that has made no step yet.
    fn begin(&mut self, lie: Option<Lie>, faults: Faults) -> Actor {
        self.runs += 1;
        let scenario = Scenario {
            lie,
            ..self.scenario.clone()
        };
        let api = SimApi::new(scenario, self.stage.clone(), self.runs);
        let given = api.given();
        let faults = Arc::new(faults);
        let cancel = CancellationToken::new();
        let warehouse = Arc::new(self.warehouse.of(self.runs));
        let state = Arc::new(self.state.of(self.runs));
        let session = Session {
            run_id: Uuid::from_u128(self.runs.into()),
            plan: self.scenario.plan(),
            transport: Arc::new(FaultyTransport::new(Arc::new(api), faults.clone())),
            destination: Arc::new(FaultyDestination::new(warehouse, faults.clone())),
            state: Arc::new(FaultyState::new(state, faults.clone())),
            clock: Arc::new(self.stage.timeline.clone()),
            cancel: cancel.clone(),
        };
        let run = (self.simulator.runner)(session);
        let watched = faults.clone();
        Actor {
            task: Task::new(Box::pin(async move { watched.until_crash(run).await })),
            cancel,
            faults,
            given,
            disturbed: false,
        }
    }

    fn drive(&self, actors: &mut [&mut Actor], steps: u64) -> Result<Driven, String> {
        let mut tasks: Vec<_> = actors.iter_mut().map(|actor| &mut actor.task).collect();
        match drive(&self.stage, &mut tasks, steps) {
            Driven::Stuck => Err("a run waits for what will never happen".to_owned()),
            driven => Ok(driven),
        }
    }

    fn drive_to_end(&self, actors: &mut [&mut Actor]) -> Result<(), String> {
        match self.drive(actors, ENDLESS)? {
            Driven::Over => Ok(()),
            _ => Err("a run does not end".to_owned()),
        }
    }

    fn seen(&self) -> Seen {
        let disk = self.warehouse.disk();
        Seen {
            visible: disk.visible,
            hidden: disk.hidden.len(),
            kept: disk.hidden.into_values().flat_map(|t| t.rows).collect(),
        }
    }
}
