//! The [`Writer`] of a table: hands each call to the compute door, for disks block.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use tapline_core::{
    Batch, Clock, Commit, Compute, Published, Receipt, Result, SchemaChange, Writer, compute,
};

use crate::failure::Failure;
use crate::session::Session;

pub(crate) struct FilesWriter {
    /// `None` while a call is under way, and for ever if one was given up.
    pub(crate) session: Option<Session>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) compute: Arc<dyn Compute>,
    pub(crate) table: String,
}

impl FilesWriter {
    async fn call<R: Send + 'static>(
        &mut self,
        operation: &'static str,
        job: impl FnOnce(&mut Session) -> crate::failure::Result<R> + Send + 'static,
    ) -> Result<R> {
        let failed = |failure: Failure| failure.at(operation).with("table", &self.table);
        let mut session = self.session.take().ok_or_else(|| failed(Failure::Gone))?;
        let work = compute(&*self.compute, move || {
            let result = job(&mut session);
            (session, result)
        });
        let (session, result) = work.await?;
        self.session = Some(session);
        result.map_err(failed)
    }
}

#[async_trait]
impl Writer for FilesWriter {
    async fn write(&mut self, batches: Vec<Batch>, commit: Commit) -> Result<Receipt> {
        let (slice, seq) = (commit.slice.clone(), commit.seq);
        let now = self.clock.elapsed();
        self.call("commit", move |session| session.write(batches, commit, now))
            .await
            .map_err(|error| error.with("slice", slice).with("page", seq))
    }

    async fn evolve(&mut self, schema: SchemaRef) -> Result<SchemaChange> {
        self.call("evolve", move |session| session.evolve(&schema))
            .await
    }

    async fn flush(&mut self) -> Result<()> {
        self.call("flush", Session::keep).await
    }

    async fn publish(mut self: Box<Self>) -> Result<Published> {
        self.call("publish", Session::publish).await
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.call("abort", Session::abort).await
    }
}
