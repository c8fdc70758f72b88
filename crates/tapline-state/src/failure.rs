//! What can go wrong in this crate, and how it looks at the door.

use std::io;

use tapline_core::{Error, ErrorKind};

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("{what}: {cause}")]
    Io { what: String, cause: io::Error },
    #[error("the document is not at version {expected} but {found}")]
    Conflict { expected: String, found: String },
    #[error("the lease {name:?} is held by {holder}")]
    Locked { name: String, holder: String },
    #[error(
        "the state was written by a newer tapline (its schema is version {found}, this one knows \
         up to {known}); use that version, or another state file"
    )]
    Newer { found: i64, known: i64 },
    #[error("what is stored is damaged: {0}")]
    Damaged(String),
    #[error("{0}")]
    Key(String),
    #[error("the secret {0:?} was sealed with another key, or changed since")]
    Unsealable(String),
    #[error("the secret {0:?} is sealed, and no key was given")]
    NoKey(String),
    #[error("a thread of the state store panicked")]
    Panicked,
}

impl Failure {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |cause| Self::Io { what, cause }
    }

    /// The error as the engine sees it.
    pub(crate) fn at(self, operation: &'static str) -> Error {
        let kind = match self {
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::Locked { .. } => ErrorKind::Locked,
            Self::Key(_) | Self::NoKey(_) => ErrorKind::Usage,
            Self::Panicked => ErrorKind::Internal,
            _ => ErrorKind::State,
        };
        Error::new(kind, operation, self.to_string())
    }
}
