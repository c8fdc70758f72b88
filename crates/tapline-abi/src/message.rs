//! What the JSON headers of a call say. Shared by the SDK and the host, so defined once.
//!
//! Unknown fields are ignored and every field added later is optional: text may grow where layout
//! may not. The body of a request or response travels beside its header, never inside it.

use serde::{Deserialize, Serialize};

/// The numbers of the hooks. Each names its messages: header and body in, header and body out.
pub mod hook {
    /// [`RequestHead`](super::RequestHead) and body in, the same out.
    pub const PREPARE_REQUEST: u32 = 0;
    /// [`PageHead`](super::PageHead) and the page in, [`Next`](super::Next) out.
    pub const NEXT_POSITION: u32 = 1;
    /// [`Content`](super::Content) and the page in, [`Empty`](super::Empty) and JSON out.
    pub const TRANSFORM_PAGE: u32 = 2;
    /// [`Window`](super::Window) in, [`Slices`](super::Slices) out.
    pub const PARTITIONS: u32 = 3;
    /// [`Empty`](super::Empty) in, [`Check`](super::Check) out.
    pub const CHECK: u32 = 4;
}

/// Headers by name. A value is ISO 8859-1 text, so that any byte survives.
pub type Headers = Vec<(String, String)>;

/// A message that says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// A request without its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestHead {
    /// GET, POST, ...
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Headers, in order.
    #[serde(default)]
    pub headers: Headers,
}

/// A response without its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseHead {
    /// HTTP status.
    pub status: u16,
    /// Headers, in order.
    #[serde(default)]
    pub headers: Headers,
}

/// What is known of a page without looking into its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageHead {
    /// Number of the page in its slice, from 1.
    pub seq: u64,
    /// HTTP status.
    pub status: u16,
    /// Records the content array held.
    pub records: u64,
    /// How many records there are in all, if the source says so.
    #[serde(default)]
    pub total: Option<u64>,
    /// Where the spec's own pagination would go on; absent after the last page.
    #[serde(default)]
    pub next: Option<Position>,
}

/// Where a request starts. Written as `{"kind": "offset", "value": 200}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Position {
    /// The first request.
    Start,
    /// Index of the first record wanted.
    Offset(u64),
    /// Number of the page wanted.
    Page(u64),
    /// Absolute URL of the page wanted.
    Url(String),
    /// Token that the last response gave.
    Token(String),
    /// Several tokens that go together, each as JSON text.
    Tokens(Vec<String>),
    /// What the next request carries in place of what the spec's pagination would add, as JSON text:
    /// `{"url": "...", "query": {}, "headers": {}, "body": {}}`. All members may be missing; `url`
    /// takes the place of the whole URL, and names in `body` may be dotted.
    Custom(String),
}

/// Where the next request starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// Absent: this was the last page.
    #[serde(default)]
    pub next: Option<Position>,
}

/// What the body of a page is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The response's `Content-Type`; empty if there was none.
    pub content_type: String,
}

/// A half-open range of time `[start, end)` as RFC 3339; a missing bound is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First instant wanted.
    #[serde(default)]
    pub start: Option<String>,
    /// First instant no longer wanted.
    #[serde(default)]
    pub end: Option<String>,
}

/// An independent part of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// What tells it from the others.
    pub partition: String,
    /// The part of the window it asks for.
    #[serde(default)]
    pub window: Window,
}

/// The parts of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slices {
    /// In any order.
    pub slices: Vec<Slice>,
}

/// What the check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Whether the connection works.
    pub ok: bool,
    /// What was tried, or what is wrong.
    pub message: String,
}
