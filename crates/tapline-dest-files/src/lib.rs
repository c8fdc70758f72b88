//! The files destination: Parquet, JSONL, CSV, or each body as it came, in a folder.
//!
//! Below `<path>/<schema>/<table>/` every run fills a folder of its own, which nobody reads until
//! a numbered manifest names its files: `_manifest/000002.json`. Readers follow the highest
//! number. Each file is written under another name, fsync'd, renamed, and its folder fsync'd; a
//! manifest is put only if its number is free. So a cut at any moment leaves the table as it was,
//! and what a cut leaves behind is removed by the next run.
//!
//! Pages are gathered into one file for up to 64 MB or one second, so a page may have no durable
//! receipt until a later one does, or until `publish`. Their rows go into that file as they come:
//! no more of them is held in memory than the page at hand, and a row group of Parquet.

mod cells;
mod columns;
mod destination;
mod disk;
mod failure;
mod fit;
mod format;
mod generation;
mod group;
mod kind;
mod manifest;
mod name;
mod session;
mod table;
mod widen;
mod writer;

#[cfg(test)]
mod tests;

pub use destination::{CommitEvery, FilesConfig, FilesDestination, Format};
