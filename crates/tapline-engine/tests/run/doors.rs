//! Doors that keep everything in memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::{DataType, SchemaRef};
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use tapline_core::{
    Batch, CancellationToken, Capabilities, Clock, Commit, CommitKey, Destination, Disposition,
    Document, Doors, Error, Events, Hooks, Inline, LastCommit, Lease, Limits, LogEntry, NoHooks,
    Params, Published, Receipt, Redactor, Request, Response, Result, RunEvent, SchemaChange,
    Secret, StateStore, TableRef, Transport, Window, Writer,
};
use tapline_engine::{HttpSource, HttpSourceConfig, Outcome, PageForm, RunTask, SyncMode, run};
use tapline_spec::Plan;
use uuid::Uuid;

/// A page of JSON.
pub(crate) fn answer(page: Value) -> (u16, Bytes) {
    (200, page.to_string().into())
}

type Answers = dyn Fn(&str) -> Result<(u16, Bytes)> + Send + Sync;

/// Requests of which the URL is noted.
const NOTED: u64 = 1_000;

/// An API that answers by URL.
pub(crate) struct Api {
    answers: Box<Answers>,
    requests: AtomicU64,
    urls: Mutex<Vec<String>>,
}

impl Api {
    pub(crate) fn new(
        answers: impl Fn(&str) -> Result<(u16, Bytes)> + Send + Sync + 'static,
    ) -> Self {
        Self {
            answers: Box::new(answers),
            requests: AtomicU64::new(0),
            urls: Mutex::default(),
        }
    }
}

#[async_trait]
impl Transport for Api {
    async fn send(&self, request: Request) -> Result<Response> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        if number < NOTED {
            self.urls.lock().unwrap().push(request.url.to_string());
        }
        let (status, body) = (self.answers)(request.url.as_str())?;
        let status = StatusCode::from_u16(status).unwrap();
        Ok(Response::full(status, HeaderMap::new(), body))
    }
}

/// One pipeline and everything outside of it.
pub(crate) struct World {
    api: Arc<Api>,
    plan: Arc<Plan>,
    hooks: Arc<dyn Hooks>,
    table: Arc<Mutex<Table>>,
    state: Arc<Memory>,
    form: PageForm,
    max_pages: Option<u64>,
    told: Arc<Mutex<Vec<String>>>,
}

#[derive(Default)]
struct Table {
    hidden: Vec<u64>,
    visible: Option<Vec<u64>>,
    schemas: usize,
    seq: u64,
    slices: Vec<String>,
    bodies: Vec<Bytes>,
    lazy: bool,
    generation: u64,
}

impl World {
    pub(crate) fn new(plan: Plan, api: Api) -> Self {
        Self {
            api: Arc::new(api),
            plan: Arc::new(plan),
            hooks: Arc::new(NoHooks),
            table: Arc::default(),
            state: Arc::default(),
            form: PageForm::Rows,
            max_pages: None,
            told: Arc::default(),
        }
    }

    pub(crate) fn with_hooks(mut self, hooks: impl Hooks + 'static) -> Self {
        self.hooks = Arc::new(hooks);
        self
    }

    /// Leaves the hidden `generation` of a run that was killed.
    pub(crate) fn leave_behind(&self, generation: u64) {
        self.table.lock().unwrap().generation = generation;
    }

    /// The generation filled last.
    pub(crate) fn generation(&self) -> u64 {
        self.table.lock().unwrap().generation
    }

    /// The same, keeping bodies as they are.
    pub(crate) fn keeping_bodies(mut self) -> Self {
        self.form = PageForm::Body;
        self
    }

    /// The same, with a destination that makes pages durable only when it publishes.
    pub(crate) fn lazy(self) -> Self {
        self.table.lock().unwrap().lazy = true;
        self
    }

    pub(crate) async fn run(&self) -> Outcome {
        self.run_until(&CancellationToken::new()).await
    }

    pub(crate) async fn run_until(&self, cancel: &CancellationToken) -> Outcome {
        let clock = Arc::new(Still);
        let doors = Doors {
            source: Arc::new(self.source()),
            destination: Arc::new(Shelf(self.table.clone())),
            state: self.state.clone(),
            clock,
            compute: Arc::new(Inline),
        };
        let task = RunTask {
            run_id: Uuid::nil(),
            pipeline: "p".to_owned(),
            stream: "test.items".to_owned(),
            table: TableRef::public("t"),
            sync_mode: SyncMode::FullLoad,
            window: Window::ALL,
            lock_wait: Duration::ZERO,
        };
        let told = self.told.clone();
        let events = Events::new(move |event| match event {
            RunEvent::Warning { message } => told.lock().unwrap().push(message),
            RunEvent::SliceBegun { number, partition } => {
                told.lock().unwrap().push(format!("{number} {partition}"));
            }
            _ => {}
        });
        run(&task, &doors, &events, cancel).await
    }

    /// What is read, without a run.
    pub(crate) fn source(&self) -> HttpSource {
        HttpSource::new(HttpSourceConfig {
            plan: self.plan.clone(),
            params: Params::default(),
            transport: self.api.clone(),
            hooks: self.hooks.clone(),
            clock: Arc::new(Still),
            compute: Arc::new(Inline),
            redactor: Redactor::default(),
            limits: Limits::default(),
            run_id: Uuid::nil(),
            max_pages: self.max_pages,
            form: self.form,
        })
    }

    /// The same, cut short after that many pages.
    pub(crate) fn limited(mut self, pages: u64) -> Self {
        self.max_pages = Some(pages);
        self
    }

    /// Warnings, and slices that began.
    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    /// The first URLs that were asked for, without their origin.
    pub(crate) fn urls(&self) -> Vec<String> {
        let urls = self.api.urls.lock().unwrap();
        urls.iter()
            .map(|url| url.trim_start_matches("http://api.test").to_owned())
            .collect()
    }

    /// The ids that readers of the table see.
    pub(crate) fn published(&self) -> Vec<u64> {
        self.table.lock().unwrap().visible.clone().expect("a table")
    }

    pub(crate) fn is_unpublished(&self) -> bool {
        self.table.lock().unwrap().visible.is_none()
    }

    /// The bodies that were kept.
    pub(crate) fn bodies(&self) -> Vec<Bytes> {
        self.table.lock().unwrap().bodies.clone()
    }

    pub(crate) fn schemas(&self) -> usize {
        self.table.lock().unwrap().schemas
    }

    pub(crate) fn requests(&self) -> u64 {
        self.api.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn logged(&self) -> usize {
        self.state.0.lock().unwrap().len()
    }
}

/// A clock that stands still.
struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _: Duration) {}
}

struct Shelf(Arc<Mutex<Table>>);

#[async_trait]
impl Destination for Shelf {
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
        _: SchemaRef,
        disposition: Disposition,
        key: CommitKey,
    ) -> Result<Box<dyn Writer>> {
        assert_eq!((disposition, key.fence), (Disposition::Replace, 7));
        let mut table = self.0.lock().unwrap();
        *table = Table {
            generation: key.generation,
            lazy: table.lazy,
            ..Table::default()
        };
        Ok(Box::new(Hand(self.0.clone())))
    }

    async fn recover(&self, pipeline: &str) -> Result<Vec<LastCommit>> {
        let generation = self.0.lock().unwrap().generation;
        let left = (generation > 0).then(|| LastCommit {
            key: CommitKey {
                pipeline: pipeline.to_owned(),
                run: Uuid::max(),
                generation,
                fence: 7,
            },
            slice: String::new(),
            seq: 3,
            position: None,
        });
        Ok(left.into_iter().collect())
    }
}

struct Hand(Arc<Mutex<Table>>);

#[async_trait]
impl Writer for Hand {
    async fn write(&mut self, batches: Vec<Batch>, commit: Commit) -> Result<Receipt> {
        let mut table = self.0.lock().unwrap();
        if table.slices.last() != Some(&commit.slice) {
            assert!(
                !table.slices.contains(&commit.slice),
                "a slice is read once"
            );
            table.slices.push(commit.slice.clone());
            table.seq = 0;
        }
        assert_eq!(commit.seq, table.seq + 1, "commits are in order");
        table.seq = commit.seq;
        let accepted = batches.iter().map(Batch::rows).sum::<usize>() as u64;
        for batch in &batches {
            if let Some(bodies) = batch.records.column_by_name("body") {
                let body = bodies.as_binary::<i64>().value(0);
                table.bodies.push(Bytes::copy_from_slice(body));
                continue;
            }
            let ids = batch.records.column_by_name("id").expect("a column id");
            if *ids.data_type() == DataType::Int64 {
                let ids = ids.as_primitive::<Int64Type>().values();
                table.hidden.extend(ids.iter().map(|id| *id as u64));
            }
        }
        Ok(Receipt {
            seq: commit.seq,
            durable: !table.lazy,
            accepted,
            rejected: Vec::new(),
        })
    }

    async fn evolve(&mut self, _: SchemaRef) -> Result<SchemaChange> {
        self.0.lock().unwrap().schemas += 1;
        Ok(SchemaChange::default())
    }

    async fn publish(self: Box<Self>) -> Result<Published> {
        let mut table = self.0.lock().unwrap();
        let rows = std::mem::take(&mut table.hidden);
        let published = Published {
            rows: rows.len() as u64,
        };
        table.visible = Some(rows);
        Ok(published)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.0.lock().unwrap().hidden.clear();
        Ok(())
    }
}

/// A state store of which a run uses the lease and the log.
#[derive(Default)]
struct Memory(Mutex<Vec<Value>>);

struct Fence;

impl Lease for Fence {
    fn fence(&self) -> u64 {
        7
    }
}

fn unused<T>() -> Result<T> {
    Err(Error::new(
        tapline_core::ErrorKind::Internal,
        "state",
        "a run does not use this",
    ))
}

#[async_trait]
impl StateStore for Memory {
    async fn get(&self, _: &str, _: &str) -> Result<Option<Document>> {
        unused()
    }

    async fn put(&self, _: &str, _: &str, _: &Value, _: Option<u64>) -> Result<u64> {
        unused()
    }

    async fn list(&self, _: &str, _: &str) -> Result<Vec<(String, Document)>> {
        unused()
    }

    async fn lease(&self, name: &str, _: Duration) -> Result<Box<dyn Lease>> {
        assert_eq!(name, "pipeline/p");
        Ok(Box::new(Fence))
    }

    async fn append(&self, log: &str, entry: &Value) -> Result<u64> {
        assert_eq!(log, "runs/p");
        let mut log = self.0.lock().unwrap();
        log.push(entry.clone());
        Ok(log.len() as u64)
    }

    async fn tail(&self, _: &str, _: u32) -> Result<Vec<LogEntry>> {
        unused()
    }

    async fn seal(&self, _: &str, _: &Secret) -> Result<bool> {
        unused()
    }

    async fn unseal(&self, _: &str) -> Result<Option<Secret>> {
        unused()
    }
}
