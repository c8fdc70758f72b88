//! A world for a pipeline, made from a seed: an API that pages, changes and lies, a destination, a state
//! store and a clock, on one thread and without a real wait.
//!
//! The world is made of doors and knows no engine; what is tried in it is a [`Runner`]. A
//! [`Scenario`] is a play of several acts, each a run and what happens to it; it ends with runs
//! against an honest API, after which the table must hold what there is. Each process is held against
//! the rules of `rules`, and the marks are looked at in the moment in which they are moved. The
//! same seed gives the same [`Trace`], so a seed is all it takes to see a failure again.

mod api;
mod draw;
mod flaw;
mod lie;
mod plan;
mod records;
mod rules;
mod scenario;
mod stage;
mod state;
mod task;
mod timeline;
mod trace;
mod trouble;
mod warehouse;
mod world;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tapline_core::{
    CancellationToken, Clock, Cursor, Destination, RunReport, StateStore, Transport, Verdict,
    Window,
};
use tapline_spec::Plan;
use uuid::Uuid;

pub use flaw::Flaw;
pub use lie::{Lie, Silence, Wait};
pub use scenario::{Act, Ask, Changes, CursorUse, Drift, Expect, Mishap, Mode, Paging, Scenario};
pub use trace::Trace;
pub use trouble::Trouble;

use world::World;

/// The name of the pipeline in every world.
pub const PIPELINE: &str = "p";
/// The name of its stream.
pub const STREAM: &str = "simulated.items";

/// The doors of one run, and what it is to fetch.
pub struct Session {
    /// The run.
    pub run_id: Uuid,
    /// What the API's spec means.
    pub plan: Plan,
    /// What the run does to its table.
    pub mode: Mode,
    /// What it is asked for.
    pub goal: Goal,
    /// The window of one that is asked for everything.
    pub window: Window,
    /// How records are told apart by age; `None`: the run need not know.
    pub cursor: Option<CursorUse>,
    /// Pieces and pages that are asked for at the same time.
    pub concurrency: usize,
    /// Pages that may be read.
    pub max_pages: Option<u64>,
    /// What is expected of it.
    pub expect: Expect,
    /// The API.
    pub transport: Arc<dyn Transport>,
    /// The destination: one table.
    pub destination: Arc<dyn Destination>,
    /// The state store.
    pub state: Arc<dyn StateStore>,
    /// Simulated time.
    pub clock: Arc<dyn Clock>,
    /// Asks the run to stop.
    pub cancel: CancellationToken,
}

/// What a run is asked for, in numbers or seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Everything, whatever is remembered.
    Everything,
    /// What is new.
    Update,
    /// What is missing.
    Backfill {
        /// From here on.
        from: Option<i64>,
        /// Before here.
        to: Option<i64>,
    },
    /// Exactly this.
    Explicit {
        /// From here on.
        from: Option<i64>,
        /// Before here.
        to: Option<i64>,
    },
}

impl CursorUse {
    /// The cursor that is written as `at`.
    pub fn value(&self, at: i64) -> Cursor {
        match (self.is_time, Timestamp::from_second(at)) {
            (true, Ok(time)) => Cursor::Timestamp(time),
            _ => Cursor::Integer(i128::from(at).into()),
        }
    }
}

/// What is tried: a run that does what its session says, and reports.
pub type Runner = fn(Session) -> BoxFuture<'static, RunReport>;

/// What a simulation saw.
#[derive(Clone, Debug)]
pub struct Story {
    /// The world.
    pub scenario: Scenario,
    /// What happened in it.
    pub trace: Trace,
    /// The acts.
    pub scenes: Vec<Scene>,
    /// How often each kind of fault was met.
    pub met: BTreeMap<Trouble, u64>,
    /// Processes that there were, the last ones included.
    pub processes: u64,
    /// Processes that went on with pages of another.
    pub resumed: u64,
}

/// What became of an act.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What the run has proved; `None`, if it died.
    pub verdict: Option<Verdict>,
    /// Whether the API told the lie it had in store.
    pub lied: bool,
    /// Whether the mishap met a run that was still going on.
    pub struck: bool,
    /// The calls that the run made at its doors.
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
        writeln!(f, "{:#?}\n{}", self.scenario, self.trace)
    }
}

/// Makes worlds, and lets a runner run in them.
#[derive(Clone, Copy)]
pub struct Simulator {
    runner: Runner,
    flaw: Option<Flaw>,
    is_traced: bool,
}

impl Simulator {
    /// A simulator of `runner`.
    pub fn new(runner: Runner) -> Self {
        Self {
            runner,
            flaw: None,
            is_traced: false,
        }
    }

    /// Plants a bug behind the doors.
    #[must_use]
    pub fn with_flaw(self, flaw: Flaw) -> Self {
        Self {
            flaw: Some(flaw),
            ..self
        }
    }

    /// Writes down what happens. Otherwise it is only counted, unless a rule is broken.
    #[must_use]
    pub fn traced(self) -> Self {
        Self {
            is_traced: true,
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

    /// Plays `scenario`, and then what shows whether all is well in the end.
    ///
    /// # Errors
    /// A rule was broken.
    pub fn play(&self, scenario: &Scenario) -> Result<Story, Box<Violation>> {
        let mut world = World::new(*self, scenario.clone());
        let rule = match world.play() {
            Ok(story) => return Ok(story),
            Err(_) if !self.is_traced => return self.traced().play(scenario),
            Err(rule) => rule,
        };
        Err(Box::new(Violation {
            rule,
            scenario: scenario.clone(),
            trace: world.trace(),
        }))
    }
}
