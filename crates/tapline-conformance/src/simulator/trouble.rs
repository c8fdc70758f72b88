//! The kinds of fault that a run can meet, each under its own name, so that each can be counted: one that is
//! never met proves nothing.

use crate::faults::{Moment, Strike};

/// A kind of fault. Of those that are told of runners of this sort, only the lack of memory cannot
/// be met at a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the table below names each in words")]
pub enum Trouble {
    ConnectRefused,
    DnsFailure,
    ConnectTimeout,
    TlsFailure,
    ResetBeforeBody,
    ResetDuringBody,
    ResetAfterBody,
    TruncatedBody,
    SlowBody,
    DuplicateDelivery,
    AnswerLost,
    TooManyAndWait,
    TooManyWithoutWait,
    TooManyAbsurdWait,
    Status500,
    Status503,
    OkErrorObject,
    OkHtml,
    Status401,
    Status403,
    Status404,
    RedirectRefused,
    RedirectLoop,
    EmptyPage,
    RepeatedPage,
    TokenLoop,
    TokenCycle,
    CursorBackwards,
    TotalChanges,
    RecordMoves,
    SchemaChange,
    ClockForward,
    ClockBack,
    ClockStalls,
    ClockSkew,
    StateBusy,
    StateWriteFails,
    StateAnswerLost,
    StaleLease,
    StateCorrupted,
    WriteFails,
    PartialBatch,
    CommitAnswerLost,
    DiskFull,
    FsyncFails,
    ConnectionDropped,
    ConstraintFails,
    CrashBefore,
    CrashAfter,
    Cancelled,
    PausedPastLease,
}

use Trouble as T;

impl Trouble {
    /// Every kind, and what it is called.
    pub const ALL: [(Self, &str); 51] = [
        (T::ConnectRefused, "connection refused"),
        (T::DnsFailure, "no address for the name"),
        (T::ConnectTimeout, "connecting takes too long"),
        (T::TlsFailure, "no secure connection"),
        (T::ResetBeforeBody, "reset before the body"),
        (T::ResetDuringBody, "reset during the body"),
        (T::ResetAfterBody, "reset after the body"),
        (T::TruncatedBody, "body cut off without an error"),
        (T::SlowBody, "slow body"),
        (T::DuplicateDelivery, "request delivered twice"),
        (T::AnswerLost, "answer lost after the server acted"),
        (T::TooManyAndWait, "429 with a wait"),
        (T::TooManyWithoutWait, "429 without a wait"),
        (T::TooManyAbsurdWait, "429 with an absurd wait"),
        (T::Status500, "500"),
        (T::Status503, "503"),
        (T::OkErrorObject, "200 with an error object"),
        (T::OkHtml, "200 with HTML"),
        (T::Status401, "401 in the middle of a run"),
        (T::Status403, "403"),
        (T::Status404, "404 on a page"),
        (T::RedirectRefused, "redirect to another host"),
        (T::RedirectLoop, "redirects in a circle"),
        (T::EmptyPage, "empty page in the middle"),
        (T::RepeatedPage, "repeated page"),
        (T::TokenLoop, "token that leads to itself"),
        (T::TokenCycle, "tokens that lead to each other"),
        (T::CursorBackwards, "cursor goes backwards"),
        (T::TotalChanges, "total changes in the middle"),
        (T::RecordMoves, "record moves to another page"),
        (T::SchemaChange, "column widens in the middle"),
        (T::ClockForward, "clock jumps a year forward"),
        (T::ClockBack, "clock jumps a year back"),
        (T::ClockStalls, "clock stands still"),
        (T::ClockSkew, "source's clock differs"),
        (T::StateBusy, "state is busy"),
        (T::StateWriteFails, "state cannot be written"),
        (T::StateAnswerLost, "answer of a state commit lost"),
        (T::StaleLease, "lease lost without knowing"),
        (T::StateCorrupted, "state document corrupted"),
        (T::WriteFails, "destination fails"),
        (T::PartialBatch, "page written by half"),
        (T::CommitAnswerLost, "answer of a commit lost"),
        (T::DiskFull, "disk full"),
        (T::FsyncFails, "fsync fails"),
        (
            T::ConnectionDropped,
            "connection to the destination dropped",
        ),
        (T::ConstraintFails, "row violates a constraint"),
        (T::CrashBefore, "process dies before a call's effect"),
        (T::CrashAfter, "process dies after a call's effect"),
        (T::Cancelled, "operator stops the run"),
        (T::PausedPastLease, "process sleeps past its lease"),
    ];

    /// Those that are struck at the doors of state and destination.
    pub(super) const AT_DOORS: [Self; 10] = [
        T::StateBusy,
        T::StateWriteFails,
        T::StateAnswerLost,
        T::WriteFails,
        T::CommitAnswerLost,
        T::DiskFull,
        T::FsyncFails,
        T::ConnectionDropped,
        T::ConstraintFails,
        T::ResetAfterBody,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(trouble, _)| *trouble == self)
            .map_or("", |(_, name)| name)
    }

    /// How it strikes at a door, after `spared` calls; `None`: it happens elsewhere. Where nobody
    /// can know whether the call had its effect, `is_late` says so.
    pub(super) fn strike(self, spared: u64, is_late: bool) -> Option<Strike> {
        const WRITES: &[&str] = &["begin", "write", "evolve", "flush", "publish"];
        const COMMITS: &[&str] = &["write", "flush", "publish"];
        let either = match is_late {
            true => Moment::After,
            false => Moment::Before,
        };
        let (calls, moment, message, lasts): (&'static [&'static str], _, _, _) = match self {
            T::StateBusy => (
                &["get", "put", "lease", "append", "tail"],
                Moment::Before,
                "the database is locked",
                false,
            ),
            T::StateWriteFails => (&["put", "append"], Moment::Before, "read-only", true),
            T::StateAnswerLost => (
                &["put", "append"],
                Moment::After,
                "the server closed the connection",
                false,
            ),
            T::WriteFails => (WRITES, Moment::Before, "the destination failed", false),
            T::CommitAnswerLost => (COMMITS, Moment::After, "no answer to COMMIT", false),
            T::DiskFull => (WRITES, Moment::Before, "no space left on device", true),
            T::FsyncFails => (COMMITS, either, "fsync: input/output error", true),
            T::ConnectionDropped => (
                &[
                    "find", "recover", "begin", "write", "evolve", "flush", "publish", "abort",
                ],
                either,
                "the connection was dropped",
                true,
            ),
            T::ConstraintFails => (&["write"], Moment::Before, "a value is too long", false),
            T::ResetAfterBody => (&["send"], Moment::After, "connection reset by peer", false),
            _ => return None,
        };
        Some(Strike {
            calls,
            spared,
            moment,
            message,
            lasts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        let mut names: Vec<_> = T::ALL.iter().map(|(trouble, _)| trouble.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), T::ALL.len());
        assert!(T::AT_DOORS.iter().all(|t| t.strike(0, true).is_some()));
    }
}
