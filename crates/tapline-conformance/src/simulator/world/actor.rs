//! A run in the world: how it is begun, driven, and what became of it.

use std::sync::{Arc, Mutex};

use tapline_core::{CancellationToken, RunReport, Window};
use uuid::Uuid;

use super::World;
use crate::faults::{Faults, FaultyDestination, FaultyState, FaultyTransport};
use crate::lock::lock;
use crate::simulator::api::{Given, SimApi};
use crate::simulator::lie::Lie;
use crate::simulator::rules::{self, Process, Seen, Witness};
use crate::simulator::scenario::Expect;
use crate::simulator::task::{Driven, Task, drive};
use crate::simulator::warehouse::{Partial, Warehouse};
use crate::simulator::{Flaw, Goal, Session};

/// No run takes as many steps, whatever an API does.
const ENDLESS: u64 = 1_000_000;

/// A run in the world: its task, and what the rules need to know of it.
pub(super) struct Actor {
    pub(super) number: u64,
    pub(super) goal: Goal,
    pub(super) lie: Option<Lie>,
    pub(super) task: Task<Option<RunReport>>,
    pub(super) cancel: CancellationToken,
    pub(super) faults: Arc<Faults>,
    pub(super) warehouse: Arc<Warehouse>,
    pub(super) given: Arc<Mutex<Given>>,
    pub(super) witness: Arc<Witness>,
    pub(super) moment: u64,
    pub(super) wall: i64,
    pub(super) before: Seen,
    /// Whether something other than the API may keep the run from its end.
    pub(super) disturbed: bool,
}

/// How a run is begun.
#[derive(Default)]
pub(super) struct Circumstances {
    pub(super) lie: Option<Lie>,
    pub(super) faults: Faults,
    pub(super) partial: Partial,
    pub(super) max_pages: Option<u64>,
    pub(super) expect: Expect,
}

impl World {
    /// A run that has made no step yet.
    pub(super) fn begin(&mut self, goal: Goal, circumstances: Circumstances) -> Actor {
        let Circumstances {
            lie,
            faults,
            partial,
            max_pages,
            expect,
        } = circumstances;
        self.processes += 1;
        let number = self.processes;
        let faults = Arc::new(faults);
        let given = Arc::default();
        let witness = self.witness(goal.clone(), &given);
        let api = SimApi {
            scenario: self.scenario.clone(),
            lie,
            withholds: self.simulator.flaw == Some(Flaw::WithholdsBoundary),
            stage: self.stage.clone(),
            run: number,
            records: self.records.clone(),
            given: given.clone(),
        };
        let warehouse = Arc::new(self.warehouse.of(number, partial));
        let state = Arc::new(self.state.of(number, witness.clone()));
        let cancel = CancellationToken::new();
        let session = Session {
            run_id: Uuid::from_u128(number.into()),
            plan: self.plan.clone(),
            mode: self.scenario.mode,
            window: self.window(&goal),
            goal: goal.clone(),
            cursor: self.scenario.follows().then_some(self.scenario.cursor),
            concurrency: self.scenario.concurrency,
            max_pages,
            expect,
            transport: Arc::new(FaultyTransport::new(Arc::new(api), faults.clone())),
            destination: Arc::new(FaultyDestination::new(warehouse.clone(), faults.clone())),
            state: Arc::new(FaultyState::new(state, faults.clone())),
            clock: Arc::new(self.stage.timeline.clone()),
            cancel: cancel.clone(),
        };
        self.stage.note(number, || format!("begins: {goal:?}"));
        let run = (self.simulator.runner)(session);
        let watched = faults.clone();
        Actor {
            number,
            goal,
            lie,
            task: Task::new(Box::pin(async move { watched.until_crash(run).await })),
            cancel,
            faults,
            warehouse,
            given,
            witness,
            moment: lock(&self.records).moment(),
            wall: self.stage.timeline.now_on_the_wall(),
            before: self.seen(),
            disturbed: false,
        }
    }

    fn witness(&self, goal: Goal, given: &Arc<Mutex<Given>>) -> Arc<Witness> {
        Arc::new(Witness {
            scenario: self.scenario.clone(),
            goal,
            stage: self.stage.clone(),
            disk: self.warehouse.shared(),
            records: self.records.clone(),
            given: given.clone(),
            exempt: self.ledger.lost.union(&self.late).copied().collect(),
            is_doubtful: self.ledger.is_doubtful(),
            wall: self
                .ledger
                .first_wall(self.stage.timeline.now_on_the_wall()),
            recalled: Mutex::default(),
            stored: Mutex::default(),
        })
    }

    /// The window of a run that is asked for everything: up to now, where a request can say so.
    fn window(&self, goal: &Goal) -> Window {
        let cursor = self.scenario.cursor;
        let ends = *goal == Goal::Everything && cursor.is_time && cursor.asks.1;
        let end = ends.then(|| cursor.value(self.stage.timeline.now_on_the_wall()));
        Window { start: None, end }
    }

    /// What became of `actor`, which is over.
    pub(super) fn end(&mut self, actor: Actor) -> Result<Process, String> {
        if let Some(complaint) = self.stage.complaint() {
            return Err(complaint);
        }
        let process = self.process(&actor);
        for trouble in &process.given.met {
            self.count(*trouble);
        }
        let report = process.report.as_ref();
        let is_resumed = report.is_some_and(|report| report.resumed_from.is_some());
        self.resumed += u64::from(is_resumed);
        self.stage.note(actor.number, || {
            let verdict = report.map(|report| report.verdict.to_string());
            format!("ends: {}", verdict.as_deref().unwrap_or("dead"))
        });
        Ok(process)
    }

    /// What `actor` has done so far.
    pub(super) fn process(&self, actor: &Actor) -> Process {
        let recalled = lock(&actor.witness.recalled).clone();
        let marks = match recalled {
            Some(recall) => recall.marks,
            None => actor.before.marks.clone(),
        };
        let wall = self.stage.timeline.now_on_the_wall();
        Process {
            number: actor.number,
            shares: rules::shares(&self.scenario, &actor.goal, marks.as_ref()),
            goal: actor.goal.clone(),
            lie: actor.lie,
            report: actor.task.result.clone().flatten(),
            given: lock(&actor.given).clone(),
            disturbed: actor.disturbed,
            begun: actor.warehouse.begun(),
            stored: *lock(&actor.witness.stored),
            moments: (actor.moment, lock(&self.records).moment()),
            wall: (wall.min(actor.wall), wall.max(actor.wall)),
            before: actor.before.clone(),
            after: self.seen(),
        }
    }

    pub(super) fn drive(&self, actors: &mut [&mut Actor], steps: u64) -> Result<Driven, String> {
        let mut tasks: Vec<_> = actors.iter_mut().map(|actor| &mut actor.task).collect();
        match drive(&self.stage, &mut tasks, steps) {
            Driven::Stuck => Err("a run waits for what will never happen".to_owned()),
            driven => Ok(driven),
        }
    }

    pub(super) fn drive_to_end(&self, actors: &mut [&mut Actor]) -> Result<(), String> {
        match self.drive(actors, ENDLESS)? {
            Driven::Over => Ok(()),
            _ => Err("a run does not end".to_owned()),
        }
    }
}
