//! A world, and the play in it.

mod actor;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tapline_core::Document;
use tapline_spec::Plan;
use uuid::Uuid;

use self::actor::{Actor, Circumstances};
use super::records::Records;
use super::rules::{self, Ledger, Process, Seen, TABLE};
use super::scenario::{Act, Ask, Changes, Drift, Mishap, Mode, Scenario};
use super::stage::Stage;
use super::state::SimState;
use super::task::Driven;
use super::trouble::Trouble;
use super::warehouse::{Disk, Partial, Row, Warehouse};
use super::{Goal, PIPELINE, Scene, Simulator, Story, Trace};
use crate::faults::{Faults, Kind, Moment};
use crate::lock::lock;
use crate::random::Random;

/// Numbers of the rows of the old table start here, so that they are told from the new ones.
const OLD: u64 = 1_000_000;
/// Honest runs after which all must be well: the first may go on with what lies have left, the
/// second begin anew.
const TRIES: u64 = 3;
const YEAR: i64 = 365 * 86_400;

pub(super) struct World {
    simulator: Simulator,
    scenario: Arc<Scenario>,
    plan: Plan,
    stage: Stage,
    records: Arc<Mutex<Records>>,
    warehouse: Warehouse,
    state: SimState,
    ledger: Ledger,
    random: Random,
    processes: u64,
    resumed: u64,
    met: BTreeMap<Trouble, u64>,
    /// Records that came late, and that no complete update has looked back for.
    late: BTreeSet<u64>,
    /// Whether something has happened that keeps runs from being gone on with.
    hindered: bool,
}

impl World {
    pub(super) fn new(simulator: Simulator, scenario: Scenario) -> Self {
        let stage = Stage::new(scenario.seed, simulator.is_traced);
        let row = |serial| Row {
            serial,
            run: Uuid::nil(),
        };
        let disk = match scenario.old {
            Some(rows) => Disk::with(TABLE, (OLD..OLD + rows).map(row).collect()),
            None => Disk::default(),
        };
        let flaw = simulator.flaw;
        let mut met = BTreeMap::new();
        if scenario.cursor.is_time && scenario.cursor.skew != 0 {
            met.insert(Trouble::ClockSkew, 1);
        }
        Self {
            simulator,
            plan: scenario.plan(),
            records: Arc::new(Mutex::new(Records::new(&scenario).sorted())),
            warehouse: Warehouse::new(stage.clone(), flaw, scenario.lazy, disk),
            state: SimState::new(stage.clone(), flaw),
            random: Random::new(scenario.seed, 4, 0),
            ledger: Ledger::default(),
            processes: 0,
            resumed: 0,
            met,
            late: BTreeSet::new(),
            hindered: scenario.forgetful,
            scenario: Arc::new(scenario),
            stage,
        }
    }

    pub(super) fn trace(&self) -> Trace {
        self.stage.trace()
    }

    pub(super) fn play(&mut self) -> Result<Story, String> {
        let scenario = self.scenario.clone();
        let mut scenes = Vec::new();
        for act in &scenario.acts {
            self.change(act);
            scenes.push(self.act(act)?);
        }
        self.close()?;
        Ok(Story {
            scenario: (*scenario).clone(),
            trace: self.trace(),
            scenes,
            met: self.met.clone(),
            processes: self.processes,
            resumed: self.resumed,
        })
    }

    /// Lets happen what happens before `act`.
    fn change(&mut self, act: &Act) {
        let timeline = &self.stage.timeline;
        timeline.pass(Duration::from_secs(act.changes.seconds));
        // A window of a year may be cut into too many parts.
        if self.random.chance(50) || self.scenario.cursor.slice.is_some() {
            timeline.mend();
        }
        let changes = self.changes(act);
        let now = timeline.second() + self.scenario.cursor.skew;
        let reach = self.reach().filter(|_| changes.late > 0);
        let mut records = lock(&self.records);
        let late = records.change(changes, now, reach, &mut self.random);
        self.stage.note(0, || format!("{changes:?}"));
        self.late.extend(late);
    }

    /// What may change before `act`: less, if a run is cut that may be gone on with, and the API does
    /// not stand it; and nothing late, unless the next run looks back.
    fn changes(&self, act: &Act) -> Changes {
        let mut changes = act.changes;
        let is_cut = !self.warehouse.disk().recover(PIPELINE, false).is_empty();
        if is_cut && !self.scenario.stands(Drift::Insert) {
            changes.inserts = 0;
        }
        if is_cut && !self.scenario.stands(Drift::Move) {
            changes.updates = 0;
        }
        if is_cut || act.ask != Ask::Update || self.reach().is_none() {
            changes.late = 0;
        }
        changes
    }

    /// The newest cursor that is remembered, and how far the next update looks back from it.
    fn reach(&self) -> Option<(i64, u64)> {
        let marks = self.seen().marks?;
        let back = self.scenario.cursor.lookback?;
        let parts = 0..self.scenario.parts.max(1);
        let known = parts.filter_map(|part| marks.known(&rules::part_name(&self.scenario, part)));
        let newest = known.filter_map(|known| rules::value(&known.newest?)).max();
        Some((newest?, back)).filter(|_| self.late.is_empty())
    }

    /// What the run of an act is asked for.
    fn goal(&self, ask: Ask) -> Goal {
        let (low, high) = lock(&self.records).span();
        let at = |percent: u64| low + (high - low) * percent.cast_signed() / 100;
        match ask {
            _ if self.scenario.mode != Mode::Incremental => Goal::Everything,
            // One that moves the newest cursor would leave what came late behind.
            Ask::Explicit { .. } if !self.late.is_empty() => Goal::Update,
            Ask::Update => Goal::Update,
            Ask::Backfill { from, to } => Goal::Backfill {
                from: from.map(at),
                to: to.map(at),
            },
            Ask::Explicit { from, to } => {
                // What holds too much is cut between its bounds.
                let is_cut = self.scenario.most.is_some() && to.is_none();
                let from = from.or(is_cut.then_some(0)).map(at);
                let to = to.or(self.scenario.cursor.is_time.then_some(100)).map(at);
                let least = from.map_or(i64::MIN, |from| from + 1);
                Goal::Explicit {
                    from,
                    to: to.map(|to| to.max(least)),
                }
            }
        }
    }

    fn act(&mut self, act: &Act) -> Result<Scene, String> {
        match act.mishap {
            Mishap::Takeover(steps) => self.take_over(act, steps),
            Mishap::Pause(steps) => self.pause(act, steps),
            _ => self.alone(act),
        }
    }

    /// One run, and what happens to it.
    fn alone(&mut self, act: &Act) -> Result<Scene, String> {
        let mut circumstances = Circumstances {
            lie: act.lie,
            expect: self.scenario.expect,
            ..Circumstances::default()
        };
        let mut damaged = None;
        match act.mishap {
            Mishap::Door(fault) => circumstances.faults = Faults::of(fault),
            Mishap::Trouble(Trouble::PartialBatch, spared, _) => {
                circumstances.partial = Partial::after(spared);
            }
            Mishap::Trouble(trouble, spared, is_late) => {
                let strike = trouble.strike(spared, is_late);
                circumstances.faults = strike.map_or_else(Faults::none, Faults::named);
            }
            Mishap::Limit(pages) => circumstances.max_pages = Some(pages),
            Mishap::Corrupt(choice) => damaged = self.state.corrupt(choice),
            _ => {}
        }
        let mut actor = self.begin(self.goal(act.ask), circumstances);
        let struck = self.strike(&mut actor, act.mishap)?;
        self.drive_to_end(&mut [&mut actor])?;
        let faults = &actor.faults;
        let is_hit = faults.has_struck() || actor.warehouse.partial().has_struck();
        let is_unreadable = self.is_of_marks(damaged.as_ref());
        actor.disturbed |=
            struck || is_hit || is_unreadable || matches!(act.mishap, Mishap::Limit(_));
        let struck = actor.disturbed || damaged.is_some();
        if struck {
            self.meet(&actor, act.mishap);
        }
        let calls = actor.faults.calls();
        let process = self.end(actor)?;
        self.judge(&process)?;
        if let Some(damaged) = damaged {
            self.hindered = true;
            if is_unreadable {
                self.restore(damaged, &process)?;
            }
        }
        Ok(scene(&process, struck, calls))
    }

    fn is_of_marks(&self, damaged: Option<&(super::state::Key, Document)>) -> bool {
        let marks = tapline_core::Marks::NAMESPACE;
        self.scenario.mode == Mode::Incremental
            && damaged.is_some_and(|((namespace, _), _)| namespace == marks)
    }

    /// A run that cannot read what is remembered has done nothing; somebody mends that.
    fn restore(
        &self,
        damaged: (super::state::Key, Document),
        process: &Process,
    ) -> Result<(), String> {
        self.state.restore(damaged);
        let rows = |seen: &Seen| seen.disk.visible(TABLE).map_or(0, |table| table.rows.len());
        match process.is_complete() || rows(&process.before) != rows(&process.after) {
            true => Err("a run went on without what is remembered".to_owned()),
            false => Ok(()),
        }
    }

    /// Lets happen to `actor` what happens after so many steps; whether it was still going on, and
    /// may not come to its end.
    fn strike(&mut self, actor: &mut Actor, mishap: Mishap) -> Result<bool, String> {
        let (Mishap::Kill(steps) | Mishap::Stop(steps) | Mishap::Clock(_, steps)) = mishap else {
            return Ok(false);
        };
        let struck = self.drive(&mut [actor], steps)? == Driven::Steps;
        match mishap {
            Mishap::Kill(_) => actor.task.kill(),
            Mishap::Stop(_) => actor.cancel.cancel(),
            Mishap::Clock(trouble, _) => {
                self.turn_clock(trouble);
                self.count(trouble);
                return Ok(self.scenario.cursor.slice.is_some());
            }
            _ => {}
        }
        Ok(struck)
    }

    fn turn_clock(&mut self, trouble: Trouble) {
        let timeline = &self.stage.timeline;
        match trouble {
            Trouble::ClockForward => timeline.jump(YEAR),
            Trouble::ClockBack => timeline.jump(-YEAR),
            _ => timeline.stall(),
        }
        self.hindered = true;
    }

    /// A run loses its lease without knowing, and another begins while it goes on.
    fn take_over(&mut self, act: &Act, steps: u64) -> Result<Scene, String> {
        let goal = self.goal(act.ask);
        let mut first = self.begin(goal.clone(), Circumstances::default());
        let struck = self.drive(&mut [&mut first], steps)? == Driven::Steps;
        let calls = first.faults.calls();
        if first.task.is_over() {
            let process = self.end(first)?;
            self.judge(&process)?;
            return Ok(scene(&process, struck, calls));
        }
        self.state.expire();
        self.count(Trouble::StaleLease);
        let mut second = self.begin(goal, Circumstances::default());
        self.drive_to_end(&mut [&mut first, &mut second])?;
        (first.disturbed, second.disturbed) = (true, true);
        let processes = (self.end(first)?, self.end(second)?);
        // What the first has kept after the second has looked, nobody goes on with.
        self.hindered = true;
        {
            let records = lock(&self.records);
            let both = (&processes.0, &processes.1);
            rules::after_takeover(&self.scenario, &records, &mut self.ledger, both)?;
        }
        self.forget_late();
        Ok(scene(&processes.0, struck, calls))
    }

    /// A run sleeps past its lease, and wakes when another is over.
    fn pause(&mut self, act: &Act, steps: u64) -> Result<Scene, String> {
        let goal = self.goal(act.ask);
        let mut first = self.begin(goal.clone(), Circumstances::default());
        let struck = self.drive(&mut [&mut first], steps)? == Driven::Steps;
        let calls = first.faults.calls();
        if first.task.is_over() {
            let process = self.end(first)?;
            self.judge(&process)?;
            return Ok(scene(&process, struck, calls));
        }
        self.state.expire();
        self.count(Trouble::PausedPastLease);
        let asleep = self.process(&first);
        let was_done = self.enter(&asleep)?;
        let mut second = self.begin(goal, Circumstances::default());
        self.drive_to_end(&mut [&mut second])?;
        let second = self.end(second)?;
        self.judge(&second)?;
        first.before = self.seen();
        first.disturbed = true;
        self.drive_to_end(&mut [&mut first])?;
        let first = self.end(first)?;
        match first.fence() > second.fence() && !was_done {
            true => self.judge(&first)?,
            false => rules::after_pause(&first, was_done)?,
        }
        Ok(scene(&first, struck, calls))
    }

    /// Takes note of a process that is not over; whether its run is.
    fn enter(&mut self, process: &Process) -> Result<bool, String> {
        let is_done = self.ledger.enter(process);
        if is_done {
            let records = lock(&self.records);
            self.ledger.settle(&self.scenario, &records, process)?;
        }
        Ok(is_done)
    }

    /// Honest runs to which nothing happens, until all is well.
    fn close(&mut self) -> Result<(), String> {
        self.stage.timeline.mend();
        self.stage.timeline.pass(Duration::from_secs(60));
        match self.scenario.mode {
            Mode::FullLoad | Mode::FullAppend => self.complete(&Goal::Everything)?,
            Mode::Incremental => self.catch_up()?,
        }
        let records = lock(&self.records);
        rules::at_the_end(&self.scenario, &records, &self.ledger, &self.seen())
    }

    /// An update and a backfill; again, as long as something is missing. Parts that have no record from
    /// the first run's beginning on are known only when others are.
    fn catch_up(&mut self) -> Result<(), String> {
        let missing = Goal::Backfill {
            from: None,
            to: None,
        };
        for _ in 0..TRIES {
            self.complete(&Goal::Update)?;
            if !self.is_missing(&missing) {
                return Ok(());
            }
            self.complete(&missing)?;
        }
        Err("something is missing however often it is asked for".to_owned())
    }

    /// Whether `goal` asks for something.
    fn is_missing(&self, goal: &Goal) -> bool {
        let marks = self.seen().marks;
        let shares = rules::shares(&self.scenario, goal, marks.as_ref());
        !rules::is_nothing(goal, &shares)
    }

    /// Runs until one that began anew is complete.
    fn complete(&mut self, goal: &Goal) -> Result<(), String> {
        for number in 0..=TRIES {
            let mut actor = self.begin(goal.clone(), Circumstances::default());
            self.drive_to_end(&mut [&mut actor])?;
            let process = self.end(actor)?;
            if number == 0 && !self.hindered {
                rules::went_on(&self.ledger, &process)?;
            }
            self.judge(&process)?;
            let is_resumed = process
                .report
                .as_ref()
                .is_some_and(|r| r.resumed_from.is_some());
            if process.is_complete() && (!is_resumed || !self.is_missing(goal)) {
                return match self.hindered {
                    true => Ok(()),
                    false => rules::nothing_given_up(&self.ledger, goal, &self.seen()),
                };
            }
        }
        Err("no honest run comes to its end".to_owned())
    }

    fn judge(&mut self, process: &Process) -> Result<(), String> {
        {
            let records = lock(&self.records);
            rules::alone(&self.scenario, &records, &mut self.ledger, process)?;
        }
        self.forget_late();
        Ok(())
    }

    /// Those that came late and were brought are like any other.
    fn forget_late(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let disk = self.warehouse.disk();
        let rows = disk.visible(TABLE).map_or(&[][..], |table| &table.rows);
        self.late
            .retain(|serial| !rows.iter().any(|row| row.serial == *serial));
    }

    /// Counts what `mishap` was.
    fn meet(&mut self, actor: &Actor, mishap: Mishap) {
        match mishap {
            Mishap::Door(fault) if actor.faults.has_struck() => match (fault.kind, fault.moment) {
                (Kind::Crash, Moment::Before) => self.count(Trouble::CrashBefore),
                (Kind::Crash, Moment::After) => self.count(Trouble::CrashAfter),
                _ => {}
            },
            Mishap::Trouble(trouble, ..) => self.count(trouble),
            Mishap::Stop(_) => self.count(Trouble::Cancelled),
            Mishap::Corrupt(_) => self.count(Trouble::StateCorrupted),
            _ => {}
        }
    }

    fn count(&mut self, trouble: Trouble) {
        *self.met.entry(trouble).or_default() += 1;
    }

    fn seen(&self) -> Seen {
        let marks = self.state.marks();
        let version = marks.as_ref().map_or(0, |document| document.version);
        let marks = marks.map(|document| tapline_core::Marks::read(&document.value));
        Seen {
            disk: self.warehouse.disk(),
            marks: marks.and_then(|marks| marks.ok().flatten()),
            version,
        }
    }
}

fn scene(process: &Process, struck: bool, calls: Vec<&'static str>) -> Scene {
    Scene {
        verdict: process.verdict().cloned(),
        lied: process.given.lied,
        struck,
        calls,
    }
}
