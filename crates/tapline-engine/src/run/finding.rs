//! What a run does with all that comes: slices that were found, pages that were read, pieces that
//! are over.

use tapline_core::{
    CursorType, EndSignal, Finding, LastCommit, Page, Result, Resume, RunEvent, SliceProgress,
    UnknownReason, Verdict,
};

use super::Run;
use super::memory::Memory;
use super::opening::{Opened, has_moved, is_about_position, may_be_about_position};
use super::piece::{Piece, Planner};
use super::reading::{Reading, Step, Turn, is_capped, wanted};
use super::work::Work;
use crate::verdict::Judge;
use crate::window::{WindowKind, WindowSettings};

impl Run<'_> {
    /// Takes in what the search has found; a doubt ends the run.
    pub(super) fn find(
        &mut self,
        finding: Result<Finding>,
        work: &mut Work,
        opened: &mut Opened,
        memory: &Memory,
    ) -> Result<Option<Verdict>> {
        match finding.inspect_err(|error| self.tally.fail(error))? {
            Finding::Slice(slice) => {
                let planner = Planner {
                    aim: &self.task.aim,
                    marks: memory.marks.as_ref(),
                    at: self.began,
                };
                let name = slice.partition.clone();
                let pieces = planner.pieces(slice, &self.window)?;
                if has_moved(&opened.left, &name, &pieces, &self.task.aim) {
                    let reason = "another run has moved what is remembered, and with it the window";
                    opened.refused = Some(reason.to_owned());
                    return Ok(Some(Verdict::Unknown(UnknownReason::NoEndSignal)));
                }
                work.add(pieces);
            }
            Finding::Asked(page) => self.tally.ask(&page),
            Finding::Warning(message) => self.warn(message),
            Finding::Doubt(verdict) => return Ok(Some(verdict)),
        }
        Ok(None)
    }

    /// Begins to read `piece`: what is left of it. Nothing, if an earlier run came to its end.
    pub(super) fn begin(
        &mut self,
        piece: Piece,
        work: &mut Work,
        opened: &mut Opened,
        memory: &mut Memory,
    ) -> Result<Option<Verdict>> {
        let left = match opened.left.remove(&piece.slice.partition) {
            Some(LastCommit {
                position: None,
                progress,
                ..
            }) => {
                let verdict = Judge::from(progress.clone()).verdict();
                return Ok(self.end(piece, verdict, &progress, work, memory));
            }
            Some(LastCommit {
                position: Some(position),
                seq,
                progress,
                ..
            }) => Some((Resume { position, seq }, progress)),
            None => None,
        };
        if let Some(limit) = self.doors.source.spent() {
            return Ok(Some(Verdict::Short(limit)));
        }
        self.tally.begin_slice();
        if !piece.slice.partition.is_empty() {
            self.events.emit(RunEvent::SliceBegun {
                number: self.tally.begun(),
                partition: piece.slice.partition.clone(),
            });
        }
        let source = &*self.doors.source;
        work.begin(Reading::open(source, piece, left, self.task.aim.cursor()));
        Ok(None)
    }

    /// Has a page kept, or ends its piece. A verdict ends the run.
    pub(super) fn take(
        &mut self,
        turn: Turn,
        work: &mut Work,
        opened: &mut Opened,
        memory: &mut Memory,
    ) -> Result<Option<Verdict>> {
        let Turn { mut reading, page } = turn;
        if reading.is_resumed && !reading.has_begun() {
            opened.refused = page.as_ref().and_then(refusal);
        }
        match page {
            Some(Ok(page)) if opened.refused.is_some() => {
                self.tally.ask(&page.info);
                Ok(Some(Verdict::Unknown(UnknownReason::NoEndSignal)))
            }
            Some(Ok(page)) => {
                self.keep(reading, page, work)?;
                Ok(None)
            }
            Some(Err(error)) => {
                self.tally.fail(&error);
                reading.cut(error)?;
                Ok(self.finish(reading, work, memory))
            }
            None => Ok(self.finish(reading, work, memory)),
        }
    }

    fn keep(&mut self, mut reading: Reading, mut page: Page, work: &mut Work) -> Result<()> {
        let (skipped, step) = reading.hear(&mut page, self.splits())?;
        match step {
            Step::Keep => {
                let wanted = wanted(&page, reading.tracker().is_some());
                self.tally.take(wanted, skipped);
                self.tell(&reading.piece, &page);
            }
            Step::Split => self.tally.ask(&page.info),
        }
        let progress = reading.progress(&page);
        self.tally.offer();
        work.keep(reading, page, progress, self.events);
        Ok(())
    }

    /// The type of the cursor by which a piece that is too large is read in two. One whose records come
    /// in order is gone on with where the source has ended it instead.
    fn splits(&self) -> Option<CursorType> {
        let aim = &self.task.aim;
        let cursor = aim.cursor().filter(|cursor| !cursor.goes_up());
        let can_cut = aim.asks().can_cut();
        cursor.filter(|_| can_cut).map(|cursor| cursor.cursor_type)
    }

    fn finish(
        &mut self,
        reading: Reading,
        work: &mut Work,
        memory: &mut Memory,
    ) -> Option<Verdict> {
        work.end();
        if let Some(tracker) = reading.tracker() {
            self.counts.add(tracker.counts());
        }
        let (piece, verdict, progress) = reading.end();
        self.end(piece, verdict, &progress, work, memory)
    }

    /// Takes note that `piece` is over, with `verdict`. If that is what the run comes to, it is
    /// returned.
    fn end(
        &mut self,
        piece: Piece,
        verdict: Verdict,
        progress: &SliceProgress,
        work: &mut Work,
        memory: &mut Memory,
    ) -> Option<Verdict> {
        if let Some(more) = self.more(&piece, &verdict, progress, memory) {
            for piece in more.into_iter().rev() {
                work.pieces.push_front(piece);
            }
            return None;
        }
        self.tally.end_slice(&verdict);
        match verdict {
            Verdict::Complete(EndSignal::Skipped) => {
                memory.skip(&piece);
                None
            }
            Verdict::Complete(signal) => {
                memory.prove(&piece, progress, None);
                piece.is_all.then_some(Verdict::Complete(signal))
            }
            verdict => Some(verdict),
        }
    }

    /// The pieces in which the rest of `piece` is read, if the source has ended it though it has more.
    fn more(
        &mut self,
        piece: &Piece,
        verdict: &Verdict,
        progress: &SliceProgress,
        memory: &mut Memory,
    ) -> Option<Vec<Piece>> {
        let most = is_capped(verdict)?;
        let cursor = self.task.aim.cursor()?;
        let asks = self.task.aim.asks();
        if progress.read == 0 && asks.can_cut() {
            let mut halves = piece.halves(most, cursor.cursor_type)?;
            if piece.kind == WindowKind::Backfill {
                halves.reverse();
            }
            return Some(halves.into());
        }
        let seen = progress.seen.as_ref();
        let seen = seen.filter(|_| cursor.goes_up() && asks.start)?;
        let rest = piece.rest(seen, &progress.ties)?;
        if progress.ties.is_full() {
            self.warn(forgotten(cursor, "this one"));
        }
        memory.prove(piece, progress, Some(&seen.newest));
        Some(vec![rest])
    }

    fn tell(&mut self, piece: &Piece, page: &Page) {
        self.tally.read(&page.info);
        self.events.emit(RunEvent::PageRead {
            seq: page.info.seq,
            records: page.info.evidence.records,
            bytes: page.info.request.bytes,
            total: page.info.evidence.total,
        });
        if page.info.evidence.end == Some(EndSignal::Skipped) {
            let name = match piece.slice.partition.as_str() {
                "" => "the only one",
                name => name,
            };
            let status = page.info.request.status;
            self.warn(format!(
                "slice {name} was left out: a rule fits what the source answered ({status})"
            ));
        }
    }
}

/// That not all rows with the same newest cursor are remembered, so that a run adds them again.
pub(super) fn forgotten(cursor: &WindowSettings, run: &str) -> String {
    format!(
        "as many records as are remembered have one and the same newest `{}`; {run} adds those beyond \
         once more",
        cursor.cursor
    )
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
