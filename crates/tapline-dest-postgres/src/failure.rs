//! What can go wrong in this crate, and how it looks at the door.

use tapline_core::{Error, ErrorKind};
use tapline_postgres::words;
use tokio_postgres::error::{Severity, SqlState};

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{}", said(.0))]
    Server(#[from] tokio_postgres::Error),
    #[error(transparent)]
    Session(#[from] tapline_postgres::Failure),
    #[error("fence {seen} was seen and this run has {ours}: a newer run took the pipeline over")]
    Fenced { seen: u64, ours: u64 },
    /// Something the operator or the source must name or type otherwise.
    #[error("{0}")]
    Refused(String),
    #[error("column {column} was not announced as {wanted}: call evolve before the batch")]
    NotEvolved { column: String, wanted: String },
    /// Nobody knows whether it was carried out.
    #[error("the connection was lost at the commit: {}", words(.0))]
    Lost(tokio_postgres::Error),
    #[error("the connection was lost at the commit ({cause}); asked again, {what} is not there")]
    NotCommitted { cause: String, what: &'static str },
    #[error(
        "the connection was lost at the commit ({cause}), and whether {what} is there could not be \
         asked ({reason}); the next run finds out"
    )]
    Unknown {
        cause: String,
        what: &'static str,
        reason: String,
    },
    #[error("the server refuses more than {most} rows of this page; the last one: {reason}")]
    ManyRefused { most: usize, reason: String },
    #[error("a stored {what} cannot be read: {text}")]
    Corrupt { what: &'static str, text: String },
    #[error("the writer's task has ended: {0}")]
    Gone(#[from] tokio::task::JoinError),
}

impl Failure {
    /// The error as the engine sees it.
    pub(crate) fn at(self, operation: &'static str) -> Error {
        let kind = match self {
            Self::Fenced { .. } => ErrorKind::Locked,
            Self::Refused(_) | Self::Session(tapline_postgres::Failure::Address(_)) => {
                ErrorKind::Usage
            }
            Self::NotEvolved { .. } | Self::Gone(_) => ErrorKind::Internal,
            _ => ErrorKind::Destination,
        };
        Error::new(kind, operation, self.to_string())
    }

    /// Whether somebody else was in the way.
    pub(crate) fn is_about_locks(&self) -> bool {
        let Self::Server(error) = self else {
            return false;
        };
        let codes = [
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::T_R_DEADLOCK_DETECTED,
        ];
        error.code().is_some_and(|code| codes.contains(code))
    }

    /// Why the server refuses a row, if that is what this is about: another row may be fine.
    pub(crate) fn about_a_row(&self) -> Option<String> {
        let Self::Server(error) = self else {
            return None;
        };
        let code = error.code()?.code();
        // Data that are none, constraints that others made, limits of a row, triggers.
        let is_about_data = ["22", "23", "54"]
            .iter()
            .any(|class| code.starts_with(class));
        (is_about_data || code == SqlState::RAISE_EXCEPTION.code()).then(|| said(error))
    }
}

/// Whether nobody knows what became of a statement that ended with `error`: there was no answer, or
/// none but that the session ends.
pub(crate) fn is_lost(error: &tokio_postgres::Error) -> bool {
    let Some(said) = error.as_db_error() else {
        return true;
    };
    matches!(
        said.parsed_severity(),
        Some(Severity::Fatal | Severity::Panic)
    )
}

/// The error in words. Details are shown where they name tables; elsewhere they may quote rows.
fn said(error: &tokio_postgres::Error) -> String {
    let mut text = words(error);
    let Some(said) = error.as_db_error() else {
        return text;
    };
    let code = said.code();
    if *code == SqlState::LOCK_NOT_AVAILABLE {
        text.push_str("; somebody else uses the table");
    }
    let names_tables = [
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        SqlState::FEATURE_NOT_SUPPORTED,
    ];
    if let Some(detail) = said.detail().filter(|_| names_tables.contains(code)) {
        text.push_str(&format!(": {detail}"));
    }
    text
}
