//! A budget of which nothing is left, and what is said of that.

use std::time::Duration;

use jiff::Timestamp;
use tapline_core::Error;

use crate::wait;

/// Nothing is left of a budget for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    /// The budget in words: `100 requests a minute`.
    pub(crate) budget: String,
    /// When there is more.
    pub(crate) until: Timestamp,
}

impl Spent {
    /// How far off that is; never nothing, or it would be asked for in a circle.
    pub(crate) fn wait(&self, now: Timestamp) -> Duration {
        let wait = self.until.duration_since(now);
        let wait = Duration::try_from(wait).unwrap_or_default();
        wait.max(Duration::from_millis(1))
    }

    /// Why nothing is sent for a while.
    pub(crate) fn reason(&self) -> String {
        format!("quota: {}", self.budget)
    }

    /// The error for a wait that is left to the operator.
    pub(crate) fn too_long(&self, now: Timestamp, max: Duration) -> Error {
        let what = format!("the quota of {} is used up", self.budget);
        wait::beyond(&what, self.wait(now), now, max)
    }
}
