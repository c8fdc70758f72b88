//! The source door: what the run loop drives.

use std::collections::BTreeMap;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use tapline_spec::Plan;

use crate::{Page, Position, Result, Window};

/// The pages of one slice, in order. It ends after the page whose `next` is `None`.
pub type PageStream = BoxStream<'static, Result<Page>>;

/// Something that can be read slice by slice, page by page.
#[async_trait]
pub trait Source: Send + Sync {
    /// The columns known before the first page; later batches may have more, and wider ones.
    fn schema(&self) -> SchemaRef;

    /// The independent parts of `window`; at least one.
    ///
    /// # Errors
    /// If the parts depend on the source and it cannot be asked.
    async fn slices(&self, window: &Window) -> Result<Vec<Slice>>;

    /// Opens `slice` at `position`, or at its beginning. Nothing is sent before the first poll.
    fn open(&self, slice: &Slice, position: Option<Position>) -> PageStream;
}

/// An independent part of a run: unit of parallelism and of distribution.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// Names the part within its pipeline: a parent's id; empty where there is only one.
    pub partition: String,
    /// The time range asked for.
    pub window: Window,
    /// Parameters that only this part has, or has a value of its own for.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
}

/// All that a worker needs to read a slice, wherever it runs. It carries no secret: credentials
/// are resolved where the requests are sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceTask {
    /// What the spec means.
    pub plan: Plan,
    /// The part to read.
    pub slice: Slice,
    /// Where to start; `None` for the beginning.
    pub position: Option<Position>,
    /// Epoch of the lease under which the slice is read.
    pub fence: u64,
}
