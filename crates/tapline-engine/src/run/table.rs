//! A table that is written, with the columns that its writer was told of last; and the sole right to one
//! that is written outside of a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use tapline_core::{
    Batch, Commit, CommitKey, Destination, Disposition, Doors, Error, ErrorKind, FoundTable, Lease,
    Receipt, Result, SchemaChange, TableRef, Writer,
};

use super::RunTask;

/// The sole right to write the table of a pipeline of which no run was cut.
pub(super) async fn alone(
    task: &RunTask,
    doors: &Doors,
    found: FoundTable,
    doing: &'static str,
) -> Result<(Box<dyn Lease>, CommitKey)> {
    let pipeline = &task.pipeline;
    let name = format!("pipeline/{pipeline}");
    let lease = doors.state.lease(&name, task.lock_wait, found.fence);
    let lease = lease.await?;
    if !doors.destination.recover(pipeline).await?.is_empty() {
        let message = "a run of the pipeline was cut; let `tapline run` finish it first";
        return Err(Error::new(ErrorKind::Usage, doing, message));
    }
    let key = CommitKey {
        pipeline: pipeline.clone(),
        run: task.run_id,
        // Nothing is left of any other.
        generation: lease.fence(),
        fence: lease.fence(),
    };
    Ok((lease, key))
}

/// The columns of a table and of its child tables.
#[derive(Clone)]
pub(super) struct Schemas {
    pub(super) table: SchemaRef,
    children: BTreeMap<Arc<str>, SchemaRef>,
}

impl From<SchemaRef> for Schemas {
    fn from(table: SchemaRef) -> Self {
        Self {
            table,
            children: BTreeMap::new(),
        }
    }
}

impl Schemas {
    /// Those of `batches`; `None` if there are none.
    pub(super) fn of(batches: &[Batch]) -> Option<Self> {
        let own = batches.iter().find(|it| it.child.is_none())?;
        let mut schemas = Self::from(own.records.schema());
        for batch in batches {
            if let Some(child) = &batch.child {
                let schema = batch.records.schema();
                schemas.children.insert(Arc::clone(child), schema);
            }
        }
        Some(schemas)
    }

    /// No columns at all.
    pub(super) fn none() -> Self {
        Self::from(SchemaRef::new(Schema::empty()))
    }
}

/// A table that is open, and its child tables.
pub(super) struct Table {
    writer: Box<dyn Writer>,
    /// What the writer was told of last.
    known: Schemas,
}

impl Table {
    /// Opens `table` and its child tables with the columns `schemas`.
    pub(super) async fn open(
        destination: &dyn Destination,
        table: &TableRef,
        schemas: Schemas,
        disposition: Disposition,
        key: CommitKey,
    ) -> Result<Self> {
        let begun = destination.begin(table, schemas.table.clone(), disposition, key);
        let mut writer = begun.await?;
        for (child, schema) in &schemas.children {
            let _ = writer.evolve_child(child, SchemaRef::clone(schema)).await?;
        }
        Ok(Self {
            writer,
            known: schemas,
        })
    }

    /// Writes a page. Its columns are told first where they are others than before; what that `changed` is
    /// said even if the page is not written then.
    pub(super) async fn write(
        &mut self,
        batches: Vec<Batch>,
        commit: Commit,
        mut changed: impl FnMut(SchemaChange),
    ) -> Result<Receipt> {
        for batch in &batches {
            if let Some(change) = self.evolve(batch).await? {
                changed(change);
            }
        }
        self.writer.write(batches, commit).await
    }

    async fn evolve(&mut self, batch: &Batch) -> Result<Option<SchemaChange>> {
        let schema = batch.records.schema();
        let known = match &batch.child {
            None => Some(&self.known.table),
            Some(child) => self.known.children.get(child),
        };
        if known == Some(&schema) {
            return Ok(None);
        }
        let told = SchemaRef::clone(&schema);
        let change = match &batch.child {
            None => {
                self.known.table = schema;
                self.writer.evolve(told).await?
            }
            Some(child) => {
                self.known.children.insert(Arc::clone(child), schema);
                self.writer.evolve_child(child, told).await?
            }
        };
        Ok(Some(change))
    }

    /// Makes durable what was only taken.
    pub(super) async fn flush(&mut self) -> Result<()> {
        self.writer.flush().await
    }

    /// Shows what was written.
    pub(super) async fn publish(self) -> Result<()> {
        self.writer.publish().await.map(drop)
    }

    /// Forgets what is hidden.
    pub(super) async fn abort(self) -> Result<()> {
        self.writer.abort().await
    }
}
