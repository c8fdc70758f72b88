//! Pages that are not durable yet.

use std::time::Duration;

use arrow_array::RecordBatch;
use tapline_core::{Batch, Commit};

/// Size at which pages are written down.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Age at which pages are written down.
const MAX_AGE: Duration = Duration::from_secs(1);

/// A page that is not durable yet.
pub(crate) struct Page {
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) commit: Commit,
}

/// Pages that go to the disk together.
#[derive(Default)]
pub(crate) struct Buffer {
    pages: Vec<Page>,
    bytes: usize,
    since: Duration,
}

impl Buffer {
    pub(crate) fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Takes a page at the time `now`. Whether the pages must be written down.
    pub(crate) fn push(&mut self, batches: Vec<Batch>, commit: Commit, now: Duration) -> bool {
        if self.is_empty() {
            self.since = now;
        }
        let batches = batches.into_iter().map(|batch| batch.records);
        let batches: Vec<RecordBatch> = batches.filter(|rows| rows.num_rows() > 0).collect();
        let sizes = batches.iter().map(RecordBatch::get_array_memory_size);
        self.bytes += sizes.sum::<usize>();
        self.bytes += commit.rejects.iter().map(|r| r.raw.len()).sum::<usize>();
        self.pages.push(Page { batches, commit });
        self.bytes >= MAX_BYTES || now.saturating_sub(self.since) >= MAX_AGE
    }

    /// Number of the last page of `slice` that waits.
    pub(crate) fn last_seq(&self, slice: &str) -> Option<u64> {
        let pages = self.pages.iter().map(|page| &page.commit);
        let of_slice = pages.filter(|commit| commit.slice == slice);
        of_slice.map(|commit| commit.seq).max()
    }

    pub(crate) fn take(&mut self) -> Vec<Page> {
        self.bytes = 0;
        std::mem::take(&mut self.pages)
    }
}
