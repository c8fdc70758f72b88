//! The [`Writer`] of a table. Each call is a task of its own, which waits for the one before: if the
//! caller gives up, the call is still carried out, and no transaction is left open.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::future::BoxFuture;
use tapline_core::{Batch, Commit, Published, Receipt, Result, SchemaChange, Writer};
use tokio::sync::Mutex;

use crate::failure::Failure;
use crate::session::Session;

pub(crate) struct PostgresWriter {
    session: Arc<Mutex<Session>>,
    table: String,
}

impl PostgresWriter {
    pub(crate) fn new(session: Session, table: &str) -> Self {
        Self {
            session: Arc::new(Mutex::new(session)),
            table: table.to_owned(),
        }
    }

    async fn call<R: Send + 'static>(
        &self,
        operation: &'static str,
        job: impl FnOnce(&mut Session) -> BoxFuture<'_, crate::failure::Result<R>> + Send + 'static,
    ) -> Result<R> {
        let session = Arc::clone(&self.session);
        let task = tokio::spawn(async move { job(&mut *session.lock().await).await });
        let done = task.await.map_err(Failure::from).flatten();
        done.map_err(|failure| failure.at(operation).with("table", &self.table))
    }
}

#[async_trait]
impl Writer for PostgresWriter {
    async fn write(&mut self, batches: Vec<Batch>, commit: Commit) -> Result<Receipt> {
        let (slice, seq) = (commit.slice.clone(), commit.seq);
        self.call("commit", move |session| {
            Box::pin(async move { session.write(&batches, &commit).await })
        })
        .await
        .map_err(|error| error.with("slice", slice).with("page", seq))
    }

    async fn evolve(&mut self, schema: SchemaRef) -> Result<SchemaChange> {
        self.call("evolve", move |session| {
            Box::pin(async move { session.evolve(&schema).await })
        })
        .await
    }

    async fn evolve_child(&mut self, child: &str, schema: SchemaRef) -> Result<SchemaChange> {
        let child = child.to_owned();
        self.call("evolve", move |session| {
            Box::pin(async move { session.evolve_child(&child, &schema).await })
        })
        .await
    }

    /// Every page is durable already.
    async fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    async fn publish(self: Box<Self>) -> Result<Published> {
        self.call("publish", |session| Box::pin(session.publish()))
            .await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.call("abort", |session| Box::pin(session.abort()))
            .await
    }
}
