//! Where a destination is: a file, a folder, or a database on a server.

use std::path::PathBuf;

use tapline_core::Secret;
use tapline_spec::Diagnostic;

use super::file::{FileCommit, FileFormat};
use super::names::escape;
use crate::failure::Result;

/// Where a destination is. Nothing of it is left to be looked up.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// In this SQLite file.
    Database(PathBuf),
    /// In this folder of files.
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the files hold.
        format: FileFormat,
        /// When pages become durable.
        commit: FileCommit,
    },
    /// In a PostgreSQL database at this address, which may hold a password.
    Server(Secret),
}

impl Place {
    /// The place for people, without a password.
    ///
    /// # Errors
    /// The address is none.
    pub(crate) fn shown(&self) -> Result<String> {
        match self {
            Self::Database(path) | Self::Folder { path, .. } => Ok(path.display().to_string()),
            Self::Server(address) => Ok(tapline_dest_postgres::shown(address)?),
        }
    }
}

/// Where the address of the destination `name` stands.
pub(super) fn pointer(name: &str) -> String {
    format!("/destinations/{}/url", escape(name))
}

/// What was written at `pointer` is not shown: it may hold a password.
pub(super) fn unknown(pointer: &str) -> Diagnostic {
    let message = "the address of the destination is none of a PostgreSQL database";
    Diagnostic::error("E-destination", pointer, message)
        .with_hint("write `postgres://USER:${env:PGPASSWORD}@HOST/DATABASE`")
}
