//! The time range a run asks its source for.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A half-open range `[start, end)`; a missing bound is open. A full load has neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First instant wanted.
    pub start: Option<Timestamp>,
    /// First instant no longer wanted.
    pub end: Option<Timestamp>,
}

impl Window {
    /// Everything the source has.
    pub const ALL: Self = Self {
        start: None,
        end: None,
    };
}
