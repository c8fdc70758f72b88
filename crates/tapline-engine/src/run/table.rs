//! A table that is written outside of a run: by nobody else, and with the columns that its writer was
//! told of last.

use arrow_schema::{Schema, SchemaRef};
use tapline_core::{
    Batch, Commit, CommitKey, Doors, Error, ErrorKind, FoundTable, Lease, Receipt, Result, Writer,
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

/// A table that is open.
pub(super) struct Table {
    writer: Box<dyn Writer>,
    schema: SchemaRef,
}

impl Table {
    /// A table that `writer` was opened for with the columns `schema`.
    pub(super) fn new(writer: Box<dyn Writer>, schema: SchemaRef) -> Self {
        Self { writer, schema }
    }

    /// The columns with which a table is opened for `batches`.
    pub(super) fn schema_of(batches: &[Batch]) -> SchemaRef {
        let empty = || SchemaRef::new(Schema::empty());
        batches.first().map_or_else(empty, |it| it.records.schema())
    }

    /// Writes a page, after its columns if they are others.
    pub(super) async fn write(&mut self, batches: Vec<Batch>, commit: Commit) -> Result<Receipt> {
        if let Some(batch) = batches.first()
            && *batch.records.schema_ref() != self.schema
        {
            self.schema = batch.records.schema();
            let _ = self.writer.evolve(SchemaRef::clone(&self.schema)).await?;
        }
        self.writer.write(batches, commit).await
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
