//! The doors, each as a wrapper that lets faults happen.

use std::sync::Arc;
use std::time::Duration;

use arrow_schema::{Field, SchemaRef};
use async_trait::async_trait;
use serde_json::Value;
use tapline_core::{
    Batch, Capabilities, Commit, CommitKey, Destination, Disposition, Document, ErrorKind,
    FoundTable, KeptReject, LastCommit, Lease, LoadedPages, LogEntry, Published, Receipt,
    RejectKey, Request, Response, Result, SchemaChange, Secret, StateStore, TableRef, Transport,
    Writer,
};

use super::Faults;

/// A transport to which faults happen.
pub struct FaultyTransport {
    inner: Arc<dyn Transport>,
    faults: Arc<Faults>,
}

impl FaultyTransport {
    /// `inner`, with `faults`.
    pub fn new(inner: Arc<dyn Transport>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }
}

#[async_trait]
impl Transport for FaultyTransport {
    async fn send(&self, request: Request) -> Result<Response> {
        let call = self.inner.send(request);
        let kind = ErrorKind::Unavailable;
        self.faults.around("send", kind, call).await
    }
}

/// A destination to which faults happen, and to its writers.
pub struct FaultyDestination {
    inner: Arc<dyn Destination>,
    faults: Arc<Faults>,
}

impl FaultyDestination {
    /// `inner`, with `faults`.
    pub fn new(inner: Arc<dyn Destination>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }
}

#[async_trait]
impl Destination for FaultyDestination {
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
        let call = self.inner.begin(table, schema, disposition, key);
        let kind = ErrorKind::Destination;
        let inner = self.faults.around("begin", kind, call).await?;
        Ok(Box::new(FaultyWriter {
            inner,
            faults: self.faults.clone(),
        }))
    }

    async fn find(&self, table: &TableRef, pipeline: &str) -> Result<FoundTable> {
        let call = self.inner.find(table, pipeline);
        let kind = ErrorKind::Destination;
        self.faults.around("find", kind, call).await
    }

    async fn columns(&self, table: &TableRef, schema: SchemaRef) -> Result<Vec<Option<Field>>> {
        let call = self.inner.columns(table, schema);
        self.faults
            .around("columns", ErrorKind::Destination, call)
            .await
    }

    async fn rejects(
        &self,
        table: &TableRef,
        pipeline: &str,
        after: Option<&RejectKey>,
        limit: usize,
    ) -> Result<Vec<KeptReject>> {
        let call = self.inner.rejects(table, pipeline, after, limit);
        self.faults
            .around("rejects", ErrorKind::Destination, call)
            .await
    }

    async fn pages(&self, table: &TableRef, pipeline: &str) -> Result<LoadedPages> {
        let call = self.inner.pages(table, pipeline);
        self.faults
            .around("pages", ErrorKind::Destination, call)
            .await
    }

    async fn recover(&self, pipeline: &str) -> Result<Vec<LastCommit>> {
        let call = self.inner.recover(pipeline);
        let kind = ErrorKind::Destination;
        self.faults.around("recover", kind, call).await
    }
}

struct FaultyWriter {
    inner: Box<dyn Writer>,
    faults: Arc<Faults>,
}

#[async_trait]
impl Writer for FaultyWriter {
    async fn write(&mut self, batches: Vec<Batch>, commit: Commit) -> Result<Receipt> {
        let call = self.inner.write(batches, commit);
        let kind = ErrorKind::Destination;
        self.faults.around("write", kind, call).await
    }

    async fn evolve(&mut self, schema: SchemaRef) -> Result<SchemaChange> {
        let call = self.inner.evolve(schema);
        let kind = ErrorKind::Destination;
        self.faults.around("evolve", kind, call).await
    }

    async fn evolve_child(&mut self, child: &str, schema: SchemaRef) -> Result<SchemaChange> {
        let call = self.inner.evolve_child(child, schema);
        let kind = ErrorKind::Destination;
        self.faults.around("evolve", kind, call).await
    }

    async fn flush(&mut self) -> Result<()> {
        let kind = ErrorKind::Destination;
        self.faults.around("flush", kind, self.inner.flush()).await
    }

    async fn publish(self: Box<Self>) -> Result<Published> {
        let kind = ErrorKind::Destination;
        let call = self.inner.publish();
        self.faults.around("publish", kind, call).await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        let kind = ErrorKind::Destination;
        self.faults.around("abort", kind, self.inner.abort()).await
    }
}

/// A state store to which faults happen.
pub struct FaultyState {
    inner: Arc<dyn StateStore>,
    faults: Arc<Faults>,
}

impl FaultyState {
    /// `inner`, with `faults`.
    pub fn new(inner: Arc<dyn StateStore>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }

    async fn around<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.faults.around(name, ErrorKind::State, call).await
    }
}

#[async_trait]
impl StateStore for FaultyState {
    async fn get(&self, namespace: &str, key: &str) -> Result<Option<Document>> {
        self.around("get", self.inner.get(namespace, key)).await
    }

    async fn put(
        &self,
        namespace: &str,
        key: &str,
        value: &Value,
        expected: Option<u64>,
    ) -> Result<u64> {
        let call = self.inner.put(namespace, key, value, expected);
        self.around("put", call).await
    }

    async fn list(&self, namespace: &str, prefix: &str) -> Result<Vec<(String, Document)>> {
        self.around("list", self.inner.list(namespace, prefix))
            .await
    }

    async fn lease(&self, name: &str, wait: Duration, above: u64) -> Result<Box<dyn Lease>> {
        self.around("lease", self.inner.lease(name, wait, above))
            .await
    }

    async fn append(&self, log: &str, entry: &Value) -> Result<u64> {
        self.around("append", self.inner.append(log, entry)).await
    }

    async fn tail(&self, log: &str, limit: u32) -> Result<Vec<LogEntry>> {
        self.around("tail", self.inner.tail(log, limit)).await
    }

    async fn seal(&self, name: &str, secret: &Secret) -> Result<bool> {
        self.around("seal", self.inner.seal(name, secret)).await
    }

    async fn unseal(&self, name: &str) -> Result<Option<Secret>> {
        self.around("unseal", self.inner.unseal(name)).await
    }
}
