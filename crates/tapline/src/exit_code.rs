//! Exit codes: what a script may rely on. They are part of the public interface.

use std::process::ExitCode;

use tapline_core::{ErrorKind, ShortReason, UnknownReason, Verdict};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(u8);

impl Exit {
    /// Everything asked for was done; a run is proven complete.
    pub(crate) const COMPLETE: Self = Self(0);
    /// Something failed: the source, the destination, the network, a plugin.
    pub(crate) const FAILED: Self = Self(1);
    /// The command line, the project file or a spec is wrong; the hint is on stderr.
    pub(crate) const USAGE: Self = Self(2);
    /// A run ended, but records are missing, nothing proves that none are, or they do not fit a table
    /// that is not to change.
    pub(crate) const SHORT: Self = Self(3);
    /// A quota is used up, or the source asks to wait, for longer than allowed.
    pub(crate) const QUOTA: Self = Self(4);
    /// Another runner holds the pipeline.
    pub(crate) const LOCKED: Self = Self(5);
    /// Stopped by a signal.
    pub(crate) const STOPPED: Self = Self(6);

    /// The code of several runs: what the operator must act on first.
    pub(crate) fn worst(codes: impl IntoIterator<Item = Self>) -> Self {
        const ORDER: [Exit; 7] = [
            Exit::COMPLETE,
            Exit::SHORT,
            Exit::QUOTA,
            Exit::LOCKED,
            Exit::FAILED,
            Exit::USAGE,
            Exit::STOPPED,
        ];
        let rank = |code: &Self| ORDER.iter().position(|other| other == code);
        codes.into_iter().max_by_key(rank).unwrap_or(Self::COMPLETE)
    }

    /// The number itself.
    pub(crate) fn code(self) -> u8 {
        self.0
    }
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Usage | ErrorKind::Spec => Self::USAGE,
            ErrorKind::Contract => Self::SHORT,
            ErrorKind::Quota => Self::QUOTA,
            ErrorKind::Locked => Self::LOCKED,
            ErrorKind::Stopped => Self::STOPPED,
            ErrorKind::Auth
            | ErrorKind::NotFound
            | ErrorKind::Unavailable
            | ErrorKind::Protocol
            | ErrorKind::Limit
            | ErrorKind::Refused
            | ErrorKind::Plugin
            | ErrorKind::Destination
            | ErrorKind::State
            | ErrorKind::Conflict
            | ErrorKind::Internal => Self::FAILED,
            // The enum may grow; what this binary does not know is a failure.
            _ => Self::FAILED,
        }
    }
}

impl From<&Verdict> for Exit {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Complete(_) => Self::COMPLETE,
            Verdict::Short(ShortReason::Failed { .. }) => Self::FAILED,
            Verdict::Unknown(UnknownReason::Stopped) => Self::STOPPED,
            Verdict::Short(_) | Verdict::Unknown(_) => Self::SHORT,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

#[cfg(test)]
mod tests {
    use tapline_core::EndSignal;

    use super::*;

    #[test]
    fn every_kind_has_its_documented_code() {
        let cases = [
            (ErrorKind::Usage, 2),
            (ErrorKind::Spec, 2),
            (ErrorKind::Auth, 1),
            (ErrorKind::NotFound, 1),
            (ErrorKind::Contract, 3),
            (ErrorKind::Quota, 4),
            (ErrorKind::Unavailable, 1),
            (ErrorKind::Protocol, 1),
            (ErrorKind::Limit, 1),
            (ErrorKind::Refused, 1),
            (ErrorKind::Plugin, 1),
            (ErrorKind::Destination, 1),
            (ErrorKind::State, 1),
            (ErrorKind::Conflict, 1),
            (ErrorKind::Locked, 5),
            (ErrorKind::Stopped, 6),
            (ErrorKind::Internal, 1),
        ];
        for (kind, code) in cases {
            assert_eq!(Exit::from(kind).code(), code, "{kind:?}");
        }
    }

    #[test]
    fn every_verdict_has_its_documented_code() {
        let failed = ShortReason::Failed {
            error: "broken".to_owned(),
        };
        let cases = [
            (Verdict::Complete(EndSignal::EmptyPage), 0),
            (Verdict::Short(ShortReason::RepeatedPage), 3),
            (Verdict::Short(failed), 1),
            (Verdict::Unknown(UnknownReason::NoEndSignal), 3),
            (Verdict::Unknown(UnknownReason::Stopped), 6),
        ];
        for (verdict, code) in cases {
            assert_eq!(Exit::from(&verdict).code(), code, "{verdict:?}");
        }
    }

    #[test]
    fn several_runs_end_with_what_matters_most() {
        let cases: [(&[Exit], Exit); 4] = [
            (&[], Exit::COMPLETE),
            (&[Exit::COMPLETE, Exit::SHORT], Exit::SHORT),
            (&[Exit::FAILED, Exit::SHORT, Exit::LOCKED], Exit::FAILED),
            (&[Exit::STOPPED, Exit::FAILED], Exit::STOPPED),
        ];
        for (codes, expected) in cases {
            assert_eq!(Exit::worst(codes.iter().copied()), expected);
        }
    }
}
