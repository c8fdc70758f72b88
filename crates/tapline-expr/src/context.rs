//! What placeholders and expressions are resolved against.

use std::fmt;

use jiff::Timestamp;

use crate::{Observed, Params, Schedule, Selector};

/// What placeholders and expressions are resolved against. Start from [`Context::default`], which
/// knows nothing, and fill in what there is.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// What the operator gave.
    pub params: &'a Params,
    /// How `{START_TIME}`, `{END_TIME}` and `{SCHEDULE_QUERY}` are written.
    pub schedule: Option<&'a Schedule>,
    /// The time range asked for.
    pub window: Span,
    /// What `utcNow()` says.
    pub now: Timestamp,
    /// The answer that `response()` reads, where there is one.
    pub response: Option<&'a dyn Response>,
}

/// A time range; a missing bound is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First instant wanted.
    pub start: Option<Timestamp>,
    /// First instant no longer wanted.
    pub end: Option<Timestamp>,
}

/// A bound of the time window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    /// The first instant wanted.
    Start,
    /// The first instant no longer wanted.
    End,
}

impl Bound {
    /// When it is.
    pub(crate) fn of(self, window: Span) -> Option<Timestamp> {
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
