//! Why a plugin cannot be used.

use std::io;
use std::path::PathBuf;

use tapline_core::ErrorKind;
use thiserror::Error;

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
    /// The system's loader refused the library.
    #[error("cannot open {}: {reason}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the loader says.
        reason: String,
    },
    /// The library was not made with `tapline-plugin`.
    #[error("{} is a library, but no tapline connector", path.display())]
    NoConnector {
        /// The file.
        path: PathBuf,
    },
    /// The plugin was built against another major version of the border.
    #[error("{} was built for plugin ABI {plugin}, this tapline has {host}: rebuild it", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The plugin's version.
        plugin: String,
        /// The runner's version.
        host: String,
    },
    /// The border has the same version, but not the same layout.
    #[error("{} does not fit the plugin ABI: {summary}", path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// What differs, shortened; the log has all of it.
        summary: String,
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
