//! Counts what a run does, for its report.

use std::time::Duration;

use jiff::Timestamp;
use tapline_core::{
    Asked, Clock, EndSignal, Error, Interval, LastCommit, Marks, PageInfo, Position, RecordCounts,
    Redactor, ResumedFrom, RunReport, SliceCounts, Verdict, WatermarkReport, Window,
};
use uuid::Uuid;

use crate::pending::Pending;
use crate::run::{Kept, RunTask};
use crate::verdict;

/// The figures of a run so far.
pub(crate) struct Tally {
    task: RunTask,
    run_id: Uuid,
    window: Window,
    resumed_from: Option<ResumedFrom>,
    started_at: Timestamp,
    start: Duration,
    asked: Asked,
    records: RecordCounts,
    /// Records that are wanted, of this process.
    wanted: u64,
    slices: SliceCounts,
    pages: u64,
    requests: u64,
    retries: u64,
    waited_ms: u64,
    bytes: u64,
    next_position: Option<Position>,
    /// Pieces that were begun.
    begun: u64,
    watermarks: WatermarkReport,
    coverage: Vec<Interval>,
    offered: bool,
    taken: Taken,
}

/// Pages that the destination has taken, and that are not durable yet.
#[derive(Default)]
struct Taken {
    pages: u64,
    written: u64,
    rejected: u64,
    next: Option<Position>,
}

impl Tally {
    pub(crate) fn begin(task: &RunTask, clock: &dyn Clock) -> Self {
        Self {
            task: task.clone(),
            run_id: task.run_id,
            window: Window::ALL,
            resumed_from: None,
            started_at: clock.now(),
            start: clock.elapsed(),
            asked: Asked::default(),
            records: RecordCounts::default(),
            wanted: 0,
            slices: SliceCounts::default(),
            pages: 0,
            requests: 0,
            retries: 0,
            waited_ms: 0,
            bytes: 0,
            next_position: None,
            begun: 0,
            watermarks: WatermarkReport::default(),
            coverage: Vec::new(),
            offered: false,
            taken: Taken::default(),
        }
    }

    /// Takes note of what is remembered now.
    pub(crate) fn recall(&mut self, marks: Option<&Marks>) {
        self.watermarks = marks.map(Marks::watermarks).unwrap_or_default();
        self.coverage = marks.map_or(Vec::new(), |marks| marks.coverage().intervals());
    }

    /// The run that is counted.
    pub(crate) fn run_id(&self) -> Uuid {
        self.run_id
    }

    /// Takes note that the run goes on with `pending`, which got as far as `left`.
    pub(crate) fn go_on(&mut self, pending: &Pending, left: &[LastCommit]) {
        self.run_id = pending.run;
        self.window = pending.window.clone();
        self.resumed_from = Some(ResumedFrom {
            run_id: pending.run,
            pages: left.iter().map(|last| last.seq).sum(),
            records: left.iter().map(|last| last.progress.wanted).sum(),
        });
        let mut open = left.iter().filter_map(|last| last.position.clone());
        self.next_position = open.next();
    }

    /// Takes note that the run begins as it was asked for, in `window`, with nothing kept.
    pub(crate) fn begin_anew(&mut self, window: &Window) {
        self.run_id = self.task.run_id;
        self.window = window.clone();
        self.slices = SliceCounts::default();
        self.forget();
    }

    /// Takes note that what was kept is not gone on with.
    pub(crate) fn forget(&mut self) {
        self.resumed_from = None;
        self.next_position = None;
        self.offered = false;
    }

    /// Takes note that the destination is given a page.
    pub(crate) fn offer(&mut self) {
        self.offered = true;
    }

    /// Whether the destination may have a page of this process: it may have kept one and not come to
    /// saying so.
    pub(crate) fn may_have_pages(&self) -> bool {
        self.offered
    }

    /// Whether the run goes on with pages of an earlier process.
    pub(crate) fn is_resumed(&self) -> bool {
        self.resumed_from.is_some()
    }

    /// Takes note of a piece that begins to be read.
    pub(crate) fn begin_slice(&mut self) {
        self.begun += 1;
    }

    /// Pieces that were begun.
    pub(crate) fn begun(&self) -> u64 {
        self.begun
    }

    /// Takes note of what the run is asked for.
    pub(crate) fn ask_for(&mut self, asked: Asked) {
        self.asked = asked;
    }

    /// What the run is asked for.
    pub(crate) fn asked(&self) -> Asked {
        self.asked
    }

    /// [`RunReport::brought`] so far.
    pub(crate) fn brought(&self) -> u64 {
        let before = self.resumed_from.map_or(0, |from| from.records);
        before + self.wanted
    }

    /// Takes note of records that are wanted, and of rows that are left out.
    pub(crate) fn take(&mut self, wanted: u64, skipped: u64) {
        self.wanted += wanted;
        self.records.skipped += skipped;
    }

    /// Takes note of a slice that has ended.
    pub(crate) fn end_slice(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Complete(EndSignal::Skipped) => self.slices.skipped += 1,
            Verdict::Complete(_) => self.slices.read += 1,
            Verdict::Short(_) | Verdict::Unknown(_) => {}
        }
    }

    /// What it proves that every slice came to an end, or that there was nothing to ask of any.
    pub(crate) fn all_slices(&self, is_nothing_new: bool) -> Verdict {
        match is_nothing_new {
            true => Verdict::Complete(EndSignal::NothingToAsk),
            false => verdict::of_all(self.slices),
        }
    }

    /// Counts a page of another stream.
    pub(crate) fn ask(&mut self, info: &PageInfo) {
        self.requests += 1 + info.needless;
        self.retries += u64::from(info.request.attempts.saturating_sub(1));
        self.waited_ms += info.request.waited_ms;
        self.bytes += info.request.bytes;
    }

    pub(crate) fn read(&mut self, info: &PageInfo) {
        self.ask(info);
        self.records.read += info.evidence.records;
    }

    /// Counts the request that `error` is about.
    pub(crate) fn fail(&mut self, error: &Error) {
        if let Some(request) = error.request() {
            self.requests += 1;
            self.retries += u64::from(request.attempts.saturating_sub(1));
            self.waited_ms += request.waited_ms;
            self.bytes += request.bytes;
        }
    }

    pub(crate) fn keep(&mut self, kept: Kept) {
        self.taken.pages += 1;
        self.taken.written += kept.accepted;
        self.taken.rejected += kept.rejected;
        self.taken.next = kept.next;
    }

    /// Counts what was taken since the last time as durable, and returns its rows.
    pub(crate) fn settle(&mut self) -> u64 {
        let settled = std::mem::take(&mut self.taken);
        if settled.pages > 0 {
            self.next_position = settled.next;
        }
        self.pages += settled.pages;
        self.records.written += settled.written;
        self.records.rejected += settled.rejected;
        settled.written
    }

    pub(crate) fn report(
        &self,
        verdict: Verdict,
        error: Option<&Error>,
        clock: &dyn Clock,
    ) -> RunReport {
        let duration = clock.elapsed().saturating_sub(self.start);
        RunReport {
            run_id: self.run_id,
            resumed_from: self.resumed_from,
            pipeline: self.task.pipeline.clone(),
            sync_mode: self.task.sync_mode.name().to_owned(),
            asked: self.asked,
            window: self.window.clone(),
            next_position: self
                .next_position
                .as_ref()
                .filter(|_| !verdict.is_complete())
                .map(shown),
            verdict,
            records: self.records,
            brought: self.brought(),
            slices: self.slices,
            pages: self.pages,
            requests: self.requests,
            retries: self.retries,
            waited_ms: self.waited_ms,
            bytes: self.bytes,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            started_at: self.started_at,
            watermarks: self.watermarks.clone(),
            coverage: self.coverage.clone(),
            error: error.map(ToString::to_string),
            failed_request: error.and_then(Error::request).cloned(),
        }
    }
}

/// `position` without what the source chose: some servers copy the credentials into their links
/// and tokens. What a run goes on from is kept with its rows; the report only tells how far it
/// came.
fn shown(position: &Position) -> Position {
    let mask = Redactor::MASK.to_owned();
    match position {
        Position::Url(_) => Position::Url(mask),
        Position::Token(_) => Position::Token(mask),
        Position::Tokens(_) => Position::Tokens(vec![mask]),
        Position::Custom(_) => Position::Custom(mask),
        other => other.clone(),
    }
}
