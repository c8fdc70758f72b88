//! How a time window is asked for, as a document says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a time window is asked for: by two query parameters, or (`ADVANCE`) by a text that takes
/// the place of `{SCHEDULE_QUERY}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduleParams {
    /// Left out: two query parameters. `ADVANCE`: a text.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ScheduleKind>,
    /// Query parameter with the start of the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_start_param_name: Option<String>,
    /// Query parameter with the end of the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_end_param_name: Option<String>,
    /// `true`: the source leaves out what is at the start itself. It is asked for a little earlier then:
    /// a second, or a number. Left out: what is at the start comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_start_exclusive: Option<bool>,
    /// How the start is written, as a .NET date format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_start_param_format: Option<String>,
    /// How the end is written, as a .NET date format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_end_param_format: Option<String>,
    /// ADVANCE: how `{START_TIME}` and `{END_TIME}` are written, as a .NET date format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param_format: Option<String>,
    /// ADVANCE: the text of a run that has a start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incremental: Option<String>,
    /// ADVANCE: the text of a run without a start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backfill: Option<String>,
}

/// How a time window is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScheduleKind {
    /// By a text.
    Advance,
}
