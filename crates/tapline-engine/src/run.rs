//! One run, told as a story: take the lease, open the table, read the pages, keep each with its
//! position, judge what they prove, and publish only what is complete.
//!
//! The run itself does no I/O. It drives the doors it was given, so the same story is told in
//! production, in a test and in the simulator.

use std::time::Duration;

use arrow_schema::SchemaRef;
use futures::future::{Either, join, select};
use futures::stream::StreamExt;
use tapline_core::{
    CancellationToken, Commit, CommitKey, Doors, EndSignal, Error, ErrorKind, Events, Finding,
    Lease, Page, PageStream, Result, RunEvent, RunReport, ShortReason, Slice, TableRef,
    UnknownReason, Verdict, Window, Writer,
};
use uuid::Uuid;

use crate::flight::LARGE;
use crate::sync_mode::SyncMode;
use crate::tally::Tally;
use crate::verdict::Judge;

/// What a run is asked to do.
#[derive(Clone, Debug)]
pub struct RunTask {
    /// The run (UUIDv7).
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
    tally: Tally,
}

impl Run<'_> {
    async fn under_lease(&mut self) -> Result<Verdict> {
        let name = format!("pipeline/{}", self.task.pipeline);
        let lease = self.doors.state.lease(&name, self.task.lock_wait);
        let lease = self.unless_stopped(lease).await??;
        self.events.emit(RunEvent::Started {
            run_id: self.task.run_id,
            pipeline: self.task.pipeline.clone(),
            stream: self.task.stream.clone(),
        });
        let mut writer = self.open_table(&*lease).await?;
        let read = self.read_slices(&mut *writer).await;
        self.close_table(writer, read).await
    }

    async fn open_table(&self, lease: &dyn Lease) -> Result<Box<dyn Writer>> {
        let key = CommitKey {
            pipeline: self.task.pipeline.clone(),
            run: self.task.run_id,
            generation: self.free_generation(lease.fence()).await?,
            fence: lease.fence(),
        };
        let schema = self.doors.source.schema();
        let disposition = self.task.sync_mode.disposition();
        let destination = &self.doors.destination;
        destination
            .begin(&self.task.table, schema, disposition, key)
            .await
    }

    /// A generation that nothing is left of. Fences start again if the state store was lost, and
    /// pages of a run before that must not be taken for pages of this one.
    async fn free_generation(&self, fence: u64) -> Result<u64> {
        let left = self.doors.destination.recover(&self.task.pipeline).await?;
        let last = left.iter().map(|commit| commit.key.generation).max();
        Ok(last.map_or(fence, |last| fence.max(last.saturating_add(1))))
    }

    /// Reads slice after slice. One that is not complete ends the run: nothing would be published
    /// anyway. One that the source has not is left out.
    async fn read_slices(&mut self, writer: &mut dyn Writer) -> Result<Verdict> {
        let mut found = self.doors.source.slices(&self.task.window);
        let mut schema = self.doors.source.schema();
        while let Some(finding) = self.unless_stopped(found.next()).await? {
            match finding.inspect_err(|error| self.tally.fail(error))? {
                Finding::Slice(slice) => {
                    self.begin_slice(&slice);
                    let verdict = self.read_slice(&slice, &mut schema, writer).await?;
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
    async fn read_slice(
        &mut self,
        slice: &Slice,
        schema: &mut SchemaRef,
        writer: &mut dyn Writer,
    ) -> Result<Verdict> {
        let mut judge = Judge::default();
        let mut pages = self.doors.source.open(slice, None);
        let mut next = self.next_page(&mut pages).await?;
        while let Some(page) = next {
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    self.tally.fail(&error);
                    judge.cut(error)?;
                    break;
                }
            };
            judge.hear(&page.info.evidence);
            self.tell(slice, &page);
            let is_large = is_large(&page);
            let keep = keep(slice, page, schema, writer, self.events);
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

    /// Publishes what is complete; forgets what is not, so that what was visible stays so.
    async fn close_table(
        &mut self,
        writer: Box<dyn Writer>,
        read: Result<Verdict>,
    ) -> Result<Verdict> {
        match &read {
            Ok(verdict) if verdict.is_complete() => {
                writer.publish().await?;
                self.tally.settle();
            }
            _ => {
                if let Err(error) = writer.abort().await {
                    self.warn(format!("could not clean up: {error}"));
                }
            }
        }
        read
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

/// Hands a page to the destination, together with the position of the next one.
async fn keep(
    slice: &Slice,
    page: Page,
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
