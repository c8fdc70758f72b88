//! What can go wrong in this crate, and how it looks at the door.

use std::io;

use tapline_core::{Error, ErrorKind};

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// In words already: what the client of PostgreSQL prints is one half of it.
    #[cfg(feature = "postgres")]
    #[error("{0}")]
    Server(String),
    #[cfg(feature = "postgres")]
    #[error("{0}")]
    Address(String),
    #[cfg(feature = "postgres")]
    #[error("the lease {name:?} is lost, and another runner may hold it: {reason}")]
    Lost { name: String, reason: String },
    #[error("{what}: {cause}")]
    Io { what: String, cause: io::Error },
    #[error("the document is not at version {expected} but {found}")]
    Conflict { expected: String, found: String },
    #[error("the lease {name:?} is held by {holder}")]
    Locked { name: String, holder: String },
    #[error(
        "the state was written by a newer tapline (its schema is version {found}, this one knows \
         up to {known}); use that version, or another state"
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

#[cfg(feature = "postgres")]
impl From<tapline_postgres::Failure> for Failure {
    fn from(failure: tapline_postgres::Failure) -> Self {
        use tapline_postgres::Failure as Theirs;
        match failure {
            Theirs::Address(words) => Self::Address(words),
            Theirs::Server(words) => Self::Server(words),
            Theirs::Newer { found, known } => Self::Newer { found, known },
        }
    }
}

#[cfg(feature = "postgres")]
impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(tapline_postgres::words(&error))
    }
}

impl Failure {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |cause| Self::Io { what, cause }
    }

    pub(crate) fn conflict(expected: Option<u64>, found: Option<u64>) -> Self {
        let say = |version: Option<u64>| version.map_or("none".to_owned(), |v| v.to_string());
        Self::Conflict {
            expected: say(expected),
            found: say(found),
        }
    }

    pub(crate) fn locked(name: &str, holder: Option<String>) -> Self {
        Self::Locked {
            name: name.to_owned(),
            holder: holder.unwrap_or_else(|| "another process".to_owned()),
        }
    }

    /// The error as the engine sees it.
    pub(crate) fn at(self, operation: &'static str) -> Error {
        let kind = match self {
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::Locked { .. } => ErrorKind::Locked,
            Self::Key(_) | Self::NoKey(_) => ErrorKind::Usage,
            #[cfg(feature = "postgres")]
            Self::Address(_) => ErrorKind::Usage,
            Self::Panicked => ErrorKind::Internal,
            _ => ErrorKind::State,
        };
        Error::new(kind, operation, self.to_string())
    }
}
