//! One response, decoded: its rows, where the next one starts, and what it proves.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Batch, EndSignal, Position, RawPage, Reject, ShortReason};

/// One response of a slice.
#[derive(Clone, Debug)]
pub struct Page {
    /// Everything but the rows; serialisable, so that a page can come from a worker process.
    pub info: PageInfo,
    /// The rows. Empty for an empty page.
    pub batches: Vec<Batch>,
    /// Records that became no row.
    pub rejects: Vec<Reject>,
    /// What it was decoded from, where that is to be kept.
    pub raw: Option<RawPage>,
}

/// What the run loop needs to know of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageInfo {
    /// Number of this page in its slice, from 1.
    pub seq: u64,
    /// Where the next request starts; `None` after the last page.
    pub next: Option<Position>,
    /// What this page proves.
    pub evidence: Evidence,
    /// The request that brought it.
    pub request: RequestRecord,
    /// Requests that were sent for pages after it, and that turned out to be for nothing.
    #[serde(default)]
    pub needless: u64,
}

/// What a page says about completeness.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Records the content array held.
    pub records: u64,
    /// How many records there are in all, if the source says so.
    pub total: Option<u64>,
    /// How many records the next offset reckons with, if the pagination goes by offset.
    pub asked: Option<u64>,
    /// How many records the source gives for one question at most, if it is known for that.
    #[serde(default)]
    pub most: Option<u64>,
    /// The end signal, if this page carries one.
    pub end: Option<EndSignal>,
    /// Evidence of missing records.
    pub short: Option<ShortReason>,
}

/// A row of `_tapline_requests`: what was asked, and what came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// Joins the rows of the page to this request.
    pub request_id: Uuid,
    /// GET or POST.
    pub method: String,
    /// The URL with everything secret replaced by `***`.
    pub url: String,
    /// HTTP status of the last attempt.
    pub status: u16,
    /// Size of the decoded body in bytes.
    pub bytes: u64,
    /// Attempts made, 1 without a retry.
    pub attempts: u32,
    /// Time spent waiting for rate limits and between attempts, in milliseconds.
    pub waited_ms: u64,
    /// From the first attempt to the end of the body, in milliseconds.
    pub duration_ms: u64,
    /// When the body had arrived.
    pub received_at: Timestamp,
}
