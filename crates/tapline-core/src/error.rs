//! One error type for every door: what kind it is, whether trying again can help, and where it
//! happened.
//!
//! Inside a crate small enums say precisely what went wrong; at a border they become an
//! [`Error`], whose kind decides the exit code and whose [`Retry`] is all that a retrying wrapper
//! may ask. A message must already be free of secrets when it gets here: URLs come redacted from
//! `tapline-http`, and nothing prints a `Secret`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::{FailedRequest, Redactor};

/// The result of everything that can fail at a door.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as the caller can act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The command line or the project file asks for something that does not exist.
    Usage,
    /// A source spec is invalid, or cannot mean anything.
    Spec,
    /// The source refused the credentials (401, 403).
    Auth,
    /// The source says the resource does not exist (404, 410).
    NotFound,
    /// A quota is used up, or the source asks to wait, for longer than the operator allows.
    Quota,
    /// The source did not answer, or answered 429 or 5xx to the last attempt.
    Unavailable,
    /// The source answered something that is not what its spec says.
    Protocol,
    /// A limit of tapline's own was passed: size, depth, time.
    Limit,
    /// An address that is not on the connection's list of hosts.
    Refused,
    /// A plugin could not be loaded, or one of its hooks failed.
    Plugin,
    /// Rows do not fit their table, which is not to change for them.
    Contract,
    /// The destination failed.
    Destination,
    /// The state store failed.
    State,
    /// Compare-and-set found another version than expected.
    Conflict,
    /// Another runner holds the lease, or a newer fence was seen.
    Locked,
    /// The run was asked to stop.
    Stopped,
    /// A bug in tapline.
    Internal,
}

/// Whether the same call can succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It will fail in the same way again.
    Never,
    /// It may succeed; `after` is the source's own wish, where it stated one.
    Later {
        /// Time the source asked to wait.
        after: Option<Duration>,
    },
    /// It was retried until the attempts or the time were used up; do not start over.
    Spent,
}

/// An error at a door. `Display` is one line for people; `source()` leads to the cause.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    retry: Retry,
    operation: &'static str,
    message: String,
    context: Vec<(&'static str, String)>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    request: Option<Box<FailedRequest>>,
}

impl Error {
    /// An error of `kind` while doing `operation` ("read page", "commit"); permanent unless
    /// [`Error::retry_later`] says otherwise.
    pub fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            retry: Retry::Never,
            operation,
            message: message.into(),
            context: Vec::new(),
            source: None,
            request: None,
        }
    }

    /// Adds where it happened: `("stream", "members")`, `("page", "7")`.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.context.push((key, value.to_string()));
        self
    }

    /// Adds the cause, which `Display` appends.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds the request that failed with it, for the report; `Display` does not show it.
    #[must_use]
    pub fn with_request(mut self, request: FailedRequest) -> Self {
        self.request = Some(Box::new(request));
        self
    }

    /// The error without the secrets that `redactor` knows.
    #[must_use]
    pub fn redacted(mut self, redactor: &Redactor) -> Self {
        self.message = redactor.redact(&self.message).into_owned();
        for (_, value) in &mut self.context {
            *value = redactor.redact(value).into_owned();
        }
        let causes = self.causes().map(ToString::to_string);
        let causes = causes.collect::<Vec<_>>().join(": ");
        if let Cow::Owned(causes) = redactor.redact(&causes) {
            self.source = Some(causes.into());
        }
        self
    }

    fn causes(&self) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
        std::iter::successors(std::error::Error::source(self), |cause| cause.source())
    }

    /// Marks the error as worth another try.
    #[must_use]
    pub fn retry_later(mut self, after: Option<Duration>) -> Self {
        self.retry = Retry::Later { after };
        self
    }

    /// Marks the error as already retried, so that nested retries cannot multiply.
    #[must_use]
    pub fn spent(mut self) -> Self {
        self.retry = Retry::Spent;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// What was being done.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// Where it happened, outermost last.
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.context
    }

    /// The request that failed with it.
    pub fn request(&self) -> Option<&FailedRequest> {
        self.request.as_deref()
    }

    /// The message without operation, context and cause.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.message)?;
        for cause in self.causes() {
            write!(f, ": {cause}")?;
        }
        for (index, (key, value)) in self.context.iter().enumerate() {
            let opening = if index == 0 { " (" } else { ", " };
            write!(f, "{opening}{key}: {value}")?;
        }
        if !self.context.is_empty() {
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_deref()
            .map(|s| s as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_line_with_cause_and_context() {
        let error = Error::new(ErrorKind::Protocol, "read page", "the body is not JSON")
            .with_source(std::io::Error::other("unexpected end"))
            .with("stream", "members")
            .with("page", 7);
        assert_eq!(
            error.to_string(),
            "read page: the body is not JSON: unexpected end (stream: members, page: 7)"
        );
        assert_eq!(error.retry(), Retry::Never);
    }

    #[test]
    fn a_redacted_error_shows_no_secret_anywhere() {
        let cause =
            Error::new(ErrorKind::Internal, "k3y-1", "no").with_source("of k3y-1".to_owned());
        let error = Error::new(ErrorKind::Refused, "send", "to k3y-1.example")
            .with_source(cause)
            .with("url", "http://K3Y-1.example/");
        let secret = tapline_spec::Secret::new("k3y-1");
        assert_eq!(
            error.redacted(&Redactor::new([&secret])).to_string(),
            "send: to ***.example: ***: no: of ***: of *** (url: http://***.example/)"
        );
    }
}
