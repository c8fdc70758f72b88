//! The [`Writer`] of a table: hands each call to the thread that owns the connection.

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use tapline_core::{Batch, Commit, Published, Receipt, Result, SchemaChange, Writer};

use crate::session::Session;
use crate::worker::Worker;

pub(crate) struct SqliteWriter {
    pub(crate) worker: Worker<Session>,
    pub(crate) table: String,
}

impl SqliteWriter {
    async fn call<R: Send + 'static>(
        &self,
        operation: &'static str,
        job: impl FnOnce(&mut Session) -> crate::failure::Result<R> + Send + 'static,
    ) -> Result<R> {
        let result = self.worker.call(job).await;
        result.map_err(|failure| failure.at(operation).with("table", &self.table))
    }
}

#[async_trait]
impl Writer for SqliteWriter {
    async fn write(&mut self, batches: Vec<Batch>, commit: Commit) -> Result<Receipt> {
        let (slice, seq) = (commit.slice.clone(), commit.seq);
        self.call("commit", move |session| session.write(&batches, &commit))
            .await
            .map_err(|error| error.with("slice", slice).with("page", seq))
    }

    async fn evolve(&mut self, schema: SchemaRef) -> Result<SchemaChange> {
        self.call("evolve", move |session| session.evolve(&schema))
            .await
    }

    async fn evolve_child(&mut self, child: &str, schema: SchemaRef) -> Result<SchemaChange> {
        let child = child.to_owned();
        self.call("evolve", move |session| {
            session.evolve_child(&child, &schema)
        })
        .await
    }

    /// Every page is durable already.
    async fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    async fn publish(self: Box<Self>) -> Result<Published> {
        self.call("publish", Session::publish).await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.call("abort", Session::abort).await
    }
}
