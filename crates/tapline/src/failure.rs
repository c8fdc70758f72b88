//! What a command says when it cannot do what was asked: what failed, where, what to do.

use std::fmt;
use std::io;

use owo_colors::OwoColorize;
use serde_json::{Value, json};
use tapline_core::{Error, ErrorKind};

use crate::exit_code::Exit;
use crate::judged::Judged;
use crate::output::clean;

/// The result of a command or a part of one.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a command ends without having done its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A file is not valid; each diagnostic says where.
    Invalid(Judged),
    /// Something else, with what to do about it.
    Error {
        /// What failed.
        error: Box<Error>,
        /// What to do.
        hint: Option<String>,
    },
}

impl Failure {
    /// The command line or the project asks for something that cannot be.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Error {
            error: Box::new(Error::new(ErrorKind::Usage, "usage", message)),
            hint: Some(hint.into()),
        }
    }

    /// How the process ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Invalid(_) => Exit::USAGE,
            Self::Error { error, .. } => Exit::from(error.kind()),
        }
    }

    /// The failure in words, without colour.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Invalid(judged) => anstream::adapter::strip_str(&judged.to_string()).to_string(),
            Self::Error { error, .. } => message(error),
        }
    }

    /// The failure as the document of `--output json`.
    pub(crate) fn document(&self) -> Value {
        let error = match self {
            Self::Invalid(judged) => json!({
                "message": judged.summary(),
                "diagnostics": judged.documents(),
            }),
            Self::Error { error, hint } => json!({
                "message": message(error),
                "hint": hint,
            }),
        };
        json!({ "error": error, "exit_code": self.exit().code() })
    }
}

/// The error in one line; the operation "usage" says nothing a reader needs.
fn message(error: &Error) -> String {
    let text = error.to_string();
    match text.strip_prefix("usage: ") {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(judged) => write!(f, "{judged}"),
            Self::Error { error, hint } => {
                write!(f, "{} {}", "error:".red().bold(), clean(&message(error)))?;
                match hint {
                    Some(hint) => write!(f, "\n  hint: {}", clean(hint)),
                    None => Ok(()),
                }
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = advice(error.kind()).map(str::to_owned);
        Self::Error {
            error: Box::new(error),
            hint,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::from(Error::new(
            ErrorKind::Internal,
            "write output",
            error.to_string(),
        ))
    }
}

/// What to do about an error of this kind, where that can be said in general.
pub(crate) fn advice(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Auth => Some(
            "the source refused the credentials: look at `auth` of the connection, and at what \
             the key is allowed to read",
        ),
        ErrorKind::NotFound => Some(
            "the source knows no such address: look at the parameters of connection and pipeline",
        ),
        ErrorKind::Quota => {
            Some("the quota is used up: run it again, after the time that is said if there is one")
        }
        ErrorKind::Unavailable => {
            Some("the source did not answer properly: look at its address, or run it again later")
        }
        ErrorKind::Protocol => Some(
            "the answer is not what the spec says: look at contentPath and paginationParams of \
             the spec",
        ),
        ErrorKind::Refused => {
            Some("if the address is right, add its origin to `allow_hosts` of the connection")
        }
        ErrorKind::Locked => Some("wait for the other runner, or give `--lock-wait` a longer time"),
        ErrorKind::Internal => Some("this is a bug in tapline; please report it"),
        _ => None,
    }
}
