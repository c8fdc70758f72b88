//! One run, told as a story: take the lease, open the table, go on where an earlier run was cut,
//! read the pages, keep each with its position, judge what they prove, and publish only what is
//! complete.
//!
//! The run itself does no I/O. It drives the doors it was given, so the same story is told in
//! production, in a test and in the simulator.

mod opening;

use std::time::Duration;

use arrow_schema::SchemaRef;
use futures::future::{Either, join, select};
use futures::stream::StreamExt;
use tapline_core::{
    CancellationToken, Commit, Doors, EndSignal, Error, ErrorKind, Events, Finding, LastCommit,
    Page, PageStream, Result, Resume, RunEvent, RunReport, ShortReason, Slice, SliceProgress,
    TableRef, UnknownReason, Verdict, Window, Writer,
};
use uuid::Uuid;

use self::opening::{Opened, is_about_position, may_be_about_position};
use crate::flight::LARGE;
use crate::sync_mode::SyncMode;
use crate::tally::Tally;
use crate::verdict::Judge;

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
    /// The time range asked for.
    pub window: Window,
    /// Whether the operator asked for it. If not, a run that is gone on with keeps its own.
    pub window_given: bool,
    /// How long to wait for another runner of the same pipeline.
    pub lock_wait: Duration,
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
        window: task.window,
        tally: Tally::begin(task, &*doors.clock),
    };
    let (verdict, error) = match run.under_lease().await {
        Ok(verdict) => (verdict, None),
        Err(error) if error.kind() == ErrorKind::Stopped => {
            (Verdict::Unknown(UnknownReason::Stopped), None)
        }
        Err(error) => {
            let reason = ShortReason::Failed {
                error: error.to_string(),
            };
            (Verdict::Short(reason), Some(error))
        }
    };
    let report = run.tally.report(verdict, error.as_ref(), &*doors.clock);
    run.remember(&report).await;
    events.emit(RunEvent::Finished {
        report: Box::new(report.clone()),
    });
    Outcome { report, error }
}

struct Run<'a> {
    task: &'a RunTask,
    doors: &'a Doors,
    events: &'a Events,
    cancel: &'a CancellationToken,
    window: Window,
    tally: Tally,
}

impl Run<'_> {
    async fn under_lease(&mut self) -> Result<Verdict> {
        let name = format!("pipeline/{}", self.task.pipeline);
        let lease = self.doors.state.lease(&name, self.task.lock_wait);
        let lease = self.unless_stopped(lease).await??;
        let fence = lease.fence();
        let mut opened = self.open_table(fence).await?;
        self.events.emit(RunEvent::Started {
            run_id: self.tally.run_id(),
            pipeline: self.task.pipeline.clone(),
            stream: self.task.stream.clone(),
        });
        let mut read = self.read_slices(&mut opened).await;
        if opened.refused.is_some() {
            opened = self.reopen_table(opened, fence).await?;
            read = self.read_slices(&mut opened).await;
        }
        self.close_table(opened, read).await
    }

    /// Reads slice after slice. One that is not complete ends the run: nothing would be published
    /// anyway. One that the source has not is left out.
    async fn read_slices(&mut self, opened: &mut Opened) -> Result<Verdict> {
        let mut found = self.doors.source.slices(&self.window);
        let mut schema = self.doors.source.schema();
        while let Some(finding) = self.unless_stopped(found.next()).await? {
            match finding.inspect_err(|error| self.tally.fail(error))? {
                Finding::Slice(slice) => {
                    let verdict = self.read_slice(&slice, &mut schema, opened).await?;
                    self.tally.end_slice(&verdict);
                    match verdict {
                        Verdict::Complete(EndSignal::Skipped) => {}
                        Verdict::Complete(_) if !slice.partition.is_empty() => {}
                        verdict => return Ok(verdict),
                    }
                }
                Finding::Asked(page) => self.tally.ask(&page),
                Finding::Warning(message) => self.warn(message),
                Finding::Doubt(verdict) => return Ok(verdict),
            }
        }
        Ok(self.tally.all_slices())
    }

    /// Reads what is left of `slice`; nothing, if an earlier run came to its end.
    async fn read_slice(
        &mut self,
        slice: &Slice,
        schema: &mut SchemaRef,
        opened: &mut Opened,
    ) -> Result<Verdict> {
        match opened.left.remove(&slice.partition) {
            None => {
                self.begin_slice(slice);
                self.read_pages(slice, None, Judge::default(), schema, opened)
                    .await
            }
            Some(LastCommit {
                position: None,
                progress,
                ..
            }) => Ok(Judge::from(progress).verdict()),
            Some(LastCommit {
                position: Some(position),
                seq,
                progress,
                ..
            }) => {
                self.begin_slice(slice);
                let from = Resume { position, seq };
                self.read_pages(slice, Some(from), progress.into(), schema, opened)
                    .await
            }
        }
    }

    fn begin_slice(&self, slice: &Slice) {
        if !slice.partition.is_empty() {
            self.events.emit(RunEvent::SliceBegun {
                number: self.tally.slices() + 1,
                partition: slice.partition.clone(),
            });
        }
    }

    /// Reads the pages of `slice`; while one is being kept, the next is on its way, unless it is
    /// too large for that.
    async fn read_pages(
        &mut self,
        slice: &Slice,
        from: Option<Resume>,
        mut judge: Judge,
        schema: &mut SchemaRef,
        opened: &mut Opened,
    ) -> Result<Verdict> {
        let is_resumed = from.is_some();
        let mut pages = self.doors.source.open(slice, from);
        let mut next = self.next_page(&mut pages).await?;
        while let Some(page) = next {
            if is_resumed && !judge.has_heard() {
                opened.refused = refusal(&page);
            }
            let page = match page {
                Ok(page) if opened.refused.is_none() => page,
                Ok(page) => {
                    self.tally.ask(&page.info);
                    return Ok(Verdict::Unknown(UnknownReason::NoEndSignal));
                }
                Err(error) => {
                    self.tally.fail(&error);
                    judge.cut(error)?;
                    break;
                }
            };
            judge.hear(&page.info.evidence);
            self.tell(slice, &page);
            let is_large = is_large(&page);
            let progress = judge.progress(page.info.request.received_at);
            let writer = &mut *opened.writer;
            let keep = async {
                let kept = keep(slice, page, progress, schema, writer, self.events).await;
                self.doors.source.kept();
                kept
            };
            let (kept, following) = if is_large {
                (keep.await, self.next_page(&mut pages).await)
            } else {
                join(keep, self.next_page(&mut pages)).await
            };
            self.count(kept?);
            next = following?;
        }
        Ok(judge.verdict())
    }

    /// A page counts once it is durable, and with it all before it.
    fn count(&mut self, kept: Kept) {
        let (seq, durable) = (kept.seq, kept.durable);
        self.tally.keep(kept);
        if durable {
            let rows = self.tally.settle();
            self.events.emit(RunEvent::PageCommitted { seq, rows });
        }
    }

    async fn next_page(&self, pages: &mut PageStream) -> Result<Option<Result<Page>>> {
        self.unless_stopped(pages.next()).await
    }

    /// Publishes what is complete. Keeps what is only cut, for another run to go on with. Forgets
    /// what lacks records; what was visible stays so.
    async fn close_table(&mut self, opened: Opened, read: Result<Verdict>) -> Result<Verdict> {
        let Opened {
            writer, mut slot, ..
        } = opened;
        if matches!(&read, Ok(verdict) if verdict.is_complete()) {
            writer.publish().await?;
            self.tally.settle();
        } else if self.is_worth_keeping(&read) {
            match writer.keep().await {
                Ok(()) => drop(self.tally.settle()),
                Err(error) => self.warn(format!("the last pages could not be kept: {error}")),
            }
            return read;
        } else {
            self.tally.forget();
            if let Err(error) = writer.abort().await {
                self.warn(format!("could not clean up: {error}"));
            }
        }
        if let Err(error) = slot.clear(&*self.doors.state).await {
            self.warn(format!("could not forget the run: {error}"));
        }
        read
    }

    /// Whether another run can go on from where this one ends: it was stopped, it failed, or it came
    /// to a limit. One that fails where it was cut before, and not for want of an answer, would do
    /// so for ever.
    fn is_worth_keeping(&self, read: &Result<Verdict>) -> bool {
        let (has_pages, is_resumed) = (self.tally.has_pages(), self.tally.is_resumed());
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

    fn tell(&mut self, slice: &Slice, page: &Page) {
        self.tally.read(&page.info);
        self.events.emit(RunEvent::PageRead {
            seq: page.info.seq,
            records: page.info.evidence.records,
            bytes: page.info.request.bytes,
            total: page.info.evidence.total,
        });
        if page.info.evidence.end == Some(EndSignal::Skipped) {
            let name = match slice.partition.as_str() {
                "" => "the only one",
                name => name,
            };
            let status = page.info.request.status;
            self.warn(format!(
                "slice {name} was left out: a rule fits what the source answered ({status})"
            ));
        }
    }

    /// Adds the report to the pipeline's log. A run is not undone because its log is.
    async fn remember(&self, report: &RunReport) {
        let log = format!("runs/{}", self.task.pipeline);
        let entry = serde_json::to_value(report).unwrap_or_default();
        if let Err(error) = self.doors.state.append(&log, &entry).await {
            self.warn(format!("the run's report could not be stored: {error}"));
        }
    }

    fn warn(&self, message: String) {
        self.events.emit(RunEvent::Warning { message });
    }
}

/// Whether the rows of `page` leave no room for those of another.
fn is_large(page: &Page) -> bool {
    let sizes = page.batches.iter();
    let sizes = sizes.map(|batch| batch.records.get_array_memory_size());
    sizes.sum::<usize>() > LARGE
}

/// What was kept of a page.
pub(crate) struct Kept {
    pub(crate) seq: u64,
    /// Whether it would survive now; else it will with a later page, or with the publication.
    pub(crate) durable: bool,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) next: Option<tapline_core::Position>,
}

/// Why the first `page` of a slice that is gone on with says nothing of its records.
fn refusal(page: &Result<Page>) -> Option<String> {
    match page {
        Ok(page) if may_be_about_position(&page.info) => {
            let status = page.info.request.status;
            Some(format!(
                "it answered {status}, which a rule takes for an end"
            ))
        }
        Err(error) if is_about_position(error) => Some(error.to_string()),
        _ => None,
    }
}

/// Hands a page to the destination, together with the position of the next one.
async fn keep(
    slice: &Slice,
    page: Page,
    progress: SliceProgress,
    schema: &mut SchemaRef,
    writer: &mut dyn Writer,
    events: &Events,
) -> Result<Kept> {
    if let Some(batch) = page.batches.first()
        && batch.records.schema_ref() != schema
    {
        *schema = batch.records.schema();
        let change = writer.evolve(schema.clone()).await?;
        events.emit(RunEvent::SchemaChanged { change });
    }
    let (seq, next) = (page.info.seq, page.info.next);
    let rejects = page.rejects.len() as u64;
    let commit = Commit {
        slice: slice.partition.clone(),
        seq,
        position: next.clone(),
        progress,
        request: page.info.request,
        rejects: page.rejects,
    };
    let receipt = writer.write(page.batches, commit).await?;
    Ok(Kept {
        seq,
        durable: receipt.durable,
        accepted: receipt.accepted,
        rejected: rejects + receipt.rejected.len() as u64,
        next,
    })
}
