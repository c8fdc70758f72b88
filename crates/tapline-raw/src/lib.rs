//! Raw pages, kept beside the tables.
//!
//! A page is one file, `RUN/REQUEST.json.zst` below the pipeline's folder: a line of JSON that says
//! which request brought it, and the body as it was decoded. It is on the disk before the destination
//! has the page's rows, so that what a table holds can always be made again from the pages of the
//! requests that the table's log knows. Pages that no log knows are those of runs that were cut, and
//! mean nothing.

mod folder;
mod keeping;

pub use folder::RawFolder;
pub use keeping::KeepingDestination;
