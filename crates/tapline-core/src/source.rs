//! The source door: what the run loop drives.

use std::collections::BTreeMap;

use arrow_schema::SchemaRef;
use futures::stream::{BoxStream, TryStreamExt};
use serde::{Deserialize, Serialize};
use tapline_spec::Plan;
use uuid::Uuid;

use crate::{Page, PageInfo, Position, Result, ShortReason, Verdict, Window};

/// The pages of one slice, in order. It ends after the page whose `next` is `None`.
pub type PageStream = BoxStream<'static, Result<Page>>;

/// The slices of a window, found one after the other: there may be more than fit into memory.
pub type SliceStream = BoxStream<'static, Result<Finding>>;

/// What looking for slices brings.
#[derive(Clone, Debug)]
pub enum Finding {
    /// A part to read.
    Slice(Slice),
    /// A page of another stream was read to find more.
    Asked(Box<PageInfo>),
    /// Something the operator should know, though the search goes on.
    Warning(String),
    /// There may be more slices, and they cannot be found: never `complete`. It comes last.
    Doubt(Verdict),
}

/// The first slice of `found`, if there is one.
///
/// # Errors
/// The source cannot be asked.
pub async fn first_slice(mut found: SliceStream) -> Result<Option<Slice>> {
    while let Some(finding) = found.try_next().await? {
        if let Finding::Slice(slice) = finding {
            return Ok(Some(slice));
        }
    }
    Ok(None)
}

/// Something that can be read slice by slice, page by page.
pub trait Source: Send + Sync {
    /// The columns known before the first page; later batches may have more, and wider ones.
    fn schema(&self) -> SchemaRef;

    /// The independent parts of `window`. They are looked for as the stream is polled, so the
    /// pages of a slice are best read before the next one is asked for.
    fn slices(&self, window: &Window) -> SliceStream;

    /// Opens `slice` where it was left, or at its beginning. Nothing is sent before the first poll.
    fn open(&self, slice: &Slice, from: Option<Resume>) -> PageStream;

    /// What keeps more slices from being opened: a limit on the pages of a run, which is reached.
    fn spent(&self) -> Option<ShortReason> {
        None
    }

    /// Names what is read: a position means something only to a source with the same name. It
    /// tells no secret.
    fn fingerprint(&self) -> String;

    /// Names what its parameters choose: sources of the same stream with the same name have the same
    /// records. It tells no secret.
    fn identity(&self) -> String;

    /// From now on rows are those of `run`, which may be an earlier one that is gone on with.
    fn read_for(&self, run: Uuid);

    /// The destination has taken one more of the pages that were handed out. As long as there is one
    /// it has not, nothing is sent but the request for the page after it.
    fn kept(&self);
}

/// Where a slice is gone on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Where the next request starts.
    pub position: Position,
    /// Number of the last page that is kept; the next is one higher.
    pub seq: u64,
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
    pub from: Option<Resume>,
    /// Epoch of the lease under which the slice is read.
    pub fence: u64,
}
