//! What must hold, whatever an API does and whatever happens to a run.

mod alone;
mod end;
mod ledger;
mod shares;
mod together;
mod witness;

use tapline_core::{Marks, RunReport, Verdict};
use uuid::Uuid;

pub(super) use self::alone::alone;
pub(super) use self::end::{at_the_end, nothing_given_up, went_on};
pub(super) use self::ledger::{Ledger, Logical};
pub(super) use self::shares::{Share, is_nothing, part_name, shares, value};
pub(super) use self::together::{after_pause, after_takeover};
pub(super) use self::witness::Witness;
use super::Goal;
use super::api::Given;
use super::lie::Lie;
use super::warehouse::{Disk, Table};

/// The table that is filled.
pub(super) const TABLE: &str = "public.t";

/// What is durable at one time.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) disk: Disk,
    pub(super) marks: Option<Marks>,
    /// How often the marks were moved.
    pub(super) version: u64,
}

impl Seen {
    fn visible(&self) -> Option<&Table> {
        self.disk.visible(TABLE)
    }
}

/// A process, and what became of it.
pub(super) struct Process {
    /// Counts the processes, from 1.
    pub(super) number: u64,
    pub(super) goal: Goal,
    pub(super) lie: Option<Lie>,
    /// `None`, if it died.
    pub(super) report: Option<RunReport>,
    pub(super) given: Given,
    /// Whether something other than the API may have kept it from its end.
    pub(super) disturbed: bool,
    /// The runs that it has written for, one after the other, and its fence.
    pub(super) begun: Vec<(Uuid, u64)>,
    /// The run that it has moved the marks for.
    pub(super) stored: Option<Uuid>,
    /// What it is to bring of each part, by the marks that it has read.
    pub(super) shares: Vec<Share>,
    /// The moments at the API when it began and when it ended.
    pub(super) moments: (u64, u64),
    /// The smallest and the largest that its clock may have shown, in seconds.
    pub(super) wall: (i64, i64),
    pub(super) before: Seen,
    pub(super) after: Seen,
}

impl Process {
    pub(super) fn verdict(&self) -> Option<&Verdict> {
        self.report.as_ref().map(|report| &report.verdict)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.verdict().is_some_and(Verdict::is_complete)
    }

    /// The run that it has written for last, which may be an earlier one.
    pub(super) fn run(&self) -> Option<Uuid> {
        self.begun.last().map(|(run, _)| *run)
    }

    pub(super) fn fence(&self) -> u64 {
        self.begun.last().map_or(0, |(_, fence)| *fence)
    }

    /// Whether what its run was to do is done: it says so, or others can see it.
    fn is_done(&self) -> bool {
        self.run().is_some_and(|run| {
            let has_moved = self.stored == Some(run);
            let is_told = self
                .report
                .as_ref()
                .is_some_and(|report| report.run_id == run);
            (self.is_complete() && is_told) || has_moved || self.after.disk.is_published(run)
        })
    }
}

/// A rule holds, or is broken in this way.
pub(super) type Rule = Result<(), String>;

fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Rule {
    if holds { Ok(()) } else { Err(otherwise()) }
}
