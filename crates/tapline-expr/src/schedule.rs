//! What `{START_TIME}`, `{END_TIME}` and `{SCHEDULE_QUERY}` stand for.

use serde::{Deserialize, Serialize};

use crate::{DateFormat, Template};

/// How the placeholders of a time window are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// How `{START_TIME}` and `{END_TIME}` are written.
    pub format: DateFormat,
    /// `{SCHEDULE_QUERY}` where the window has a start.
    pub incremental: Template,
    /// `{SCHEDULE_QUERY}` where it has none.
    pub backfill: Template,
}
