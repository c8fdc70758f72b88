//! Why a connector could not do what was asked.

use std::fmt;

use tapline_abi::{PluginError, failure};

/// One line for the operator, without secrets. Every other error becomes one with `?` or
/// [`Error::new`].
#[derive(Debug)]
pub struct Error {
    kind: u32,
    message: String,
}

impl Error {
    /// What failed, as operation and reason: "sign request: the key is empty".
    pub fn new(message: impl fmt::Display) -> Self {
        Self::of_kind(failure::OTHER, message)
    }

    pub(crate) fn of_kind(kind: u32, message: impl fmt::Display) -> Self {
        Self {
            kind,
            message: message.to_string(),
        }
    }

    /// The configuration lacks something, or holds something that cannot be.
    pub fn config(message: impl fmt::Display) -> Self {
        Self::of_kind(failure::CONFIG, message)
    }
}

// `Error` is no `std::error::Error`: that is what allows this conversion, and so `?`.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

pub(crate) fn into_abi(error: Error) -> PluginError {
    PluginError {
        kind: error.kind,
        message: error.message.into(),
    }
}

pub(crate) fn from_abi(error: PluginError) -> Error {
    Error {
        kind: error.kind,
        message: error.message.into_string(),
    }
}
