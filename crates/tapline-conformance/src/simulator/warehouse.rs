//! A destination in memory: what is durable stands in [`Disk`], and what is not yet durable
//! stands in the futures of its calls and dies with them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use tapline_core::{
    Batch, Capabilities, Commit, CommitKey, Destination, Disposition, Error, ErrorKind, FoundTable,
    LastCommit, Published, Receipt, Result, SchemaChange, TableRef, Writer,
};

use super::stage::Stage;
use crate::lock::lock;

/// A row as readers see it.
pub(super) type Row = (u64, String);

/// A bug planted in the destination: a simulator that does not find it is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A lower fence is accepted.
    IgnoresFence,
    /// The old table is dropped before the new one is in its place.
    TornPublication,
    /// What is forgotten is shown.
    ShowsAborted,
    /// Hidden tables of dead runs stay.
    KeepsStale,
    /// A receipt is given for the third page, and the page is not kept.
    LosesPage,
    /// What is not durable yet is left out of the publication.
    PublishesEarly,
    /// A generation that is gone on with has lost its rows, though not its position.
    LosesKept,
}

/// Pages that a lazy destination collects before it makes them durable.
const LAZY: usize = 3;

/// What survives a crash.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    /// The highest fence seen.
    fence: u64,
    /// The table readers see.
    pub(super) visible: Option<Table>,
    /// Tables being filled, by generation.
    pub(super) hidden: BTreeMap<u64, Table>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    /// The fence of the run that filled it.
    pub(super) fence: u64,
    /// Rows that were there when that run began.
    pub(super) kept: usize,
    last: Option<LastCommit>,
}

impl Table {
    /// Adds a page, unless it is there already.
    fn add(&mut self, rows: Vec<Row>, commit: LastCommit) {
        if self.last.as_ref().is_none_or(|last| last.seq < commit.seq) {
            self.rows.extend(rows);
            self.last = Some(commit);
        }
    }
}

/// One run's handle on the destination.
#[derive(Clone)]
pub(super) struct Warehouse {
    stage: Stage,
    run: u64,
    flaw: Option<Flaw>,
    /// Whether pages become durable only some at a time.
    lazy: bool,
    disk: Arc<Mutex<Disk>>,
}

impl Warehouse {
    /// A destination with `old` rows in its table.
    pub(super) fn new(stage: Stage, flaw: Option<Flaw>, lazy: bool, old: Option<Vec<Row>>) -> Self {
        let visible = old.map(|rows| Table {
            rows,
            ..Table::default()
        });
        let disk = Disk {
            visible,
            ..Disk::default()
        };
        Self {
            stage,
            run: 0,
            flaw,
            lazy,
            disk: Arc::new(Mutex::new(disk)),
        }
    }

    /// The handle of another run.
    pub(super) fn of(&self, run: u64) -> Self {
        Self {
            run,
            ..self.clone()
        }
    }

    /// What is durable now.
    pub(super) fn disk(&self) -> Disk {
        lock(&self.disk).clone()
    }

    /// Does `change` durably, in one step, unless a higher fence was seen.
    async fn commit<T>(
        &self,
        fence: u64,
        change: impl FnOnce(&mut Disk) -> Result<T> + Send,
    ) -> Result<T> {
        self.stage.pause().await;
        let changed = {
            let mut disk = lock(&self.disk);
            if fence < disk.fence && self.flaw != Some(Flaw::IgnoresFence) {
                let message = format!("fence {fence} is lower than {}", disk.fence);
                Err(Error::new(ErrorKind::Locked, "commit", message))
            } else {
                disk.fence = disk.fence.max(fence);
                change(&mut disk)
            }
        };
        self.stage.pause().await;
        changed
    }

    fn note(&self, what: String) {
        self.stage.note(self.run, what);
    }
}

#[async_trait]
impl Destination for Warehouse {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            replace: true,
            merge: false,
            delete: false,
            transactional_position: true,
            nested: false,
        }
    }

    async fn begin(
        &self,
        _: &TableRef,
        schema: SchemaRef,
        disposition: Disposition,
        key: CommitKey,
    ) -> Result<Box<dyn Writer>> {
        if disposition != Disposition::Replace {
            return Err(failed("the simulated destination only replaces"));
        }
        let keeps = self.flaw == Some(Flaw::KeepsStale);
        let loses = self.flaw == Some(Flaw::LosesKept);
        let begin = |disk: &mut Disk| {
            disk.hidden
                .retain(|generation, _| keeps || *generation == key.generation);
            let table = disk.hidden.entry(key.generation).or_default();
            table.fence = key.fence;
            table.kept = table.rows.len();
            if loses {
                table.rows.clear();
            }
            Ok(())
        };
        self.commit(key.fence, begin).await?;
        self.note(format!("began generation {}", key.generation));
        Ok(Box::new(Hand {
            warehouse: self.clone(),
            schema,
            key,
            taken: Vec::new(),
        }))
    }

    async fn find(&self, _: &TableRef, _: &str) -> Result<FoundTable> {
        self.stage.pause().await;
        let disk = lock(&self.disk);
        Ok(FoundTable {
            is_there: disk.visible.is_some(),
            fence: disk.fence,
        })
    }

    async fn recover(&self, pipeline: &str) -> Result<Vec<LastCommit>> {
        self.stage.pause().await;
        let disk = lock(&self.disk);
        let last = disk.hidden.values().filter_map(|table| table.last.clone());
        Ok(last.filter(|last| last.key.pipeline == pipeline).collect())
    }
}

struct Hand {
    warehouse: Warehouse,
    schema: SchemaRef,
    key: CommitKey,
    /// Pages that are not durable yet.
    taken: Vec<(Vec<Row>, LastCommit)>,
}

impl Hand {
    fn rows(&self, batches: &[Batch]) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for batch in batches {
            let mut fields = batch.records.schema_ref().fields().iter();
            if !fields.all(|field| self.schema.fields().iter().any(|known| known == field)) {
                return Err(failed("a batch has a column that was not announced"));
            }
            rows.extend(read(&batch.records)?);
        }
        Ok(rows)
    }

    /// Makes durable what was taken.
    async fn settle(&mut self) -> Result<()> {
        let taken = std::mem::take(&mut self.taken);
        let generation = self.key.generation;
        let write = |disk: &mut Disk| {
            let hidden = disk.hidden.get_mut(&generation);
            let table = hidden.ok_or_else(|| failed("the generation is gone"))?;
            for (rows, commit) in taken {
                table.add(rows, commit);
            }
            Ok(())
        };
        self.warehouse.commit(self.key.fence, write).await
    }
}

#[async_trait]
impl Writer for Hand {
    async fn write(&mut self, batches: Vec<Batch>, commit: Commit) -> Result<Receipt> {
        let rows = self.rows(&batches)?;
        let (accepted, seq) = (rows.len() as u64, commit.seq);
        let last = LastCommit {
            key: self.key.clone(),
            slice: commit.slice,
            seq,
            position: commit.position,
            progress: commit.progress,
        };
        if seq != 3 || self.warehouse.flaw != Some(Flaw::LosesPage) {
            self.taken.push((rows, last));
        }
        let durable = !self.warehouse.lazy || self.taken.len() >= LAZY;
        if durable {
            self.settle().await?;
        }
        self.warehouse.note(format!(
            "took page {seq}, {accepted} rows, durable: {durable}"
        ));
        Ok(Receipt {
            seq,
            durable,
            accepted,
            rejected: Vec::new(),
        })
    }

    async fn evolve(&mut self, schema: SchemaRef) -> Result<SchemaChange> {
        self.warehouse.commit(self.key.fence, |_| Ok(())).await?;
        self.schema = schema;
        Ok(SchemaChange::default())
    }

    async fn flush(&mut self) -> Result<()> {
        self.settle().await?;
        self.warehouse.note("flushed".to_owned());
        Ok(())
    }

    async fn publish(mut self: Box<Self>) -> Result<Published> {
        if self.warehouse.flaw != Some(Flaw::PublishesEarly) {
            self.settle().await?;
        }
        let CommitKey {
            generation, fence, ..
        } = self.key;
        if self.warehouse.flaw == Some(Flaw::TornPublication) {
            let drop_old = |disk: &mut Disk| {
                disk.visible = None;
                Ok(())
            };
            self.warehouse.commit(fence, drop_old).await?;
        }
        let publish = |disk: &mut Disk| {
            let hidden = disk.hidden.remove(&generation);
            let table = hidden.ok_or_else(|| failed("the generation is gone"))?;
            let rows = table.rows.len() as u64;
            disk.visible = Some(table);
            Ok(rows)
        };
        let rows = self.warehouse.commit(fence, publish).await?;
        self.warehouse.note(format!("published {rows} rows"));
        Ok(Published { rows })
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        let CommitKey {
            generation, fence, ..
        } = self.key;
        let shows = self.warehouse.flaw == Some(Flaw::ShowsAborted);
        let abort = |disk: &mut Disk| {
            let table = disk.hidden.remove(&generation);
            if shows {
                disk.visible = table;
            }
            Ok(())
        };
        self.warehouse.commit(fence, abort).await?;
        self.warehouse.note("aborted".to_owned());
        Ok(())
    }
}

fn read(records: &RecordBatch) -> Result<Vec<Row>> {
    let column = |name| {
        let column = records.column_by_name(name);
        column.ok_or_else(|| failed("a batch without a column of its records"))
    };
    if records.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let ids = column("id")?.as_primitive_opt::<Int64Type>();
    let names = column("name")?.as_string_opt::<i32>();
    let (Some(ids), Some(names)) = (ids, names) else {
        return Err(failed("a column has another type than its records"));
    };
    let row = |index| {
        (
            ids.value(index).cast_unsigned(),
            names.value(index).to_owned(),
        )
    };
    Ok((0..ids.len()).map(row).collect())
}

fn failed(message: &str) -> Error {
    Error::new(ErrorKind::Destination, "simulated destination", message)
}
