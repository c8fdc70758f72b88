//! Random histories of a source: records come, change, are deleted, arrive late, share a moment, or
//! bear the time of a clock that is behind. Full, incremental and deduplicated pipelines, and one that
//! begins in the middle and is backfilled, all end with what the source has.
//!
//! `TAPLINE_HISTORIES=20000 cargo test --release -p tapline --test it histories` is the long form.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tapline_conformance::random::Random;
use tapline_core::{
    Boundary, CancellationToken, Clock, Cursor, CursorType, Deletions, Doors, Events, Inline,
    Limits, NoHooks, Params, RecordOrder, Redactor, Request, Response, Result, RunReport, Stage,
    Step, TableRef, Transport,
};
use tapline_dest_sqlite::SqliteDestination;
use tapline_engine::window::{Ask, WindowSettings};
use tapline_engine::{
    Aim, Asks, Expectations, HttpSource, HttpSourceConfig, PageForm, RunTask, SyncMode, run,
};
use tapline_spec::Plan;
use tapline_state::SqliteState;
use tempfile::TempDir;
use tokio::runtime;
use uuid::Uuid;

/// How late a record may arrive, and how far behind a clock may be.
const LATE: u64 = 60;
/// When histories begin.
const BEGIN: i64 = 1_700_000_000;
/// Where the pipeline that is backfilled begins.
const MIDDLE: i64 = 60;
/// Records of a page.
const PAGE: usize = 4;

#[test]
fn every_history_ends_in_the_same_table() {
    let wanted = env::var("TAPLINE_HISTORIES").map_or(60, |count| count.parse().unwrap());
    let runtime = runtime::Builder::new_current_thread().build().unwrap();
    let mut runs = 0;
    for seed in 0..wanted {
        let mut history = History::new(seed);
        runs += runtime.block_on(history.play());
    }
    println!("{wanted} histories, {runs} runs");
}

/// A record as the source has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    at: i64,
    version: u64,
    is_deleted: bool,
}

/// The source: what it has, and the time.
#[derive(Default)]
struct Source {
    records: Mutex<BTreeMap<i64, Record>>,
    now: AtomicI64,
}

impl Source {
    fn answer(&self, url: &str) -> String {
        let number = |name: &str| {
            let query = url.split_once('?').map_or("", |(_, query)| query);
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let found = pairs.find(|(key, _)| *key == name);
            found.and_then(|(_, value)| value.parse::<i64>().ok())
        };
        let (from, to) = (number("from"), number("to"));
        let records = self.records.lock().unwrap();
        let mut found: Vec<_> = records
            .iter()
            .filter(|(_, record)| from.is_none_or(|from| record.at >= from))
            .filter(|(_, record)| to.is_none_or(|to| record.at < to))
            .collect();
        found.sort_by_key(|(id, record)| (record.at, **id));
        let offset = number("offset").unwrap_or(0) as usize;
        let page = found.iter().skip(offset).take(PAGE);
        let items = page.map(|(id, record)| {
            json!({
                "id": id, "at": record.at, "version": record.version.to_string(), "gone": record.is_deleted,
            })
        });
        json!({ "items": items.collect::<Vec<_>>(), "total": found.len() }).to_string()
    }
}

#[async_trait]
impl Transport for Source {
    async fn send(&self, request: Request) -> Result<Response> {
        let body = self.answer(request.url.as_str());
        Ok(Response::full(
            StatusCode::OK,
            HeaderMap::new(),
            body.into(),
        ))
    }
}

#[async_trait]
impl Clock for Source {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.now.load(Ordering::Relaxed)).unwrap()
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _: Duration) {}
}

/// A pipeline of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pipeline {
    /// Everything, each time.
    Full,
    /// Every version that it meets.
    Versions,
    /// The latest versions.
    Latest,
    /// The same, from the middle on; what is before is fetched at the end.
    Backfilled,
    /// The latest versions of records that leave no trace when they are deleted.
    Absent,
}

impl Pipeline {
    fn table(self) -> &'static str {
        match self {
            Self::Full => "a",
            Self::Versions => "b",
            Self::Latest => "c",
            Self::Backfilled => "d",
            Self::Absent => "e",
        }
    }

    fn mode(self) -> SyncMode {
        match self {
            Self::Full => SyncMode::FullLoad,
            Self::Versions => SyncMode::Incremental,
            _ => SyncMode::IncrementalWithQualify,
        }
    }
}

struct History {
    random: Random,
    source: Arc<Source>,
    dir: TempDir,
    cursor_type: CursorType,
    /// Whether deleted records stay, marked.
    is_soft: bool,
    /// Whether records vanish without a trace.
    vanish: bool,
    what: String,
    /// No id is given away twice.
    last_id: i64,
    runs: u64,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, 0, 0);
        let cursor_type = match random.chance(50) {
            true => CursorType::Timestamp,
            false => CursorType::Integer,
        };
        // Many small files are synced: in memory, where there is such a place.
        let memory = Path::new("/dev/shm");
        let dir = match memory.is_dir() {
            true => TempDir::new_in(memory),
            false => TempDir::new(),
        };
        let source = Source::default();
        source.now.store(BEGIN, Ordering::Relaxed);
        Self {
            is_soft: random.chance(50),
            vanish: random.chance(25),
            random,
            source: Arc::new(source),
            dir: dir.unwrap(),
            cursor_type,
            what: format!("history {seed}"),
            last_id: 0,
            runs: 0,
        }
    }

    fn pipelines(&self) -> &'static [Pipeline] {
        match self.vanish {
            true => &[Pipeline::Full, Pipeline::Absent],
            false => &[
                Pipeline::Full,
                Pipeline::Versions,
                Pipeline::Latest,
                Pipeline::Backfilled,
            ],
        }
    }

    async fn play(&mut self) -> u64 {
        let rounds = 1 + self.random.below(4);
        for _ in 0..rounds {
            for _ in 0..self.random.below(12) {
                self.change();
            }
            self.pass(1);
            for pipeline in self.pipelines() {
                if self.random.chance(70) {
                    self.cut_or_run(*pipeline).await;
                }
            }
        }
        self.pass(1);
        for pipeline in self.pipelines() {
            let ask = match pipeline {
                Pipeline::Absent => Ask::Everything,
                _ => Ask::Update,
            };
            self.complete(*pipeline, ask).await;
            if *pipeline == Pipeline::Backfilled && self.has_rows(*pipeline) {
                self.backfill(*pipeline).await;
            }
            self.check(*pipeline);
        }
        self.runs
    }

    fn now(&self) -> i64 {
        self.source.now.load(Ordering::Relaxed)
    }

    fn pass(&mut self, seconds: i64) {
        self.source.now.fetch_add(seconds, Ordering::Relaxed);
    }

    /// What happens to one record.
    fn change(&mut self) {
        if self.random.chance(60) {
            let seconds = self.random.below(20) as i64;
            self.pass(seconds);
        }
        // A clock that is behind, a record that is shown late, or none of it.
        let late = match self.random.chance(30) {
            true => self.random.below(LATE) as i64,
            false => 0,
        };
        let at = self.now() - late;
        let mut records = self.source.records.lock().unwrap();
        let known = records.len() as u64;
        let version = self.random.number();
        if known == 0 || self.random.chance(45) {
            self.last_id += 1;
            let id = self.last_id;
            let is_deleted = false;
            let record = Record {
                at,
                version,
                is_deleted,
            };
            records.insert(id, record);
            return;
        }
        let index = self.random.below(known) as usize;
        let id = *records.keys().nth(index).unwrap();
        if self.vanish && self.random.chance(40) {
            records.remove(&id);
            return;
        }
        let is_deleted = !self.vanish && self.random.chance(25);
        if let Some(record) = records.get_mut(&id) {
            // A record's own time does not go back; it may stand still.
            record.at = record.at.max(at);
            (record.version, record.is_deleted) = (version, is_deleted);
        }
    }

    /// A run, perhaps one that ends after every page or two and is gone on with. Meanwhile nothing
    /// changes: where pages go by number, no reader of them can tell what has moved from one to
    /// another.
    async fn cut_or_run(&mut self, pipeline: Pipeline) {
        let pages = self.random.chance(30).then(|| 1 + self.random.below(2));
        let everything = pipeline == Pipeline::Absent && self.random.chance(30);
        let ask = match everything {
            true => Ask::Everything,
            false => Ask::Update,
        };
        let mut tries = 0;
        loop {
            let report = self.run(pipeline, ask.clone(), pages).await;
            let (what, verdict) = (&self.what, &report.verdict);
            if verdict.is_complete() {
                return;
            }
            tries += 1;
            assert!(
                pages.is_some() && tries < 100,
                "{what}, {pipeline:?}: {verdict:?}"
            );
        }
    }

    async fn complete(&mut self, pipeline: Pipeline, ask: Ask) {
        let report = self.run(pipeline, ask, None).await;
        let what = &self.what;
        assert!(
            report.verdict.is_complete(),
            "{what}, {pipeline:?}: {report:#?}"
        );
    }

    async fn backfill(&mut self, pipeline: Pipeline) {
        let ask = Ask::Backfill {
            from: None,
            to: None,
        };
        let report = self.run(pipeline, ask, None).await;
        let what = &self.what;
        // Nothing is missing, if all records came after the middle.
        let is_done = report.error.as_ref();
        let is_done = is_done.is_some_and(|error| error.contains("nothing to backfill"));
        assert!(
            is_done || report.verdict.is_complete(),
            "{what}: {report:#?}"
        );
    }

    fn stage(&self, pipeline: Pipeline) -> Option<Stage> {
        let is_staged = pipeline.mode() == SyncMode::IncrementalWithQualify;
        let deletions = Deletions {
            field: (!self.vanish).then(|| "gone".to_owned()),
            absent: self.vanish,
            soft: self.is_soft,
        };
        is_staged.then(|| Stage {
            table: TableRef {
                schema: "staged".to_owned(),
                name: pipeline.table().to_owned(),
            },
            keys: vec!["id".to_owned()],
            cursor: "at".to_owned(),
            cursor_type: self.cursor_type,
            deletions: Some(deletions),
        })
    }

    fn aim(&self, pipeline: Pipeline, ask: Ask) -> Aim {
        if pipeline == Pipeline::Full {
            return Aim::ALL;
        }
        let middle = Cursor::of_number(self.cursor_type, BEGIN + MIDDLE);
        let lookback = match self.cursor_type {
            CursorType::Timestamp => Step::Seconds(LATE),
            _ => Step::Count(LATE),
        };
        Aim::Missing {
            ask,
            cursor: WindowSettings {
                cursor: "at".to_owned(),
                cursor_type: self.cursor_type,
                order: RecordOrder::Ascending,
                start: middle.filter(|_| pipeline == Pipeline::Backfilled),
                lookback: Some(lookback),
                safety_lag: SignedDuration::ZERO,
                boundary: Boundary::Closed,
                slice: None,
                is_open: self.vanish,
            },
            asks: Asks {
                start: true,
                end: true,
            },
        }
    }

    async fn run(&mut self, pipeline: Pipeline, ask: Ask, max_pages: Option<u64>) -> RunReport {
        self.runs += 1;
        let run_id = Uuid::from_u128(self.runs.into());
        let clock: Arc<dyn Clock> = self.source.clone();
        let state = SqliteState::open(self.dir.path().join("state.db"), clock.clone()).unwrap();
        let source = HttpSource::new(HttpSourceConfig {
            plan: Arc::new(plan()),
            params: Params::default(),
            transport: self.source.clone(),
            hooks: Arc::new(NoHooks),
            clock: clock.clone(),
            compute: Arc::new(Inline),
            redactor: Redactor::default(),
            limits: Limits::default(),
            run_id,
            max_pages,
            form: PageForm::Rows,
            concurrency: 1,
            keep_raw: false,
        });
        let doors = Doors {
            source: Arc::new(source),
            destination: Arc::new(SqliteDestination::open(self.warehouse()).unwrap()),
            state: Arc::new(state),
            clock,
            compute: Arc::new(Inline),
        };
        let task = RunTask {
            run_id,
            pipeline: pipeline.table().to_owned(),
            stream: "test.items".to_owned(),
            table: TableRef::public(pipeline.table()),
            sync_mode: pipeline.mode(),
            stage: self.stage(pipeline),
            shape: Arc::default(),
            aim: self.aim(pipeline, ask),
            expect: Expectations::default(),
            concurrency: 1,
            lock_wait: Duration::ZERO,
        };
        let cancel = CancellationToken::new();
        run(&task, &doors, &Events::none(), &cancel).await.report
    }

    fn warehouse(&self) -> std::path::PathBuf {
        self.dir.path().join("warehouse.db")
    }

    fn has_rows(&self, pipeline: Pipeline) -> bool {
        let sql = format!("select count(*) from {}", pipeline.table());
        let warehouse = rusqlite::Connection::open(self.warehouse()).unwrap();
        let count = warehouse.query_row(&sql, [], |row| row.get::<_, i64>(0));
        count.is_ok_and(|count| count > 0)
    }

    /// Holds the table of `pipeline` against what the source has.
    fn check(&self, pipeline: Pipeline) {
        let table = pipeline.table();
        let latest = "row_number() over (partition by id order by at desc, rowid desc) = 1";
        let marked = "coalesce(_tapline_deleted, 0)";
        let (from, gone) = match pipeline {
            Pipeline::Full => (table.to_owned(), "gone"),
            Pipeline::Versions => (
                format!("(select *, {latest} as it from {table}) where it"),
                "gone",
            ),
            _ => (format!("staged__{table}"), marked),
        };
        let warehouse = rusqlite::Connection::open(self.warehouse()).unwrap();
        let sql = format!("select id, at, version, {gone} from {from} order by id");
        let Ok(mut rows) = warehouse.prepare(&sql) else {
            // No record was ever there, so no column was either; nor is there anything to backfill from.
            let records = self.source.records.lock().unwrap();
            let mut records = records.values();
            let is_before =
                |record: &Record| pipeline == Pipeline::Backfilled && record.at < BEGIN + MIDDLE;
            return assert!(records.all(is_before), "{}, {pipeline:?}", self.what);
        };
        let row = |row: &rusqlite::Row<'_>| {
            let record = Record {
                at: row.get(1)?,
                version: row.get::<_, String>(2)?.parse().unwrap(),
                is_deleted: row.get(3)?,
            };
            Ok((row.get::<_, i64>(0)?, record))
        };
        let seen: Vec<(i64, Record)> = rows
            .query_map([], row)
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        let shows_deleted =
            self.is_soft || !matches!(pipeline, Pipeline::Latest | Pipeline::Backfilled);
        let is_shown = |record: &Record| !record.is_deleted || shows_deleted;
        let records = self.source.records.lock().unwrap();
        let wanted: Vec<(i64, Record)> = records
            .iter()
            .filter(|(_, record)| is_shown(record))
            .map(|(id, record)| (*id, record.clone()))
            .collect();
        // What has vanished is not in the source any more, and marked if it stays.
        let is_left =
            |(_, record): &(i64, Record)| !(pipeline == Pipeline::Absent && record.is_deleted);
        let seen: Vec<_> = seen.into_iter().filter(is_left).collect();
        assert_eq!(seen, wanted, "{}, {pipeline:?}", self.what);
    }
}

fn plan() -> Plan {
    let bound = |name: &str| json!({ "name": name, "format": "epoch_s" });
    let plan = json!({
        "connector": "test", "stream": "items",
        "request": { "host": "http://api.test", "path": "/items", "method": "GET",
            "query": [], "headers": [], "body": null },
        "auth": { "kind": "none" },
        "content": { "path": "$.items", "siblings": { "keep": [], "skip": [] }, "wrapper": null },
        "pagination": { "type": "OFFSET", "limit_name": "limit", "limit": PAGE,
            "offset_name": "offset", "first": 0 },
        "schedule": { "start": bound("from"), "end": bound("to"),
            "texts": { "format": "epoch_s", "incremental": "", "backfill": "" } },
        "end": null, "delay_ms": 0, "maximum_request": null, "total": "$.total",
        "rules": [], "partitions": [], "columns": [],
    });
    serde_json::from_value(plan).unwrap()
}
