//! Counts what a run does, for its report.

use std::time::Duration;

use jiff::Timestamp;
use tapline_core::{
    Clock, EndSignal, Error, PageInfo, Position, RecordCounts, Redactor, RunReport, SliceCounts,
    Verdict, WatermarkReport,
};

use crate::run::{Kept, RunTask};
use crate::verdict;

/// The figures of a run so far.
pub(crate) struct Tally {
    task: RunTask,
    started_at: Timestamp,
    start: Duration,
    records: RecordCounts,
    slices: SliceCounts,
    pages: u64,
    requests: u64,
    retries: u64,
    waited_ms: u64,
    bytes: u64,
    next_position: Option<Position>,
    pending: Pending,
}

/// Pages that the destination has taken, and that are not durable yet.
#[derive(Default)]
struct Pending {
    pages: u64,
    written: u64,
    rejected: u64,
    next: Option<Position>,
}

impl Tally {
    pub(crate) fn begin(task: &RunTask, clock: &dyn Clock) -> Self {
        Self {
            task: task.clone(),
            started_at: clock.now(),
            start: clock.elapsed(),
            records: RecordCounts::default(),
            slices: SliceCounts::default(),
            pages: 0,
            requests: 0,
            retries: 0,
            waited_ms: 0,
            bytes: 0,
            next_position: None,
            pending: Pending::default(),
        }
    }

    /// Slices that came to an end.
    pub(crate) fn slices(&self) -> u64 {
        self.slices.read + self.slices.skipped
    }

    /// Takes note of a slice that has ended.
    pub(crate) fn end_slice(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Complete(EndSignal::Skipped) => self.slices.skipped += 1,
            Verdict::Complete(_) => self.slices.read += 1,
            Verdict::Short(_) | Verdict::Unknown(_) => {}
        }
    }

    /// What it proves that every slice came to an end.
    pub(crate) fn all_slices(&self) -> Verdict {
        verdict::of_all(self.slices)
    }

    /// Counts a page of another stream.
    pub(crate) fn ask(&mut self, info: &PageInfo) {
        self.requests += 1;
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
        self.pending.pages += 1;
        self.pending.written += kept.accepted;
        self.pending.rejected += kept.rejected;
        self.pending.next = kept.next;
    }

    /// Counts what was taken since the last time as durable, and returns its rows.
    pub(crate) fn settle(&mut self) -> u64 {
        let settled = std::mem::take(&mut self.pending);
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
            run_id: self.task.run_id,
            pipeline: self.task.pipeline.clone(),
            sync_mode: self.task.sync_mode.name().to_owned(),
            window: self.task.window,
            next_position: self
                .next_position
                .as_ref()
                .filter(|_| !verdict.is_complete())
                .map(shown),
            verdict,
            records: self.records,
            slices: self.slices,
            pages: self.pages,
            requests: self.requests,
            retries: self.retries,
            waited_ms: self.waited_ms,
            bytes: self.bytes,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            started_at: self.started_at,
            watermarks: WatermarkReport::default(),
            coverage: Vec::new(),
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
