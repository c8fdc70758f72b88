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
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tapline_core::{
    Batch, CancellationToken, Capabilities, Clock, Commit, CommitKey, Destination, Disposition,
    Document, Doors, Error, Events, Hooks, Inline, LastCommit, Lease, Limits, LogEntry, NoHooks,
    Params, Published, Receipt, Redactor, Request, Response, Result, RunEvent, SchemaChange,
    Secret, SliceProgress, StateStore, TableRef, Transport, Window, Writer,
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
    mode: SyncMode,
    window: Option<Window>,
    now: Timestamp,
    params: Params,
    runs: AtomicU64,
}

#[derive(Default)]
struct Table {
    /// Rows of the generation, durable.
    hidden: Vec<u64>,
    /// Pages that are not durable yet.
    taken: Vec<(Vec<u64>, LastCommit)>,
    /// How far the generation is, durably.
    last: Vec<LastCommit>,
    visible: Option<Vec<u64>>,
    schemas: usize,
    slices: Vec<String>,
    bodies: Vec<Bytes>,
    lazy: bool,
    appends: bool,
    generation: u64,
}

impl Table {
    /// Makes durable what was taken.
    fn flush(&mut self) {
        for (rows, commit) in std::mem::take(&mut self.taken) {
            self.last.retain(|last| last.slice != commit.slice);
            self.last.push(commit);
            match self.appends {
                true => self.visible.get_or_insert_default().extend(rows),
                false => self.hidden.extend(rows),
            }
        }
    }

    fn last_seq(&self, slice: &str) -> u64 {
        let taken = self.taken.iter().map(|(_, commit)| commit);
        let commits = self.last.iter().chain(taken);
        let seqs = commits.filter(|c| c.slice == slice).map(|c| c.seq);
        seqs.max().unwrap_or(0)
    }
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
            mode: SyncMode::FullLoad,
            window: None,
            now: Timestamp::UNIX_EPOCH,
            params: Params::default(),
            runs: AtomicU64::new(0),
        }
    }

    pub(crate) fn with_hooks(mut self, hooks: impl Hooks + 'static) -> Self {
        self.hooks = Arc::new(hooks);
        self
    }

    /// Leaves the hidden `generation` of a run that was killed.
    pub(crate) fn leave_behind(&self, generation: u64) {
        let mut table = self.table.lock().unwrap();
        table.generation = generation;
        let key = CommitKey {
            pipeline: "p".to_owned(),
            run: Uuid::max(),
            generation,
            fence: 7,
        };
        table.last.push(LastCommit {
            key,
            slice: String::new(),
            seq: 3,
            position: None,
            progress: SliceProgress::default(),
        });
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
        let clock = Arc::new(Still(self.now));
        let doors = Doors {
            source: Arc::new(self.source()),
            destination: Arc::new(Shelf(self.table.clone())),
            state: self.state.clone(),
            clock,
            compute: Arc::new(Inline),
        };
        let task = RunTask {
            run_id: Uuid::from_u128(self.runs.fetch_add(1, Ordering::Relaxed).into()),
            pipeline: "p".to_owned(),
            stream: "test.items".to_owned(),
            table: TableRef::public("t"),
            sync_mode: self.mode,
            window: self.window.unwrap_or_default(),
            window_given: self.window.is_some(),
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
            params: self.params.clone(),
            transport: self.api.clone(),
            hooks: self.hooks.clone(),
            clock: Arc::new(Still(self.now)),
            compute: Arc::new(Inline),
            redactor: Redactor::default(),
            limits: Limits::default(),
            run_id: Uuid::nil(),
            max_pages: self.max_pages,
            form: self.form,
        })
    }

    /// From now on another API answers.
    pub(crate) fn turn(&mut self, api: Api) {
        self.api = Arc::new(api);
    }

    /// From now on runs are asked for in this way.
    pub(crate) fn ask(&mut self, mode: SyncMode, window: Option<Window>) {
        (self.mode, self.window) = (mode, window);
    }

    /// From now on the plan or a parameter is another one.
    pub(crate) fn change(&mut self, plan: impl FnOnce(&mut Plan), params: Params) {
        plan(Arc::make_mut(&mut self.plan));
        self.params = params;
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, time: SignedDuration) {
        self.now += time;
    }

    /// Limits later runs to that many pages.
    pub(crate) fn limit(&mut self, pages: Option<u64>) {
        self.max_pages = pages;
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
        self.state.log.lock().unwrap().len()
    }
}

/// A clock that stands still.
struct Still(Timestamp);

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0
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
        assert_eq!(key.fence, 7);
        let mut table = self.0.lock().unwrap();
        let before = std::mem::take(&mut *table);
        *table = Table {
            lazy: before.lazy,
            visible: before.visible,
            appends: disposition == Disposition::Append,
            generation: key.generation,
            ..Table::default()
        };
        if before.generation == key.generation {
            table.hidden = before.hidden;
            table.last = before.last;
        }
        Ok(Box::new(Hand(self.0.clone(), key)))
    }

    async fn recover(&self, _: &str) -> Result<Vec<LastCommit>> {
        Ok(self.0.lock().unwrap().last.clone())
    }
}

struct Hand(Arc<Mutex<Table>>, CommitKey);

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
        }
        let before = table.last_seq(&commit.slice);
        assert_eq!(commit.seq, before + 1, "commits are in order");
        let accepted = batches.iter().map(Batch::rows).sum::<usize>() as u64;
        let mut rows = Vec::new();
        for batch in &batches {
            if let Some(bodies) = batch.records.column_by_name("body") {
                let body = bodies.as_binary::<i64>().value(0);
                table.bodies.push(Bytes::copy_from_slice(body));
                continue;
            }
            let ids = batch.records.column_by_name("id").expect("a column id");
            if *ids.data_type() == DataType::Int64 {
                let ids = ids.as_primitive::<Int64Type>().values();
                rows.extend(ids.iter().map(|id| *id as u64));
            }
        }
        let seq = commit.seq;
        table.taken.push((rows, last(&self.1, commit)));
        let durable = !table.lazy;
        if durable {
            table.flush();
        }
        Ok(Receipt {
            seq,
            durable,
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
        table.flush();
        table.last.clear();
        if !table.appends {
            table.visible = Some(std::mem::take(&mut table.hidden));
        }
        let rows = table.visible.as_ref().map_or(0, Vec::len) as u64;
        Ok(Published { rows })
    }

    async fn keep(self: Box<Self>) -> Result<()> {
        self.0.lock().unwrap().flush();
        Ok(())
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        let mut table = self.0.lock().unwrap();
        table.taken.clear();
        if !table.appends {
            table.hidden.clear();
            table.last.clear();
        }
        Ok(())
    }
}

fn last(key: &CommitKey, commit: Commit) -> LastCommit {
    LastCommit {
        key: key.clone(),
        slice: commit.slice,
        seq: commit.seq,
        position: commit.position,
        progress: commit.progress,
    }
}

/// A state store of which a run uses the lease, the log and its own document.
#[derive(Default)]
struct Memory {
    log: Mutex<Vec<Value>>,
    pending: Mutex<Option<Document>>,
}

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
    async fn get(&self, namespace: &str, key: &str) -> Result<Option<Document>> {
        assert_eq!((namespace, key), ("pending", "p//test.items"));
        Ok(self.pending.lock().unwrap().clone())
    }

    async fn put(&self, _: &str, _: &str, value: &Value, expected: Option<u64>) -> Result<u64> {
        let mut pending = self.pending.lock().unwrap();
        assert_eq!(pending.as_ref().map(|document| document.version), expected);
        let version = expected.unwrap_or(0) + 1;
        let value = value.clone();
        *pending = Some(Document { value, version });
        Ok(version)
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
        let mut log = self.log.lock().unwrap();
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
