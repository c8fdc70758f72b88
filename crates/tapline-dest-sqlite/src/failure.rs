//! What can go wrong in this crate, and how it looks at the door.

use tapline_core::{Error, ErrorKind};

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("fence {seen} was seen and this run has {ours}: a newer run took the pipeline over")]
    Fenced { seen: u64, ours: u64 },
    /// Something the operator or the source must name or type otherwise.
    #[error("{0}")]
    Refused(String),
    #[error("column {column} was not announced as {wanted}: call evolve before the batch")]
    NotEvolved { column: String, wanted: String },
    #[error("sqlite reported a failed commit ({cause}); read back, the page {state}")]
    Commit {
        cause: rusqlite::Error,
        state: &'static str,
    },
    #[error("an earlier commit of this writer failed, so nothing more is written")]
    Broken,
    #[error("the writer's thread has ended")]
    Gone,
    #[error("cannot create {path}: {cause}")]
    Io { path: String, cause: std::io::Error },
    #[error("a stored {what} cannot be read: {text}")]
    Corrupt { what: &'static str, text: String },
}

impl Failure {
    /// The error as the engine sees it.
    pub(crate) fn at(self, operation: &'static str) -> Error {
        let kind = match self {
            Self::Fenced { .. } => ErrorKind::Locked,
            Self::Refused(_) => ErrorKind::Usage,
            Self::NotEvolved { .. } | Self::Gone => ErrorKind::Internal,
            _ => ErrorKind::Destination,
        };
        Error::new(kind, operation, self.to_string())
    }
}
