//! A run on the real destination and the real state store, with one call at a door that fails, or
//! is the last the process makes, before its effect and after: for every call there is.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;
use tapline_conformance::fake_api::{Counts, FakeApi, FakeApiConfig};
use tapline_conformance::faults::{Fault, Faults, FaultyDestination, FaultyState, FaultyTransport};
use tapline_core::{
    CancellationToken, Clock, Destination, Doors, Events, Inline, Limits, NoHooks, Params,
    Redactor, RunReport, TableRef, Transport,
};
use tapline_dest_files::{CommitEvery, FilesConfig, FilesDestination, Format};
use tapline_dest_sqlite::SqliteDestination;
use tapline_engine::{
    Aim, Expectations, HttpSource, HttpSourceConfig, PageForm, RunTask, SyncMode, run,
};
use tapline_http::{AllowList, Client, ClientConfig, Origin};
use tapline_spec::{AuthPlan, Plan};
use tapline_state::SqliteState;
use tempfile::TempDir;
use tokio::runtime;
use uuid::Uuid;

use crate::readers;

const OLD: u64 = 3;
const NEW: u64 = 11;

/// A kind of destination.
struct Place {
    open: fn(&Path) -> Arc<dyn Destination>,
    /// The ids in the visible table, and the number of hidden ones.
    look: fn(&Path) -> (Vec<u64>, usize),
}

const SQLITE: Place = Place {
    open: |dir| Arc::new(SqliteDestination::open(dir.join("warehouse.db")).unwrap()),
    look: |dir| {
        let warehouse = rusqlite::Connection::open(dir.join("warehouse.db")).unwrap();
        let mut ids = warehouse.prepare("select id from t order by id").unwrap();
        let ids = ids.query_map([], |row| Ok(row.get::<_, i64>(0)?.cast_unsigned()));
        let ids = ids.unwrap();
        let hidden = "select count(*) from sqlite_master where name glob '_tapline_gen_*'";
        let hidden: i64 = warehouse.query_row(hidden, [], |row| row.get(0)).unwrap();
        (ids.collect::<Result<_, _>>().unwrap(), hidden as usize)
    },
};

const FILES: Place = Place {
    open: |dir| {
        let config = FilesConfig {
            path: dir.join("out"),
            format: Format::Jsonl,
            commit: CommitEvery::Page,
            clock: Arc::new(Still),
            compute: Arc::new(Inline),
        };
        Arc::new(FilesDestination::open(config).unwrap())
    },
    look: |dir| {
        let table = dir.join("out/public/t");
        let rows = readers::jsonl(&table).into_iter();
        let ids = rows.map(|row| row["id"].as_u64().unwrap());
        (ids.collect(), readers::unnamed(&table))
    },
};

#[test]
fn files_end_in_the_same_table_whatever_fails_once() {
    fail_every_call_once(&FILES);
}

#[test]
fn sqlite_ends_in_the_same_table_whatever_fails_once() {
    fail_every_call_once(&SQLITE);
}

fn fail_every_call_once(place: &Place) {
    let api = FakeApi::start(FakeApiConfig::default()).unwrap();
    let rig = Rig { place, api };
    let mut calls = 0;
    rig.play(Faults::none(), |made| {
        for call in [
            "lease", "get", "recover", "put", "begin", "send", "evolve", "write", "publish",
            "append",
        ] {
            assert!(made.contains(&call), "no {call} in {made:?}");
        }
        calls = made.len();
    });
    for fault in Fault::all(calls) {
        rig.play(Faults::of(fault), |made| {
            assert!(made.len() > fault.call, "{fault:?} never happened");
        });
    }
    println!("{calls} calls, {} faults", 4 * calls);
}

struct Rig<'a> {
    place: &'a Place,
    api: FakeApi,
}

impl Rig<'_> {
    /// A good load, one to which `faults` happen, and a good one again.
    fn play(&self, faults: Faults, met: impl FnOnce(&[&'static str])) {
        let dir = TempDir::new().unwrap();
        let what = format!("{faults:?}");
        let good = Arc::new(Faults::none());
        self.serve(OLD);
        assert!(self.load(dir.path(), &good).unwrap().verdict.is_complete());
        self.serve(NEW);
        let faults = Arc::new(faults);
        let report = self.load(dir.path(), &faults);
        met(&faults.calls());
        let (seen, _) = (self.place.look)(dir.path());
        let complete = report.is_some_and(|report| report.verdict.is_complete());
        let new: Vec<u64> = (1..=NEW).collect();
        let old: Vec<u64> = (1..=OLD).collect();
        assert!(
            seen == new || (seen == old && !complete),
            "{what}: {seen:?}"
        );
        assert!(
            self.load(dir.path(), &good).unwrap().verdict.is_complete(),
            "{what}"
        );
        assert_eq!((self.place.look)(dir.path()), (new, 0), "{what}");
    }

    fn serve(&self, generic: u64) {
        self.api.set_counts(Counts {
            generic,
            ..Counts::default()
        });
    }

    /// One run, as a process of its own would make it; `None` if it died.
    fn load(&self, dir: &Path, faults: &Arc<Faults>) -> Option<RunReport> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let run = faults.until_crash(self.run(dir, faults.clone()));
        runtime.block_on(run)
    }

    async fn run(&self, dir: &Path, faults: Arc<Faults>) -> RunReport {
        let clock: Arc<dyn Clock> = Arc::new(Still);
        let state = SqliteState::open(dir.join("state.db"), clock.clone()).unwrap();
        let transport = FaultyTransport::new(self.transport(&clock), faults.clone());
        let destination = FaultyDestination::new((self.place.open)(dir), faults.clone());
        let run_id = Uuid::now_v7();
        let source = HttpSource::new(HttpSourceConfig {
            plan: Arc::new(plan(&self.api.base_url())),
            params: Params::default(),
            transport: Arc::new(transport),
            hooks: Arc::new(NoHooks),
            clock: clock.clone(),
            compute: Arc::new(Inline),
            redactor: Redactor::default(),
            limits: Limits::default(),
            run_id,
            max_pages: None,
            form: PageForm::Rows,
            concurrency: 1,
        });
        let doors = Doors {
            source: Arc::new(source),
            destination: Arc::new(destination),
            state: Arc::new(FaultyState::new(Arc::new(state), faults)),
            clock,
            compute: Arc::new(Inline),
        };
        let task = RunTask {
            run_id,
            pipeline: "p".to_owned(),
            stream: "generic.token".to_owned(),
            table: TableRef::public("t"),
            sync_mode: SyncMode::FullLoad,
            aim: Aim::ALL,
            expect: Expectations::default(),
            concurrency: 1,
            lock_wait: Duration::ZERO,
        };
        let cancel = CancellationToken::new();
        run(&task, &doors, &Events::none(), &cancel).await.report
    }

    fn transport(&self, clock: &Arc<dyn Clock>) -> Arc<dyn Transport> {
        let base = self.api.base_url().parse().unwrap();
        let client = Client::new(ClientConfig {
            base: vec![Origin::of(&base).unwrap()],
            auth: AuthPlan::None,
            params: Params::default(),
            allow: AllowList::explicit(Vec::new()),
            limits: Limits::default(),
            delay: Duration::ZERO,
            clock: clock.clone(),
            events: Events::none(),
            redactor: Redactor::default(),
            tokens: None,
            user_agent: "tapline".to_owned(),
        });
        client.unwrap().transport(Arc::new(NoHooks))
    }
}

fn plan(base_url: &str) -> Plan {
    let plan = json!({
        "connector": "generic", "stream": "token",
        "request": { "host": base_url, "path": "/generic/token", "method": "GET",
            "query": [], "headers": [], "body": null },
        "auth": { "kind": "none" },
        "content": { "path": "$.results", "siblings": { "keep": [], "skip": [] },
            "wrapper": null },
        "pagination": { "type": "CONTINUATION_TOKEN", "limit": ["limit", 4],
            "tokens": [{ "selector": "$.next_token", "location": "query", "name": "token" }] },
        "end": null, "delay_ms": 0, "maximum_request": null, "total": "$.total",
        "rules": [], "partitions": [], "columns": [],
    });
    serde_json::from_value(plan).unwrap()
}

/// A clock that stands still; nothing here waits.
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
