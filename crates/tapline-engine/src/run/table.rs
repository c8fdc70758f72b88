//! A table that is written outside of a run, and the columns that its writer was told of last.

use arrow_schema::{Schema, SchemaRef};
use tapline_core::{Batch, Commit, Receipt, Result, Writer};

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
