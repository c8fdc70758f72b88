//! What can go wrong in this crate; whoever uses it says at which door.

use crate::words;

/// The result of what this crate does.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why there is no session, or why the tables are not as they should be. It shows no password.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The operator's address is none; in words, with what to write.
    #[error("{0}")]
    Address(String),
    /// In words already: what the client of PostgreSQL prints is one half of it.
    #[error("{0}")]
    Server(String),
    /// The tables are of a version that this program does not know.
    #[error(
        "its tables were made by a newer tapline (they are of version {found}, this one knows up \
         to {known}); use that version"
    )]
    Newer {
        /// The version of the tables.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(words(&error))
    }
}
