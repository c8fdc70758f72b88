//! Pages that become durable together.
//!
//! Their rows go into files as they come, so that what a run takes in memory does not grow with the
//! group. Files and commits wait for its end: then the files appear, and the log says so.

use std::io::Write;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use tapline_core::Commit;

use crate::columns::Columns;
use crate::destination::Format;
use crate::disk::{Draft, Whole};
use crate::failure::{Failure, Result};
use crate::format::{self, RowsFile, parquet, raw};
use crate::generation::Generation;
use crate::manifest::FileEntry;
use crate::name;

/// Size at which pages are made durable, counted as they came.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// The same for what waits in memory: rejects.
const MAX_WAITING: usize = 8 * 1024 * 1024;
/// Size from which a page ends its row group, counted as it came. Rows that waited for a row group to
/// become full would be in memory beside the next page, and that is as large as this one.
const LARGE: usize = 8 * 1024 * 1024;
/// Age at which pages are made durable.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Pages that become durable together.
#[derive(Default)]
pub(crate) struct Group {
    commits: Vec<Commit>,
    files: Vec<(Whole, FileEntry)>,
    open: Option<Open>,
    bytes: usize,
    waiting: usize,
    since: Duration,
}

/// The file that takes rows. All its batches have one schema.
struct Open {
    schema: SchemaRef,
    giant: bool,
    entry: FileEntry,
    file: RowsFile,
}

/// Where a group's files go, and what they hold.
pub(crate) struct Place<'a> {
    pub(crate) generation: &'a Generation,
    pub(crate) format: Format,
    /// Of the table.
    pub(crate) columns: &'a Columns,
}

impl Group {
    pub(crate) fn is_empty(&self) -> bool {
        self.commits.is_empty()
    }

    /// Number of the last page of `slice` in the group.
    pub(crate) fn last_seq(&self, slice: &str) -> Option<u64> {
        let of_slice = self.commits.iter().filter(|commit| commit.slice == slice);
        of_slice.map(|commit| commit.seq).max()
    }

    /// Takes a page at the time `now`.
    pub(crate) fn push(
        &mut self,
        place: &Place<'_>,
        batches: impl Iterator<Item = RecordBatch>,
        commit: Commit,
        now: Duration,
    ) -> Result<()> {
        if self.is_empty() {
            self.since = now;
        }
        let batches = batches.filter(|batch| batch.num_rows() > 0);
        let before = self.bytes;
        let mut bodies = 0;
        // Each batch is gone before the next is looked at.
        for (index, batch) in batches.enumerate() {
            self.bytes += batch.get_array_memory_size();
            if place.format == Format::Raw {
                self.bodies(place, &batch, &commit, bodies)?;
                bodies += batch.num_rows();
            } else {
                self.rows(place, &batch, &commit, index)?;
            }
        }
        if self.bytes - before >= LARGE
            && let Some(open) = &mut self.open
        {
            open.file.settle()?;
        }
        self.waiting += commit.rejects.iter().map(|r| r.raw.len()).sum::<usize>();
        self.commits.push(commit);
        Ok(())
    }

    /// Whether the group must be made durable.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        let is_old = now.saturating_sub(self.since) >= MAX_AGE;
        self.bytes >= MAX_BYTES || self.waiting >= MAX_WAITING || is_old
    }

    /// Lets the files appear, and starts another group. Returns what to log.
    pub(crate) fn end(&mut self) -> Result<(Vec<FileEntry>, Vec<Commit>)> {
        self.close()?;
        let ended = std::mem::take(self);
        let files = ended.files.into_iter().map(|(file, mut entry)| {
            entry.bytes = file.put()?;
            Ok(entry)
        });
        Ok((files.collect::<Result<_>>()?, ended.commits))
    }

    /// Writes rows into the open file, or into another if they do not belong there.
    fn rows(
        &mut self,
        place: &Place<'_>,
        batch: &RecordBatch,
        commit: &Commit,
        index: usize,
    ) -> Result<()> {
        let giant = place.format == Format::Parquet && parquet::is_giant(batch);
        let takes = |open: &Open| open.schema == batch.schema() && open.giant == giant;
        if !self.open.as_ref().is_some_and(takes) {
            self.close()?;
        }
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(Open::create(
                place,
                batch.schema(),
                giant,
                &stem(commit, index),
            )?),
        };
        open.entry.rows += batch.num_rows() as u64;
        open.file.write(batch)
    }

    /// Closes the open file.
    fn close(&mut self) -> Result<()> {
        if let Some(open) = self.open.take() {
            self.files.push((open.file.finish()?, open.entry));
        }
        Ok(())
    }

    /// Writes one file for each body; the page has had so many `before`.
    fn bodies(
        &mut self,
        place: &Place<'_>,
        batch: &RecordBatch,
        commit: &Commit,
        before: usize,
    ) -> Result<()> {
        for row in 0..batch.num_rows() {
            let (body, extension) = raw::body(batch, row)?;
            let name = format!("{}.{extension}", stem(commit, before + row));
            let mut draft = Draft::create(&place.generation.path(&name))?;
            let written = draft.write_all(body);
            written.map_err(Failure::io("write", "body".as_ref()))?;
            let mut entry = place.generation.entry(&name);
            entry.request_id = Some(commit.request.request_id);
            entry.rows = 1;
            self.files.push((draft.finish()?, entry));
        }
        Ok(())
    }
}

impl Open {
    /// Begins the file called `stem` for batches with `schema`.
    fn create(place: &Place<'_>, schema: SchemaRef, giant: bool, stem: &str) -> Result<Self> {
        let name = format!("{stem}.{}", format::extension(place.format));
        let columns = place.columns.stored(&Columns::of(&schema)?);
        let path = place.generation.path(&name);
        Ok(Self {
            entry: place.generation.entry(&name),
            file: RowsFile::create(place.format, &path, columns, giant)?,
            schema,
            giant,
        })
    }
}

/// What a file is called after: its first page. It is the same whenever the page is written.
fn stem(commit: &Commit, index: usize) -> String {
    let mut stem = format!("{:06}", commit.seq);
    if !commit.slice.is_empty() {
        stem = format!("{}-{stem}", name::component(&commit.slice));
    }
    if index > 0 {
        stem = format!("{stem}.{index}");
    }
    stem
}
