//! Why there is no access token. Everybody who waits for one is told, so it can be repeated.

use std::fmt;
use std::time::Duration;

use tapline_core::{Error, ErrorKind};

/// A token request that failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    kind: ErrorKind,
    message: String,
    /// Whether another token request can do no harm, and may help.
    again: bool,
    after: Option<Duration>,
}

impl Failure {
    /// What asking again would not change, or could make worse.
    pub(super) fn lasting(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            again: false,
            after: None,
        }
    }

    /// What may be better later.
    pub(super) fn passing(
        kind: ErrorKind,
        message: impl Into<String>,
        after: Option<Duration>,
    ) -> Self {
        Self {
            again: true,
            after,
            ..Self::lasting(kind, message)
        }
    }

    pub(super) fn is_lasting(&self) -> bool {
        !self.again
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let error = Self::new(failure.kind, "get access token", failure.message);
        if failure.again {
            return error.retry_later(failure.after);
        }
        error
    }
}
