//! One run's hand on one table, without anything asynchronous.

use std::path::Path;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use tapline_core::{Batch, Commit, Published, Receipt, RowOp, SchemaChange, TableRef};

use crate::buffer::{Buffer, Page};
use crate::columns::Columns;
use crate::destination::{CommitEvery, Format};
use crate::failure::{Failure, Result};
use crate::format::{self, raw};
use crate::generation::{self, Generation, Owner, Progress, Record, last_commit};
use crate::manifest::{FileEntry, Manifest, Mark};
use crate::table::Table;
use crate::{disk, name, widen};

/// How rows are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) format: Format,
    pub(crate) commit: CommitEvery,
}

pub(crate) struct Session {
    named: TableRef,
    table: Table,
    owner: Owner,
    options: Options,
    generation: Generation,
    /// Of the table, as far as they were announced.
    columns: Columns,
    buffer: Buffer,
    /// What is durable: of a full load.
    progress: Progress,
    /// After a failed commit nobody knows what the disk holds; no more is written.
    broken: bool,
}

impl Session {
    pub(crate) fn begin(
        root: &Path,
        named: TableRef,
        owner: Owner,
        options: Options,
        schema: &Schema,
    ) -> Result<Self> {
        if options.format == Format::Raw {
            raw::check(schema)?;
        }
        let announced = Columns::of(schema)?;
        let table = Table::of(root, &named);
        table.create()?;
        let _turn = table.enter(&owner.key)?;
        let current = Manifest::highest(&table)?;
        if let Some(current) = &current {
            current.sweep(&table)?;
        }
        let generation = Generation::of(&table, owner.folder());
        check_current(current.as_ref(), &generation, &owner, options.format)?;
        let name = &generation.name;
        generation::drop_stale(&table, &owner.key.pipeline, current.as_ref(), name)?;
        let (progress, mut columns) = if owner.replace {
            let progress = generation.enter()?;
            let known = progress.schema();
            (progress, known)
        } else {
            let known = current.map(|current| current.schema);
            (Progress::default(), known.unwrap_or_default())
        };
        columns.join(&announced);
        Ok(Self {
            named,
            table,
            owner,
            options,
            generation,
            columns,
            buffer: Buffer::default(),
            progress,
            broken: false,
        })
    }

    /// Takes a page at the time `now`.
    pub(crate) fn write(
        &mut self,
        batches: Vec<Batch>,
        commit: Commit,
        now: Duration,
    ) -> Result<Receipt> {
        self.check_whole()?;
        let mut receipt = Receipt {
            seq: commit.seq,
            durable: true,
            accepted: batches.iter().map(|batch| batch.rows() as u64).sum(),
            rejected: Vec::new(),
        };
        if self.durable_seq(&commit.slice)? >= Some(commit.seq) {
            return Ok(receipt);
        }
        if self.buffer.last_seq(&commit.slice) < Some(commit.seq) {
            for batch in &batches {
                check_ops(batch)?;
                self.columns
                    .check_holds(&Columns::of(batch.records.schema_ref())?)?;
            }
            let due = self.buffer.push(batches, commit, now);
            if due || self.options.commit == CommitEvery::Page {
                let _turn = self.table.enter(&self.owner.key)?;
                self.attempt(Self::flush)?;
            }
        }
        receipt.durable = self.buffer.is_empty();
        Ok(receipt)
    }

    pub(crate) fn evolve(&mut self, schema: &Schema) -> Result<SchemaChange> {
        self.check_whole()?;
        Ok(self.columns.join(&Columns::of(schema)?))
    }

    pub(crate) fn publish(&mut self) -> Result<Published> {
        self.check_whole()?;
        let _turn = self.table.enter(&self.owner.key)?;
        self.attempt(|session| {
            session.flush()?;
            let mut next = if session.owner.replace {
                session.complete_load()?
            } else {
                session.complete_append()?
            };
            session.show(&mut next)?;
            Ok(Published { rows: next.rows })
        })
    }

    /// Appended rows stay, and with them the positions that say how far they go.
    pub(crate) fn abort(&mut self) -> Result<()> {
        if !self.owner.replace {
            return Ok(());
        }
        let _turn = self.table.enter(&self.owner.key)?;
        self.generation.remove()
    }

    fn check_whole(&self) -> Result<()> {
        if self.broken {
            Err(Failure::Broken)
        } else {
            Ok(())
        }
    }

    fn attempt<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let result = work(self);
        self.broken = result.is_err();
        result
    }

    /// Number of the last page of `slice` that is durable. Appended rows are told apart by run.
    fn durable_seq(&self, slice: &str) -> Result<Option<u64>> {
        if self.owner.replace {
            let last = self.progress.last.iter().find(|last| last.slice == slice);
            return Ok(last.map(|last| last.seq));
        }
        let current = Manifest::highest(&self.table)?;
        let marks = current.into_iter().flat_map(|manifest| manifest.positions);
        let mut ours = marks.filter(|mark| self.is_ours(mark, slice));
        Ok(ours.next().map(|mark| mark.commit.seq))
    }

    fn is_ours(&self, mark: &Mark, slice: &str) -> bool {
        let (theirs, ours) = (&mark.commit.key, &self.owner.key);
        mark.commit.slice == slice && theirs.run == ours.run && theirs.pipeline == ours.pipeline
    }

    /// Makes the pages that wait durable.
    fn flush(&mut self) -> Result<()> {
        let pages = self.buffer.take();
        if pages.is_empty() {
            return Ok(());
        }
        self.generation.create()?;
        if self.owner.replace {
            let record = self.record(pages)?;
            self.generation.log(self.progress.commits + 1, &record)?;
            self.progress.add(record);
            return Ok(());
        }
        self.append(pages)
    }

    /// Appended rows are durable and visible with the next manifest.
    fn append(&mut self, pages: Vec<Page>) -> Result<()> {
        let mut next = self.current()?;
        self.columns.join(&next.schema);
        if self.options.format == Format::Parquet && !next.schema.unite(&self.columns) {
            widen::widen(&self.table, &mut next.files, &self.columns)?;
        }
        let record = self.record(pages)?;
        self.generation.log(next.number + 1, &record)?;
        next.add(record.files);
        if !next.folders.contains(&self.generation.name) {
            next.folders.push(self.generation.name.clone());
        }
        for page in record.pages {
            let mark = Mark {
                commit: last_commit(&self.owner.key, page),
                published: false,
            };
            next.positions
                .retain(|other| !self.is_ours(other, &mark.commit.slice));
            next.positions.push(mark);
        }
        self.show(&mut next)
    }

    fn current(&self) -> Result<Manifest> {
        let current = Manifest::highest(&self.table)?;
        Ok(current.unwrap_or_else(|| self.first()))
    }

    fn first(&self) -> Manifest {
        Manifest::first(&self.named, &self.owner.key, self.options.format)
    }

    /// The table as this full load leaves it.
    fn complete_load(&mut self) -> Result<Manifest> {
        if self.options.format == Format::Parquet && !self.progress.unites(&self.columns) {
            widen::widen(&self.table, &mut self.progress.files, &self.columns)?;
        }
        let mut next = self.first();
        next.number = self.current()?.number;
        next.add(std::mem::take(&mut self.progress.files));
        next.folders.push(self.generation.name.clone());
        let last = std::mem::take(&mut self.progress.last).into_iter();
        next.positions = last
            .map(|commit| Mark {
                commit,
                published: true,
            })
            .collect();
        Ok(next)
    }

    /// The table as it is, with nothing left to resume. Only the last run can still be asked to
    /// repeat a commit.
    fn complete_append(&mut self) -> Result<Manifest> {
        let mut next = self.current()?;
        let ours = &self.owner.key;
        next.positions.retain(|mark| {
            let key = &mark.commit.key;
            !mark.published || key.pipeline != ours.pipeline || key.run == ours.run
        });
        for mark in &mut next.positions {
            mark.published |= mark.commit.key.pipeline == ours.pipeline;
        }
        Ok(next)
    }

    /// Puts `next` in the place of the manifest whose number it has.
    fn show(&self, next: &mut Manifest) -> Result<()> {
        next.key = self.owner.key.clone();
        next.schema = self.columns.clone();
        next.put_after(next.number, &self.table)?;
        if let Err(failure) = next.sweep(&self.table) {
            tracing::warn!("superseded files stay until the next run: {failure}");
        }
        Ok(())
    }

    /// Writes the rows of `pages`, and returns what to log.
    fn record(&self, pages: Vec<Page>) -> Result<Record> {
        let files = if self.options.format == Format::Raw {
            self.write_bodies(&pages)?
        } else {
            self.write_rows(&pages)?
        };
        let mut record = Record::new(&self.owner.key, &self.columns, files);
        record.pages = pages.into_iter().map(|page| page.commit).collect();
        Ok(record)
    }

    /// One file for all batches in a row that have one schema.
    fn write_rows(&self, pages: &[Page]) -> Result<Vec<FileEntry>> {
        let mut groups: Vec<(String, Vec<RecordBatch>)> = Vec::new();
        for page in pages {
            for (index, batch) in page.batches.iter().enumerate() {
                match groups.last_mut() {
                    Some((_, group)) if group[0].schema_ref() == batch.schema_ref() => {
                        group.push(batch.clone());
                    }
                    _ => groups.push((stem(&page.commit, index), vec![batch.clone()])),
                }
            }
        }
        let extension = format::extension(self.options.format);
        let groups = groups.iter().map(|(stem, batches)| {
            let held = Columns::of(batches[0].schema_ref())?;
            let columns = self.columns.stored(&held);
            let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
            self.file(&format!("{stem}.{extension}"), rows, |draft| {
                format::write(self.options.format, draft, &columns, batches)
            })
        });
        groups.collect()
    }

    /// One file for each body.
    fn write_bodies(&self, pages: &[Page]) -> Result<Vec<FileEntry>> {
        let mut files = Vec::new();
        for page in pages {
            let rows = page
                .batches
                .iter()
                .flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)));
            for (index, (batch, row)) in rows.enumerate() {
                let (body, extension) = raw::body(batch, row)?;
                let name = format!("{}.{extension}", stem(&page.commit, index));
                let path = self.generation.path(&name);
                let mut file = self.file(&name, 1, |draft| {
                    std::io::Write::write_all(draft, body).map_err(Failure::io("write", &path))
                })?;
                file.request_id = Some(page.commit.request.request_id);
                files.push(file);
            }
        }
        Ok(files)
    }

    fn file(
        &self,
        name: &str,
        rows: u64,
        write: impl FnOnce(&mut disk::Draft) -> Result<()>,
    ) -> Result<FileEntry> {
        Ok(FileEntry {
            path: format!("{}/{name}", self.generation.name),
            rows,
            bytes: disk::put(&self.generation.path(name), write)?,
            request_id: None,
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

fn check_current(
    current: Option<&Manifest>,
    generation: &Generation,
    owner: &Owner,
    format: Format,
) -> Result<()> {
    let Some(current) = current else {
        return Ok(());
    };
    if owner.replace && current.folders.contains(&generation.name) {
        let number = owner.key.generation;
        return Err(Failure::Refused(format!(
            "generation {number} is published already; begin another one"
        )));
    }
    if !owner.replace && current.format != format {
        return Err(Failure::Refused(format!(
            "the table holds {} files, and this run would add {format}; load into another table",
            current.format
        )));
    }
    Ok(())
}

fn check_ops(batch: &Batch) -> Result<()> {
    let ops = batch.ops.as_deref().unwrap_or_default();
    match ops.iter().find(|op| **op != RowOp::Insert) {
        None => Ok(()),
        Some(op) => Err(Failure::Refused(format!(
            "a row asks for {op:?}; the files destination only inserts"
        ))),
    }
}
