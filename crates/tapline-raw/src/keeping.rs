//! A destination that keeps the raw page before it keeps the rows.

use std::sync::Arc;

use arrow_schema::{Field, SchemaRef};
use async_trait::async_trait;
use tapline_core::{
    Batch, Capabilities, Commit, CommitKey, Compute, Destination, Disposition, FoundTable,
    KeptReject, LastCommit, LoadedPages, Published, RawStore, Receipt, RejectKey, Result,
    SchemaChange, TableRef, Writer, compute,
};
use uuid::Uuid;

/// `inner`, with the raw pages in a store.
pub struct KeepingDestination {
    inner: Arc<dyn Destination>,
    raw: Arc<dyn RawStore>,
    compute: Arc<dyn Compute>,
}

impl KeepingDestination {
    /// Puts pages into `raw` on the threads of `compute`.
    pub fn new(
        inner: Arc<dyn Destination>,
        raw: Arc<dyn RawStore>,
        compute: Arc<dyn Compute>,
    ) -> Self {
        Self {
            inner,
            raw,
            compute,
        }
    }
}

#[async_trait]
impl Destination for KeepingDestination {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn begin(
        &self,
        table: &TableRef,
        schema: SchemaRef,
        disposition: Disposition,
        key: CommitKey,
    ) -> Result<Box<dyn Writer>> {
        let run = key.run;
        Ok(Box::new(KeepingWriter {
            inner: self.inner.begin(table, schema, disposition, key).await?,
            raw: self.raw.clone(),
            compute: self.compute.clone(),
            run,
        }))
    }

    async fn find(&self, table: &TableRef, pipeline: &str) -> Result<FoundTable> {
        self.inner.find(table, pipeline).await
    }

    async fn columns(&self, table: &TableRef, schema: SchemaRef) -> Result<Vec<Option<Field>>> {
        self.inner.columns(table, schema).await
    }

    async fn rejects(
        &self,
        table: &TableRef,
        pipeline: &str,
        after: Option<&RejectKey>,
        limit: usize,
    ) -> Result<Vec<KeptReject>> {
        self.inner.rejects(table, pipeline, after, limit).await
    }

    async fn pages(&self, table: &TableRef, pipeline: &str) -> Result<LoadedPages> {
        self.inner.pages(table, pipeline).await
    }

    async fn recover(&self, pipeline: &str) -> Result<Vec<LastCommit>> {
        self.inner.recover(pipeline).await
    }
}

struct KeepingWriter {
    inner: Box<dyn Writer>,
    raw: Arc<dyn RawStore>,
    compute: Arc<dyn Compute>,
    run: Uuid,
}

#[async_trait]
impl Writer for KeepingWriter {
    async fn write(&mut self, batches: Vec<Batch>, mut commit: Commit) -> Result<Receipt> {
        if let Some(page) = commit.raw.take() {
            let (raw, run, request) = (self.raw.clone(), self.run, commit.request.clone());
            compute(&*self.compute, move || raw.put(run, &request, &page)).await??;
        }
        self.inner.write(batches, commit).await
    }

    async fn evolve(&mut self, schema: SchemaRef) -> Result<SchemaChange> {
        self.inner.evolve(schema).await
    }

    async fn evolve_child(&mut self, child: &str, schema: SchemaRef) -> Result<SchemaChange> {
        self.inner.evolve_child(child, schema).await
    }

    async fn flush(&mut self) -> Result<()> {
        self.inner.flush().await
    }

    async fn publish(self: Box<Self>) -> Result<Published> {
        self.inner.publish().await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.inner.abort().await
    }
}
