//! What tells new records from old ones, as a document says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Step;

/// What tells new records from old ones, and one record from another. Ours. The `sync` of a
/// pipeline wins over it, key by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IncrementalParams {
    /// Where a record holds its cursor: a column, or a dotted path such as `ticket.updated_at`.
    #[schemars(length(min = 1))]
    pub cursor: String,
    /// What the cursor holds.
    #[serde(default)]
    pub cursor_type: CursorType,
    /// The columns, or dotted paths, that identify a record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub primary_keys: Vec<String>,
    /// In which order of the cursor the source gives its records.
    #[serde(default)]
    pub order: RecordOrder,
    /// How far before the newest cursor a run asks again, for records that the source shows late:
    /// `1h`, `7d`; a number if the cursor is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lookback: Option<Step>,
    /// Whether the newest cursor itself is asked for again.
    #[serde(default)]
    pub boundary: Boundary,
}

/// What a cursor holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CursorType {
    /// A point in time: a text in the form of ISO 8601, or a number of seconds, milliseconds,
    /// microseconds or nanoseconds since 1970.
    #[default]
    Timestamp,
    /// A whole number of any size.
    Integer,
    /// A text that only the source can order.
    String,
}

impl CursorType {
    /// The type as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timestamp => "timestamp",
            Self::Integer => "integer",
            Self::String => "string",
        }
    }

    /// Whether one value comes before another, so that ranges of them mean something.
    pub fn is_ordered(self) -> bool {
        self != Self::String
    }
}

/// In which order of the cursor records come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordOrder {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
    /// In any.
    #[default]
    Unordered,
}

/// Whether the newest cursor of one run is asked for again by the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// It is: another record may have got the same cursor since.
    #[default]
    Closed,
    /// It is not: no two records have the same cursor.
    Open,
}
