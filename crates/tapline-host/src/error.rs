//! Why a plugin cannot be used.

use std::io;
use std::path::PathBuf;

use tapline_core::ErrorKind;
use thiserror::Error;

use crate::fault::Fault;
use crate::id;

/// Why a plugin cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// No plugin has this id.
    #[error("there is no connector `{id}`; known: {known}; searched: {searched}")]
    Unknown {
        /// What was asked for.
        id: String,
        /// The ids there are.
        known: String,
        /// The directories that were searched.
        searched: String,
    },
    /// A file cannot be read, or its private copy cannot be written.
    #[error("{operation} {}: {source}", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is no shared library for this machine.
    #[error("{} is no plugin for this machine: {reason}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The private copy is not what was written.
    #[error("the copy {} has changed since it was written", path.display())]
    Copy {
        /// The copy.
        path: PathBuf,
    },
    /// The file is larger than any plugin.
    #[error("{} has {bytes} bytes, more than the {limit} of the largest plugin", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The size it may have.
        limit: u64,
    },
    /// Anybody could have written the file.
    #[error("{} is not safe to load: any user can write to {}", path.display(), open.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// The file or folder that is open to everybody.
        open: PathBuf,
    },
    /// The library is no plugin.
    #[error("{} {fault}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The connector document is invalid.
    #[error("the connector document of {} is invalid: {first}{}", path.display(), others(*.errors))]
    Document {
        /// The file.
        path: PathBuf,
        /// The first error.
        first: String,
        /// How many there are.
        errors: usize,
    },
    /// The document's id is not the one in the file's name.
    #[error("{} holds the connector `{document}`, but its name says `{file}`", path.display())]
    Id {
        /// The file.
        path: PathBuf,
        /// The id in the file's name.
        file: String,
        /// The id in the document.
        document: String,
    },
    /// The connector refused its parameters.
    #[error("open connector `{id}`: {reason}")]
    Refused {
        /// The connector.
        id: String,
        /// What it says.
        reason: String,
    },
}

impl LoadError {
    /// What to do about it, where that can be said.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Header { .. } | Self::TooLarge { .. } => {
                "get the file again, or build the plugin for this machine"
            }
            Self::Exposed { open, .. } => {
                return Some(format!("close it: chmod o-w {}", open.display()));
            }
            Self::Unfit { fault, .. } => fault.hint(),
            Self::Document { .. } => "mend the plugin's spec.json; `tapline validate` checks it",
            Self::Id { document, .. } => {
                let name = id::file_name(document);
                return Some(format!("call the file {name}, or mend the id"));
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn others(errors: usize) -> String {
    match errors.saturating_sub(1) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    }
}

impl From<LoadError> for tapline_core::Error {
    fn from(error: LoadError) -> Self {
        let kind = match &error {
            LoadError::Unknown { .. } => ErrorKind::Usage,
            _ => ErrorKind::Plugin,
        };
        Self::new(kind, "load plugin", error.to_string())
    }
}
