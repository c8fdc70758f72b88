//! What placeholders and expressions are resolved against.

use std::fmt;

use jiff::Timestamp;

use crate::{DateFormat, Observed, Params, Schedule, Selector};

/// What placeholders and expressions are resolved against. Start from [`Context::default`], which
/// knows nothing, and fill in what there is.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// What the operator gave.
    pub params: &'a Params,
    /// How `{START_TIME}`, `{END_TIME}` and `{SCHEDULE_QUERY}` are written.
    pub schedule: Option<&'a Schedule>,
    /// The range asked for.
    pub window: Span<'a>,
    /// What `utcNow()` says.
    pub now: Timestamp,
    /// The answer that `response()` reads, where there is one.
    pub response: Option<&'a dyn Response>,
}

/// A range of time, or of another cursor; a missing bound is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span<'a> {
    /// First value wanted.
    pub start: Option<Edge<'a>>,
    /// First value no longer wanted.
    pub end: Option<Edge<'a>>,
}

/// Where a range begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge<'a> {
    /// At a point in time, which is written in the format that the spec gives.
    Time(Timestamp),
    /// At a number or a text, which is written as it is.
    Text(&'a str),
}

impl Edge<'_> {
    /// The edge as a request says it. An end that `format` cannot say as exactly is later, never
    /// earlier.
    pub fn write(self, bound: Bound, format: &DateFormat) -> String {
        match (self, bound) {
            (Self::Time(at), Bound::Start) => format.format(at),
            (Self::Time(at), Bound::End) => format.format(format.round_up(at)),
            (Self::Text(text), _) => text.to_owned(),
        }
    }
}

impl fmt::Display for Edge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(at) => at.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// A bound of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    /// The first value wanted.
    Start,
    /// The first value no longer wanted.
    End,
}

impl Bound {
    /// Where it is.
    pub(crate) fn of(self, window: Span<'_>) -> Option<Edge<'_>> {
        match self {
            Self::Start => window.start,
            Self::End => window.end,
        }
    }
}

/// An answer, as an expression sees it.
pub trait Response {
    /// What `selector` finds. Only what [`Expr::selectors`](crate::Expr::selectors) announced is
    /// asked for.
    fn value(&self, selector: &Selector) -> Observed<'_>;

    /// The status code.
    fn status(&self) -> u16;
}

static NO_PARAMS: Params = Params::new();

impl Default for Context<'_> {
    fn default() -> Self {
        Self {
            params: &NO_PARAMS,
            schedule: None,
            window: Span::default(),
            now: Timestamp::UNIX_EPOCH,
            response: None,
        }
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("params", self.params)
            .field("window", &self.window)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
