//! One run's hand on one table, without anything asynchronous.

use std::path::Path;
use std::time::Duration;

use arrow_schema::Schema;
use tapline_core::{Batch, Commit, Published, Receipt, RowOp, SchemaChange, TableRef};

use crate::columns::Columns;
use crate::destination::{CommitEvery, Format};
use crate::failure::{Failure, Result};
use crate::format::raw;
use crate::generation::{self, Generation, Owner, Progress, Record, last_commit};
use crate::group::{Group, Place};
use crate::manifest::{Manifest, Mark};
use crate::table::Table;
use crate::widen;

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
    /// Pages that are not durable yet.
    group: Group,
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
        let announced = announced(schema, options.format)?;
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
        generation.tidy()?;
        let (progress, mut columns) = if owner.replace {
            let progress = generation.progress()?;
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
            group: Group::default(),
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
        if self.group.last_seq(&commit.slice) < Some(commit.seq) {
            for batch in &batches {
                check_ops(batch)?;
                self.columns
                    .check_holds(&Columns::of(batch.records.schema_ref())?)?;
            }
            // Whoever took the pipeline over removes our drafts and writes its own.
            let _turn = self.table.enter(&self.owner.key)?;
            self.attempt(|session| session.take(batches, commit, now))?;
        }
        receipt.durable = self.group.is_empty();
        Ok(receipt)
    }

    /// Adds a page to the group, and ends the group if it is time.
    fn take(&mut self, batches: Vec<Batch>, commit: Commit, now: Duration) -> Result<()> {
        self.generation.create()?;
        let place = Place {
            generation: &self.generation,
            format: self.options.format,
            columns: &self.columns,
        };
        let batches = batches.into_iter().map(|batch| batch.records);
        self.group.push(&place, batches, commit, now)?;
        if self.options.commit == CommitEvery::Page || self.group.is_due(now) {
            self.flush()?;
        }
        Ok(())
    }

    pub(crate) fn evolve(&mut self, schema: &Schema) -> Result<SchemaChange> {
        self.check_whole()?;
        let mut columns = self.columns.clone();
        let change = columns.join(&announced(schema, self.options.format)?);
        if columns != self.columns && !self.group.is_empty() {
            // The log says for which columns the files were written.
            let _turn = self.table.enter(&self.owner.key)?;
            self.attempt(Self::flush)?;
        }
        self.columns.join(&columns);
        Ok(change)
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

    /// Makes what waits durable. After a failed commit there is nothing to do: a later run recovers
    /// what is true then.
    pub(crate) fn keep(&mut self) -> Result<()> {
        if self.broken {
            return Ok(());
        }
        let _turn = self.table.enter(&self.owner.key)?;
        self.attempt(Self::flush)
    }

    /// Appended rows stay.
    pub(crate) fn abort(&mut self) -> Result<()> {
        let _turn = self.table.enter(&self.owner.key)?;
        if self.owner.replace {
            return self.generation.remove();
        }
        self.generation.tidy()?;
        let mut next = self.current()?;
        let before = next.positions.len();
        let ours = &self.owner.key;
        next.positions.retain(|mark| !mark.is_of(ours));
        if next.positions.len() == before {
            return Ok(());
        }
        self.columns.join(&next.schema);
        self.show(&mut next)
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
        let ours = &self.owner.key;
        mark.commit.slice == slice && mark.is_of(ours)
    }

    /// Makes the pages of the group durable.
    fn flush(&mut self) -> Result<()> {
        if self.group.is_empty() {
            return Ok(());
        }
        let (files, pages) = self.group.end()?;
        let format = self.options.format;
        let mut record = Record::new(&self.owner.key, format, &self.columns, files);
        record.pages = pages;
        if self.owner.replace {
            self.generation.log(self.progress.commits + 1, &record)?;
            self.progress.add(record);
            return Ok(());
        }
        self.append(record)
    }

    /// Appended rows are durable and visible with the next manifest.
    fn append(&mut self, mut record: Record) -> Result<()> {
        let mut next = self.current()?;
        self.columns.join(&next.schema);
        if self.options.format == Format::Parquet {
            let shown = (&next.schema, &mut next.files);
            for (schema, files) in [shown, (&record.schema, &mut record.files)] {
                if !schema.unite(&self.columns) {
                    widen::widen(&self.table, files, &self.columns)?;
                }
            }
        }
        record.schema = self.columns.clone();
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
            let is_others = mark.commit.key.pipeline != ours.pipeline;
            !mark.published || is_others || mark.is_of(ours)
        });
        for mark in &mut next.positions {
            mark.published |= mark.is_of(ours);
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

/// The columns of `schema`, as far as files of this format have them.
fn announced(schema: &Schema, format: Format) -> Result<Columns> {
    let columns = Columns::of(schema)?;
    let nested = columns.0.iter().find(|it| it.kind.is_typed_nested());
    match nested.filter(|_| format != Format::Parquet) {
        None => Ok(columns),
        Some(column) => Err(Failure::Refused(format!(
            "column {:?} holds structs or lists, and {format} has none; `nested: json` keeps them",
            column.name
        ))),
    }
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
