//! The door to raw pages: bodies as they came, kept so that tables can be made again without fetching.

use bytes::Bytes;
use uuid::Uuid;

use crate::{RequestRecord, Result};

/// A page as it was decoded, and what was not taken of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawPage {
    /// The body. Empty for a page without rows.
    pub body: Bytes,
    /// Rows that the run did not want, by their index on the page: those that an earlier one has brought.
    pub left_out: Vec<u64>,
}

/// A page that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPage {
    /// The request that brought it.
    pub request: RequestRecord,
    /// The page.
    pub page: RawPage,
}

/// Where raw pages are kept. The calls block.
pub trait RawStore: Send + Sync {
    /// Keeps `page`, which `request` of `run` has brought. It is durable then.
    ///
    /// # Errors
    /// It is not kept.
    fn put(&self, run: Uuid, request: &RequestRecord, page: &RawPage) -> Result<()>;

    /// The page that `request` of `run` has brought; `None` if it is not there, or not any more.
    ///
    /// # Errors
    /// It cannot be read.
    fn get(&self, run: Uuid, request: Uuid) -> Result<Option<KeptPage>>;
}
