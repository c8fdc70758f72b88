//! What can go wrong in this crate, and how it looks at the door.

use std::io;
use std::path::Path;
use std::time::Duration;

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;
use tapline_core::{Error, ErrorKind};

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("cannot {doing} {path}: {cause}")]
    Io {
        doing: &'static str,
        path: String,
        cause: io::Error,
    },
    #[error("fence {seen} was seen and this run has {ours}: a newer run took the pipeline over")]
    Fenced { seen: u64, ours: u64 },
    #[error("another process has been changing the table for {waited:?}, it holds {path}")]
    Busy { path: String, waited: Duration },
    #[error("manifest {number} is there already: somebody else published at the same moment")]
    Conflict { number: u64 },
    /// Something the operator or the source must name or type otherwise.
    #[error("{0}")]
    Refused(String),
    #[error("column {column} was not announced as {wanted:?}: call evolve before the batch")]
    NotEvolved {
        column: String,
        wanted: crate::kind::Kind,
    },
    #[error("an earlier commit of this writer failed, so nothing more is written")]
    Broken,
    #[error("an earlier call of this writer was given up in the middle")]
    Gone,
    #[error("{path} cannot be read: {text}")]
    Corrupt { path: String, text: String },
    #[error("rows could not be encoded: {0}")]
    Arrow(#[from] ArrowError),
    #[error("parquet: {0}")]
    Parquet(#[from] ParquetError),
}

impl Failure {
    /// For `map_err`: what was being done to which path.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |cause| Self::Io { doing, path, cause }
    }

    /// The error as the engine sees it.
    pub(crate) fn at(self, operation: &'static str) -> Error {
        let kind = match self {
            Self::Fenced { .. } | Self::Busy { .. } => ErrorKind::Locked,
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::Refused(_) => ErrorKind::Usage,
            Self::NotEvolved { .. } | Self::Gone => ErrorKind::Internal,
            _ => ErrorKind::Destination,
        };
        Error::new(kind, operation, self.to_string())
    }
}
