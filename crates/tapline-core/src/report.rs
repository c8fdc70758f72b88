//! What a run reports, whether it went well or not.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Position, Verdict, Window};

/// The report of one run: what `--output json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// The run (UUIDv7). One that is gone on with keeps its id.
    pub run_id: Uuid,
    /// The pipeline's name.
    pub pipeline: String,
    /// `full_load`, ...
    pub sync_mode: String,
    /// What it was asked for.
    #[serde(default)]
    pub asked: Asked,
    /// The time range asked for.
    pub window: Window,
    /// What the run proves.
    pub verdict: Verdict,
    /// What an earlier process had kept, if the run was gone on with. The counts below are those
    /// of this process alone.
    #[serde(default)]
    pub resumed_from: Option<ResumedFrom>,
    /// Records.
    pub records: RecordCounts,
    /// Records that all processes of the run have brought, without those that were left out: what a
    /// pipeline expects is about them.
    #[serde(default)]
    pub brought: u64,
    /// Independent parts that were read to their end.
    #[serde(default)]
    pub slices: SliceCounts,
    /// Pages that became durable.
    pub pages: u64,
    /// Requests made, answered or not.
    pub requests: u64,
    /// Attempts beyond the first of each request.
    pub retries: u64,
    /// Time spent waiting for rate limits, pace and backoff, in milliseconds.
    pub waited_ms: u64,
    /// Decoded bytes received.
    pub bytes: u64,
    /// From lease to verdict, in milliseconds.
    pub duration_ms: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// Watermarks after the run.
    pub watermarks: WatermarkReport,
    /// Cursor intervals known complete.
    pub coverage: Vec<Interval>,
    /// Where the next run will go on, if this one was cut; what the source chose itself is masked.
    pub next_position: Option<Position>,
    /// The error that ended it.
    pub error: Option<String>,
    /// The request that the error is about. Its numbers are part of the sums above; it has no row
    /// in `_tapline_requests`, because rows come with pages.
    pub failed_request: Option<FailedRequest>,
}

impl RunReport {
    /// The log that the reports of `pipeline` are added to.
    pub fn log(pipeline: &str) -> String {
        format!("runs/{pipeline}")
    }
}

/// What a run was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// All there is, from where the first run begins.
    #[default]
    Everything,
    /// What is new.
    Update,
    /// What is missing.
    Backfill,
    /// A window that the operator has named.
    Window,
}

/// What a run goes on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumedFrom {
    /// The run that was cut.
    pub run_id: Uuid,
    /// Pages it had kept, in all slices.
    pub pages: u64,
    /// Records on them, without those that were left out.
    pub records: u64,
}

/// A request that brought no page, and what was spent on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRequest {
    /// GET or POST.
    pub method: String,
    /// The URL with everything secret replaced by `***`; without its query if nothing answered.
    pub url: String,
    /// HTTP status of the last attempt, if it was answered.
    pub status: Option<u16>,
    /// Size of the decoded body in bytes.
    pub bytes: u64,
    /// Attempts made, 1 without a retry.
    pub attempts: u32,
    /// Time spent waiting for rate limits and between attempts, in milliseconds.
    pub waited_ms: u64,
}

/// Records, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordCounts {
    /// Received from the source: elements of its content arrays.
    pub read: u64,
    /// Rows made durable. They are more than were read if `explodeEntityPath` makes several rows
    /// of a record.
    pub written: u64,
    /// Kept aside, in the table of rejects.
    pub rejected: u64,
    /// Rows left out, because they are beyond the window, or because an earlier run has brought
    /// them and they are the same.
    #[serde(default)]
    pub skipped: u64,
    /// Changed in place.
    pub updated: u64,
    /// Removed.
    pub deleted: u64,
}

/// Slices, by what became of them. A stream that is not divided is one slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceCounts {
    /// Read to their end.
    pub read: u64,
    /// Left out, because a rule of the spec says that the source has nothing there.
    pub skipped: u64,
}

/// Cursor values seen in complete windows, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatermarkReport {
    /// The largest.
    pub newest: Option<String>,
    /// The smallest.
    pub oldest: Option<String>,
}

/// A half-open interval of cursor values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// First value covered.
    pub start: Option<String>,
    /// First value no longer covered.
    pub end: Option<String>,
}
