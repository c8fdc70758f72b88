//! One run, told as a story: take the lease, remember what is known, open the table, go on where an
//! earlier run was cut, read the pages piece by piece, keep each with its position, judge what they
//! prove, publish only what is complete, and remember how far that goes.
//!
//! The run itself does no I/O. It drives the doors it was given, so the same story is told in
//! production, in a test and in the simulator.

mod aim;
mod expect;
mod finding;
mod memory;
mod opening;
mod piece;
mod reading;
mod rebuild;
mod rejects;
mod shaping;
mod table;
mod work;

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use tapline_core::{
    Asked, CancellationToken, Cursor, Doors, Error, ErrorKind, Events, FoundTable, Lease, MarkKey,
    Result, RunEvent, RunReport, ShortReason, Stage, TableRef, UnknownReason, Verdict, Window,
};
use uuid::Uuid;

pub use self::aim::{Aim, Asks, Expectations};
use self::expect::Brought;
use self::finding::forgotten;
use self::memory::{Memory, fits};
pub use self::memory::{get as get_marks, history, put as put_marks};
use self::opening::Opened;
pub use self::piece::{Prospect, prospect};
pub use self::rebuild::{Rebuilt, rebuild};
pub use self::rejects::{Retried, retry_rejects};
pub(crate) use self::work::Kept;
use self::work::{Event, Work};
use crate::cursor::CursorCounts;
use crate::shape::Shape;
use crate::sync_mode::SyncMode;
use crate::tally::Tally;
use crate::window::{check, repeats};

/// What a run is asked to do.
#[derive(Clone, Debug)]
pub struct RunTask {
    /// The run (UUIDv7), unless it goes on with an earlier one.
    pub run_id: Uuid,
    /// The pipeline's name.
    pub pipeline: String,
    /// Connector and stream, for people: `mailchimp.members`.
    pub stream: String,
    /// Where the rows go.
    pub table: TableRef,
    /// What the run does to its table.
    pub sync_mode: SyncMode,
    /// The table with the latest versions; of [`SyncMode::IncrementalWithQualify`] only.
    pub stage: Option<Stage>,
    /// What becomes of the rows before they are kept.
    pub shape: Arc<Shape>,
    /// What is to be fetched.
    pub aim: Aim,
    /// What is expected of that.
    pub expect: Expectations,
    /// Pieces that are read at the same time, at least 1.
    pub concurrency: usize,
    /// How long to wait for another runner of the same pipeline.
    pub lock_wait: Duration,
}

impl RunTask {
    /// Where the marks of the stream are.
    pub fn key(&self) -> MarkKey {
        MarkKey::of(&self.pipeline, &self.stream)
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// The report, whether the run went well or not.
    pub report: RunReport,
    /// The error that ended it.
    pub error: Option<Error>,
}

/// Runs `task` to its end, or until `cancel`; then the page at hand is still finished.
pub async fn run(
    task: &RunTask,
    doors: &Doors,
    events: &Events,
    cancel: &CancellationToken,
) -> Outcome {
    let mut run = Run {
        task,
        doors,
        events,
        cancel,
        window: Window::ALL,
        began: doors.clock.now(),
        found: FoundTable::default(),
        counts: CursorCounts::default(),
        tally: Tally::begin(task, &*doors.clock),
    };
    let (verdict, error) = match run.under_lease().await {
        Ok(verdict) => (verdict, None),
        Err(error) => (unfinished(&error), Some(error)),
    };
    let error = error.filter(|error| error.kind() != ErrorKind::Stopped);
    run.warn_of_cursors();
    let report = run.tally.report(verdict, error.as_ref(), &*doors.clock);
    run.remember(&report).await;
    events.emit(RunEvent::Finished {
        report: Box::new(report.clone()),
    });
    Outcome { report, error }
}

/// What a run proves that `error` has ended.
fn unfinished(error: &Error) -> Verdict {
    match error.kind() {
        ErrorKind::Stopped => Verdict::Unknown(UnknownReason::Stopped),
        ErrorKind::Quota => Verdict::Unknown(UnknownReason::Paused {
            reason: error.to_string(),
        }),
        _ => Verdict::Short(ShortReason::Failed {
            error: error.to_string(),
        }),
    }
}

struct Run<'a> {
    task: &'a RunTask,
    doors: &'a Doors,
    events: &'a Events,
    cancel: &'a CancellationToken,
    /// All that is to be read.
    window: Window,
    /// When what it asks for was decided.
    began: jiff::Timestamp,
    /// What there was of the table.
    found: FoundTable,
    /// How the rows go by the cursor.
    counts: CursorCounts,
    tally: Tally,
}

impl Run<'_> {
    async fn under_lease(&mut self) -> Result<Verdict> {
        let (pipeline, table) = (&self.task.pipeline, &self.task.table);
        self.found = self.doors.destination.find(table, pipeline).await?;
        let name = format!("pipeline/{pipeline}");
        let (wait, above) = (self.task.lock_wait, self.found.fence);
        let lease = self.doors.state.lease(&name, wait, above);
        let lease = self.unless_stopped(lease).await??;
        let fence = lease.fence();
        let mut memory = self.recall().await?;
        let mut opened = self.open_table(&memory, fence).await?;
        self.events.emit(RunEvent::Started {
            run_id: self.tally.run_id(),
            pipeline: self.task.pipeline.clone(),
            stream: self.task.stream.clone(),
        });
        let mut read = self.read_all(&mut opened, &mut memory, &*lease).await;
        if opened.refused.is_some() {
            opened = self.reopen_table(opened, &memory, fence).await?;
            memory = self.recall().await?;
            read = self.read_all(&mut opened, &mut memory, &*lease).await;
        }
        if let Ok(verdict) = read {
            read = self.held_against_expectations(verdict, &memory).await;
        }
        self.close_table(opened, memory, read).await
    }

    /// What earlier runs have left, and whether this one may ask for what it does.
    async fn recall(&mut self) -> Result<Memory> {
        let memory = Memory::read(&*self.doors.state, self.task.key()).await?;
        if let Some(marks) = &memory.marks {
            let source = self.doors.source.identity();
            fits(marks, self.task, &source, self.found)?;
        }
        self.tally
            .ask_for(self.task.aim.asked(memory.marks.as_ref()));
        let Aim::Missing { ask, cursor, .. } = &self.task.aim else {
            return Ok(Memory::nothing(self.task.key()));
        };
        check(memory.marks.as_ref(), ask, cursor, self.began)?;
        self.tally.recall(memory.marks.as_ref());
        if let Some(marks) = &memory.marks {
            if repeats(marks, ask, cursor, self.began) {
                self.warn("rows of this window that are there already are added again".to_owned());
            }
            if let Some(Cursor::Timestamp(newest)) = marks.newest()
                && *newest > self.began
            {
                self.warn(format!(
                    "the newest record is of {newest}, which is yet to come: until then nothing is \
                     new; `tapline state set` takes the mark back"
                ));
            }
        }
        Ok(memory)
    }

    /// Reads piece after piece, as many at the same time as are asked for. One that is not complete
    /// ends the run: nothing would be published anyway. The page at hand is kept all the same.
    async fn read_all(
        &mut self,
        opened: &mut Opened,
        memory: &mut Memory,
        lease: &dyn Lease,
    ) -> Result<Verdict> {
        let Some(hand) = opened.hand.take() else {
            return Err(Error::new(
                ErrorKind::Internal,
                "run",
                "the table is not open",
            ));
        };
        let mut work = Work::new(self.doors.source.slices(&self.window), hand);
        let read = self.go_through(&mut work, opened, memory, lease).await;
        let (hand, kept) = work.stop().await;
        opened.hand = hand;
        match kept {
            Some(kept) => self.count(kept).and(read),
            None => read,
        }
    }

    async fn go_through(
        &mut self,
        work: &mut Work,
        opened: &mut Opened,
        memory: &mut Memory,
        lease: &dyn Lease,
    ) -> Result<Verdict> {
        loop {
            if let Some(turn) = work.next_ready() {
                if let Some(verdict) = self.take(turn, work, opened, memory)? {
                    return Ok(verdict);
                }
                continue;
            }
            if work.open() < self.task.concurrency.max(1) {
                match work.pieces.pop_front() {
                    Some(piece) => {
                        if let Some(verdict) = self.begin(piece, work, opened, memory)? {
                            return Ok(verdict);
                        }
                        continue;
                    }
                    None => work.search(),
                }
            }
            match self.unless_stopped(work.next()).await? {
                None => return Ok(self.tally.all_slices(work.is_nothing_new())),
                Some(Event::Turn(turn)) => work.queue(*turn),
                Some(Event::Kept(hand, kept)) => {
                    work.kept(*hand);
                    self.count(kept)?;
                    lease.lost().map_or(Ok(()), Err)?;
                }
                Some(Event::Found(_, None)) => {}
                Some(Event::Found(found, Some(finding))) => {
                    work.found(found);
                    if let Some(doubt) = self.find(finding, work, opened, memory)? {
                        return Ok(doubt);
                    }
                }
            }
        }
    }

    /// A page counts once it is durable, and with it all before it.
    fn count(&mut self, kept: Result<Kept>) -> Result<()> {
        self.doors.source.kept();
        let kept = kept?;
        let (seq, durable) = (kept.seq, kept.durable);
        self.tally.keep(kept);
        if durable {
            let rows = self.tally.settle();
            self.events.emit(RunEvent::PageCommitted { seq, rows });
        }
        Ok(())
    }

    /// `verdict`, unless the pipeline expects more than was brought.
    async fn held_against_expectations(
        &mut self,
        verdict: Verdict,
        memory: &Memory,
    ) -> Result<Verdict> {
        let asked = self.tally.asked();
        // What is missing, or what somebody has named, may be anything.
        let is_usual = matches!(asked, Asked::Everything | Asked::Update);
        if !verdict.is_complete() || !is_usual || self.task.expect == Expectations::default() {
            return Ok(verdict);
        }
        let newest = match self.task.aim.cursor() {
            Some(cursor) => memory.newest(cursor),
            None => None,
        };
        let brought = Brought {
            records: self.tally.brought(),
            newest: newest.as_ref(),
            at: self.began,
            kind: (self.task.sync_mode.name(), asked),
        };
        let (log, state) = (self.log(), &*self.doors.state);
        let unmet = self.task.expect.unmet(&brought, state, &log).await?;
        Ok(match unmet {
            Some(unmet) => Verdict::Short(ShortReason::Expectation { unmet }),
            None => verdict,
        })
    }

    /// Publishes what is complete, and remembers how far that goes. Keeps what is only cut, for
    /// another run to go on with. Forgets what lacks records; what was visible stays so.
    async fn close_table(
        &mut self,
        opened: Opened,
        memory: Memory,
        read: Result<Verdict>,
    ) -> Result<Verdict> {
        let Opened { hand, mut slot, .. } = opened;
        let Some(hand) = hand else { return read };
        let mut table = hand.table;
        if matches!(&read, Ok(verdict) if verdict.is_complete()) {
            if let Aim::Missing { cursor, .. } = &self.task.aim {
                // What is remembered must be there.
                table.flush().await?;
                self.tally.settle();
                self.learn(memory, cursor).await?;
            }
            table.publish().await?;
            self.tally.settle();
        } else if self.is_worth_keeping(&read) {
            match table.flush().await {
                Ok(()) => drop(self.tally.settle()),
                Err(error) => self.warn(format!("the last pages could not be kept: {error}")),
            }
            return read;
        } else {
            self.tally.forget();
            if let Err(error) = table.abort().await {
                self.warn(format!("could not clean up: {error}"));
            }
        }
        if let Err(error) = slot.clear(&*self.doors.state).await {
            self.warn(format!("could not forget the run: {error}"));
        }
        read
    }

    /// Moves the marks as far as the run has proved.
    async fn learn(
        &mut self,
        mut memory: Memory,
        cursor: &crate::window::WindowSettings,
    ) -> Result<()> {
        let mut after = memory.after(self.tally.run_id(), self.task.sync_mode, cursor);
        after.source = Some(self.doors.source.identity());
        after.table = Some(self.task.table.clone());
        if memory.forgets_ties() {
            self.warn(forgotten(cursor, "the next run"));
        }
        memory.store(&*self.doors.state, after).await?;
        self.tally.recall(memory.marks.as_ref());
        Ok(())
    }

    /// Whether another run can go on from where this one ends: it was stopped, it failed, or it came
    /// to a limit. One that fails where it was cut before, and not for want of an answer, would do
    /// so for ever.
    fn is_worth_keeping(&self, read: &Result<Verdict>) -> bool {
        let (has_pages, is_resumed) = (self.tally.may_have_pages(), self.tally.is_resumed());
        match read {
            Err(error) if error.kind() == ErrorKind::Protocol => has_pages,
            Err(_) => has_pages || is_resumed,
            Ok(verdict) => matches!(verdict, Verdict::Short(ShortReason::Limit { .. })),
        }
    }

    /// Waits for `work`, unless the run is asked to stop first.
    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        let stop = std::pin::pin!(self.cancel.cancelled());
        match select(stop, std::pin::pin!(work)).await {
            Either::Left(_) => Err(Error::new(ErrorKind::Stopped, "run", "asked to stop")),
            Either::Right((done, _)) => Ok(done),
        }
    }

    fn log(&self) -> String {
        RunReport::log(&self.task.pipeline)
    }

    /// Adds the report to the pipeline's log. A run is not undone because its log is.
    async fn remember(&self, report: &RunReport) {
        let entry = serde_json::to_value(report).unwrap_or_default();
        if let Err(error) = self.doors.state.append(&self.log(), &entry).await {
            self.warn(format!("the run's report could not be stored: {error}"));
        }
    }

    fn warn_of_cursors(&self) {
        let odd = self.counts.to_string();
        if odd.is_empty() {
            return;
        }
        let again = match self.task.sync_mode.remembers() {
            true => "; a run that meets them adds them again",
            false => "",
        };
        self.warn(format!("{odd}{again}"));
    }

    fn warn(&self, message: String) {
        self.events.emit(RunEvent::Warning { message });
    }
}
