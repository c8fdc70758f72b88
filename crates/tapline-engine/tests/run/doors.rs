//! Doors that keep everything in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tapline_core::{
    CancellationToken, CommitKey, Document, Doors, Error, Events, Hooks, Inline, LastCommit, Lease,
    Limits, LogEntry, Marks, NoHooks, Params, Redactor, Request, Response, Result, RunEvent,
    Secret, SliceProgress, StateStore, Still, TableRef, Transport, Window,
};
use tapline_engine::{
    Aim, Asks, Expectations, HttpSource, HttpSourceConfig, Outcome, PageForm, RunTask, SyncMode,
    run,
};
use tapline_spec::Plan;
use uuid::Uuid;

use super::shelf::{Shelf, Table};

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
    /// Requests that are on their way, and the most there ever were.
    open: AtomicU64,
    most: AtomicU64,
}

impl Api {
    pub(crate) fn new(
        answers: impl Fn(&str) -> Result<(u16, Bytes)> + Send + Sync + 'static,
    ) -> Self {
        Self {
            answers: Box::new(answers),
            requests: AtomicU64::new(0),
            urls: Mutex::default(),
            open: AtomicU64::new(0),
            most: AtomicU64::new(0),
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
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(open, Ordering::Relaxed);
        tokio::task::yield_now().await;
        self.open.fetch_sub(1, Ordering::Relaxed);
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
    name: &'static str,
    state: Arc<Memory>,
    form: PageForm,
    max_pages: Option<u64>,
    told: Arc<Mutex<Vec<String>>>,
    mode: SyncMode,
    aim: Aim,
    expect: Expectations,
    concurrency: usize,
    now: Timestamp,
    params: Params,
    runs: AtomicU64,
}

impl World {
    pub(crate) fn new(plan: Plan, api: Api) -> Self {
        Self {
            api: Arc::new(api),
            plan: Arc::new(plan),
            hooks: Arc::new(NoHooks),
            table: Arc::default(),
            name: "t",
            state: Arc::default(),
            form: PageForm::Rows,
            max_pages: None,
            told: Arc::default(),
            mode: SyncMode::FullLoad,
            aim: Aim::ALL,
            expect: Expectations::default(),
            concurrency: 1,
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
            table: TableRef::public(self.name),
            sync_mode: self.mode,
            stage: None,
            shape: Arc::default(),
            aim: self.aim.clone(),
            expect: self.expect,
            concurrency: self.concurrency,
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
            concurrency: self.concurrency,
            keep_raw: false,
        })
    }

    /// From now on another API answers.
    pub(crate) fn turn(&mut self, api: Api) {
        self.api = Arc::new(api);
    }

    /// From now on runs are asked for in this way.
    pub(crate) fn ask(&mut self, mode: SyncMode, window: Option<Window>) {
        let aim = window.map(|window| Aim::Window {
            window,
            is_given: true,
            cursor: None,
            asks: Asks::default(),
        });
        self.aim(mode, aim.unwrap_or(Aim::ALL));
    }

    /// The same, for whatever.
    pub(crate) fn aim(&mut self, mode: SyncMode, aim: Aim) {
        (self.mode, self.aim) = (mode, aim);
    }

    /// From now on runs are held against that.
    pub(crate) fn expect(&mut self, expect: Expectations) {
        self.expect = expect;
    }

    /// From now on as many pieces are read at the same time.
    pub(crate) fn at_once(&mut self, pieces: usize) {
        self.concurrency = pieces;
        self.table.lock().unwrap().is_mixed = pieces > 1;
    }

    /// From now on another plan is read.
    pub(crate) fn replan(&mut self, plan: Plan) {
        self.plan = Arc::new(plan);
    }

    /// How many slices there are that a run could go on with.
    pub(crate) fn left_behind(&self) -> usize {
        self.table.lock().unwrap().last.len()
    }

    /// What was kept last is kept only when the next run opens the table: its runner slept.
    pub(crate) fn keep_late(&self) {
        self.table.lock().unwrap().keep_late();
    }

    /// The table is gone.
    pub(crate) fn drop_table(&self) {
        self.table.lock().unwrap().visible = None;
    }

    /// From now on rows go into another table.
    pub(crate) fn fill(&mut self, table: &'static str) {
        self.name = table;
    }

    /// The state store is lost.
    pub(crate) fn forget_state(&self) {
        self.state.documents.lock().unwrap().clear();
    }

    /// What is remembered of the stream.
    pub(crate) fn marks(&self) -> Option<Marks> {
        let documents = self.state.documents.lock().unwrap();
        let document = documents.get("marks/p//test.items")?;
        Marks::read(&document.value).unwrap()
    }

    /// Entries of the log `name`, oldest first.
    pub(crate) fn log(&self, name: &str) -> Vec<Value> {
        self.state.log(name)
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

    /// The most requests that were on their way at the same time.
    pub(crate) fn most_at_once(&self) -> u64 {
        self.api.most.load(Ordering::Relaxed)
    }

    pub(crate) fn logged(&self) -> usize {
        self.log("runs/p").len()
    }
}

/// A state store of which a run uses the lease, logs and documents.
#[derive(Default)]
struct Memory {
    logs: Mutex<BTreeMap<String, Vec<Value>>>,
    documents: Mutex<BTreeMap<String, Document>>,
}

impl Memory {
    fn log(&self, name: &str) -> Vec<Value> {
        let logs = self.logs.lock().unwrap();
        logs.get(name).cloned().unwrap_or_default()
    }
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
        let documents = self.documents.lock().unwrap();
        Ok(documents.get(&format!("{namespace}/{key}")).cloned())
    }

    async fn put(
        &self,
        namespace: &str,
        key: &str,
        value: &Value,
        expected: Option<u64>,
    ) -> Result<u64> {
        let mut documents = self.documents.lock().unwrap();
        let key = format!("{namespace}/{key}");
        let found = documents.get(&key).map(|document| document.version);
        assert_eq!(found, expected, "nobody else is there");
        let version = expected.unwrap_or(0) + 1;
        let value = value.clone();
        documents.insert(key, Document { value, version });
        Ok(version)
    }

    async fn list(&self, _: &str, _: &str) -> Result<Vec<(String, Document)>> {
        unused()
    }

    async fn lease(&self, name: &str, _: Duration, _: u64) -> Result<Box<dyn Lease>> {
        assert_eq!(name, "pipeline/p");
        Ok(Box::new(Fence))
    }

    async fn append(&self, log: &str, entry: &Value) -> Result<u64> {
        let mut logs = self.logs.lock().unwrap();
        let log = logs.entry(log.to_owned()).or_default();
        log.push(entry.clone());
        Ok(log.len() as u64)
    }

    async fn tail(&self, log: &str, limit: u32) -> Result<Vec<LogEntry>> {
        let entries = self.log(log).into_iter().enumerate();
        let entry = |(index, value)| LogEntry {
            number: index as u64 + 1,
            at: Timestamp::UNIX_EPOCH,
            value,
        };
        Ok(entries.map(entry).rev().take(limit as usize).collect())
    }

    async fn seal(&self, _: &str, _: &Secret) -> Result<bool> {
        unused()
    }

    async fn unseal(&self, _: &str) -> Result<Option<Secret>> {
        unused()
    }
}
