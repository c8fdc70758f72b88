//! A run on the real destination and the real state store, with one call at a door that fails, or
//! is the last the process makes, before its effect and after: for every call there is.

use std::cell::Cell;
use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tapline_conformance::fake_api::{Counts, FakeApi, FakeApiConfig};
use tapline_conformance::faults::{Fault, Faults, FaultyDestination, FaultyState, FaultyTransport};
use tapline_conformance::random::Random;
use tapline_core::{
    Boundary, CancellationToken, Clock, CursorType, Destination, Doors, Events, Inline, Limits,
    NoHooks, Params, RecordOrder, Redactor, RunReport, Stage, Still, TableRef, Transport,
};
use tapline_dest_files::{CommitEvery, FilesConfig, FilesDestination, Format};
#[cfg(unix)]
use tapline_dest_postgres::PostgresDestination;
use tapline_dest_sqlite::SqliteDestination;
use tapline_engine::window::{Ask, WindowSettings};
use tapline_engine::{
    Aim, Asks, Expectations, HttpSource, HttpSourceConfig, PageForm, RunTask, SyncMode, run,
};
use tapline_http::{AllowList, Client, ClientConfig, Origin, QuotaConfig};
use tapline_spec::{AuthPlan, Plan};
use tapline_state::SqliteState;
use tempfile::TempDir;
use tokio::runtime;
use uuid::Uuid;

#[cfg(unix)]
use crate::postgres::{Postgres, runtime};
use crate::readers;

const OLD: u64 = 3;
const NEW: u64 = 11;

/// A kind of destination.
trait Place {
    fn open(&self, case: &Case) -> Arc<dyn Destination>;
    /// What is there at one moment. A commit that was sent off before its run died may still be on
    /// its way: what is read piece by piece could be from before it and from after.
    fn look(&self, case: &Case) -> Seen;
    /// Whether it keeps a table of the latest versions.
    fn merges(&self) -> bool {
        false
    }
}

struct Seen {
    /// The ids in the visible table.
    rows: Vec<u64>,
    /// The ids in the table of the latest versions, where the case has one.
    staged: Vec<u64>,
    /// The number of hidden tables.
    hidden: usize,
}

fn modes(place: &dyn Place) -> impl Iterator<Item = SyncMode> {
    let merges = place.merges();
    let is_possible = move |mode: &SyncMode| merges || *mode != SyncMode::IncrementalWithQualify;
    SyncMode::ALL.into_iter().filter(is_possible)
}

/// Where the runs of one case write: below a folder, and into tables of a schema of its own.
struct Case {
    dir: TempDir,
    schema: String,
    has_stage: bool,
}

impl Case {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

struct Sqlite;

impl Place for Sqlite {
    fn open(&self, case: &Case) -> Arc<dyn Destination> {
        Arc::new(SqliteDestination::open(case.path("warehouse.db")).unwrap())
    }

    fn look(&self, case: &Case) -> Seen {
        let mut warehouse = rusqlite::Connection::open(case.path("warehouse.db")).unwrap();
        let moment = warehouse.transaction().unwrap();
        let ids = |table: &str| {
            let sql = format!("select id from {}__{table} order by id", case.schema);
            let mut ids = moment.prepare(&sql).unwrap();
            let ids = ids.query_map([], |row| Ok(row.get::<_, i64>(0)?.cast_unsigned()));
            ids.unwrap().collect::<Result<_, _>>().unwrap()
        };
        let hidden = "select count(*) from sqlite_master where name glob '_tapline_gen_*'";
        let hidden: i64 = moment.query_row(hidden, [], |row| row.get(0)).unwrap();
        Seen {
            rows: ids("t"),
            staged: match case.has_stage {
                true => ids("latest"),
                false => Vec::new(),
            },
            hidden: hidden as usize,
        }
    }

    fn merges(&self) -> bool {
        true
    }
}

struct Files;

impl Place for Files {
    fn open(&self, case: &Case) -> Arc<dyn Destination> {
        let config = FilesConfig {
            path: case.path("out"),
            format: Format::Jsonl,
            commit: CommitEvery::Page,
            clock: Arc::new(Still(Timestamp::UNIX_EPOCH)),
            compute: Arc::new(Inline),
        };
        Arc::new(FilesDestination::open(config).unwrap())
    }

    fn look(&self, case: &Case) -> Seen {
        let table = case.path(&format!("out/{}/t", case.schema));
        let rows = readers::jsonl(&table).into_iter();
        let ids = rows.map(|row| row["id"].as_u64().unwrap());
        Seen {
            rows: ids.collect(),
            staged: Vec::new(),
            hidden: readers::unnamed(&table),
        }
    }
}

/// One server for all cases; tapline's own tables are in the case's schema, too.
#[cfg(unix)]
impl Place for Postgres {
    fn open(&self, case: &Case) -> Arc<dyn Destination> {
        let database = format!("postgres?options=-c%20search_path%3D{}", case.schema);
        let address = self.address(&database);
        Arc::new(
            PostgresDestination::open(&address, Arc::new(Still(Timestamp::UNIX_EPOCH))).unwrap(),
        )
    }

    fn look(&self, case: &Case) -> Seen {
        let schema = &case.schema;
        let mut sql = format!(
            "SELECT 'row ' || id FROM {schema}.t
             UNION ALL SELECT 'hidden 0' FROM pg_class WHERE relname LIKE '\\_tapline\\_gen\\_%'
             AND relnamespace = '{schema}'::regnamespace"
        );
        if case.has_stage {
            sql += &format!(" UNION ALL SELECT 'staged ' || id FROM {schema}.latest");
        }
        let found = runtime().block_on(self.ask(&sql));
        let of = |kind: &str| {
            let found = found.iter().filter_map(|line| line.split_once(' '));
            let found = found.filter(|(other, _)| *other == kind);
            let mut ids: Vec<u64> = found.map(|(_, id)| id.parse().unwrap()).collect();
            ids.sort_unstable();
            ids
        };
        Seen {
            rows: of("row"),
            staged: of("staged"),
            hidden: of("hidden").len(),
        }
    }

    fn merges(&self) -> bool {
        true
    }
}

#[test]
fn files_end_in_the_same_table_whatever_fails_once() {
    fail_every_call_once(&Files);
}

#[test]
fn sqlite_ends_in_the_same_table_whatever_fails_once() {
    fail_every_call_once(&Sqlite);
}

#[cfg(unix)]
#[test]
fn postgres_ends_in_the_same_table_whatever_fails_once() {
    fail_every_call_once(&Postgres::quick());
}

#[test]
fn files_end_in_the_same_table_whatever_fails_twice() {
    fail_twice(&Files);
}

#[test]
fn sqlite_ends_in_the_same_table_whatever_fails_twice() {
    fail_twice(&Sqlite);
}

#[cfg(unix)]
#[test]
fn postgres_ends_in_the_same_table_whatever_fails_twice() {
    fail_twice(&Postgres::quick());
}

fn fail_every_call_once(place: &dyn Place) {
    for mode in modes(place) {
        let rig = Rig::new(place, mode);
        let calls = rig.calls();
        for fault in Fault::all(calls) {
            let [met] = rig.play([fault]);
            assert!(met > fault.call, "{fault:?} never happened");
        }
        println!("{mode:?}: {calls} calls, {} faults", 4 * calls);
    }
}

/// A fault in a run, and another in the run that mends the first. There are too many pairs for every
/// test run; `TAPLINE_PAIRS=10000` plays them all.
fn fail_twice(place: &dyn Place) {
    let wanted = env::var("TAPLINE_PAIRS").map_or(30, |pairs| pairs.parse().unwrap());
    for mode in modes(place) {
        let rig = Rig::new(place, mode);
        let faults: Vec<Fault> = Fault::all(rig.calls()).collect();
        let pairs = faults.iter().flat_map(|first| {
            let both = |second: &Fault| [*first, *second];
            faults.iter().map(both)
        });
        let mut pairs: Vec<[Fault; 2]> = pairs.collect();
        let possible = pairs.len();
        let mut random = Random::new(1, 0, 0);
        pairs.sort_by_cached_key(|_| random.number());
        pairs.truncate(wanted);
        for pair in &pairs {
            rig.play(*pair);
        }
        println!("{mode:?}: {} of {possible} ordered pairs", pairs.len());
    }
}

struct Rig<'a> {
    place: &'a dyn Place,
    mode: SyncMode,
    api: FakeApi,
    /// How many there were.
    cases: Cell<u64>,
}

impl<'a> Rig<'a> {
    fn new(place: &'a dyn Place, mode: SyncMode) -> Self {
        let api = FakeApi::start(FakeApiConfig::default()).unwrap();
        Self {
            place,
            mode,
            api,
            cases: Cell::new(0),
        }
    }

    fn case(&self) -> Case {
        self.cases.update(|before| before + 1);
        Case {
            dir: TempDir::new().unwrap(),
            schema: format!("{}{}", self.mode.name(), self.cases.get()),
            has_stage: self.mode == SyncMode::IncrementalWithQualify,
        }
    }

    /// The number of calls of a run to which nothing happens.
    fn calls(&self) -> usize {
        let case = self.case();
        self.serve(OLD);
        let faults = Arc::new(Faults::none());
        self.complete(&case, &faults);
        self.serve(NEW);
        let faults = Arc::new(Faults::none());
        self.complete(&case, &faults);
        let made = faults.calls();
        for call in [
            "lease", "get", "recover", "put", "begin", "send", "evolve", "write", "publish",
            "append",
        ] {
            assert!(made.contains(&call), "no {call} in {made:?}");
        }
        made.len()
    }

    /// A good load, one to which each of `faults` happens, and a good one again. Returns how many
    /// calls those in between have made.
    fn play<const N: usize>(&self, faults: [Fault; N]) -> [usize; N] {
        let case = self.case();
        let what = format!("{:?}, {faults:?}", self.mode);
        let good = Arc::new(Faults::none());
        self.serve(OLD);
        self.complete(&case, &good);
        self.serve(NEW);
        let met = faults.map(|fault| {
            let faults = Arc::new(Faults::of(fault));
            let report = self.load(&case, &faults);
            let complete = report.is_some_and(|report| report.verdict.is_complete());
            self.check(&self.place.look(&case), complete, &what);
            faults.calls().len()
        });
        self.complete(&case, &good);
        let seen = self.place.look(&case);
        self.check(&seen, true, &what);
        assert_eq!(seen.hidden, 0, "{what}");
        met
    }

    /// Checks the ids in the table after runs of which the last was `complete`, or not, and that the
    /// latest versions are of the same records.
    #[track_caller]
    fn check(&self, seen: &Seen, complete: bool, what: &str) {
        if self.mode == SyncMode::IncrementalWithQualify {
            let mut records = seen.rows.clone();
            records.dedup();
            assert_eq!(seen.staged, records, "{what}");
        }
        let seen = &seen.rows;
        let all: Vec<u64> = (1..=NEW).collect();
        let is_old = |id: u64| id <= OLD;
        let counts = all
            .iter()
            .map(|id| seen.iter().filter(|other| *other == id).count());
        let counts: Vec<usize> = counts.collect();
        let fits = match self.mode {
            SyncMode::FullLoad => *seen == all || (!complete && *seen == all[..OLD as usize]),
            SyncMode::Incremental | SyncMode::IncrementalWithQualify => {
                let once = |(id, count): (&u64, &usize)| match complete || is_old(*id) {
                    true => *count == 1,
                    false => *count <= 1,
                };
                all.iter().zip(&counts).all(once)
            }
            // A whole load more than before for each run that was complete, or died as it was.
            SyncMode::FullAppend => {
                let loads = *counts.last().unwrap();
                let whole = |(id, count): (&u64, &usize)| {
                    let loads = loads + usize::from(is_old(*id));
                    *count == loads || (!complete && *count == loads + 1)
                };
                (loads > 0 || !complete) && all.iter().zip(&counts).all(whole)
            }
        };
        assert!(fits, "{what}: {seen:?}");
    }

    fn complete(&self, case: &Case, faults: &Arc<Faults>) {
        let report = self.load(case, faults).unwrap();
        assert!(report.verdict.is_complete(), "{:?}", report.verdict);
    }

    fn serve(&self, generic: u64) {
        self.api.set_counts(Counts {
            generic,
            ..Counts::default()
        });
    }

    /// One run, as a process of its own would make it; `None` if it died.
    fn load(&self, case: &Case, faults: &Arc<Faults>) -> Option<RunReport> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let run = faults.until_crash(self.run(case, faults.clone()));
        runtime.block_on(run)
    }

    async fn run(&self, case: &Case, faults: Arc<Faults>) -> RunReport {
        let clock: Arc<dyn Clock> = Arc::new(Still(Timestamp::UNIX_EPOCH));
        let state = SqliteState::open(case.path("state.db"), clock.clone()).unwrap();
        let transport = FaultyTransport::new(self.transport(&clock), faults.clone());
        let destination = FaultyDestination::new(self.place.open(case), faults.clone());
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
            keep_raw: false,
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
            table: TableRef {
                schema: case.schema.clone(),
                name: "t".to_owned(),
            },
            sync_mode: self.mode,
            stage: case.has_stage.then(|| stage(&case.schema)),
            shape: Arc::default(),
            aim: self.aim(),
            expect: Expectations::default(),
            concurrency: 1,
            lock_wait: Duration::ZERO,
        };
        let cancel = CancellationToken::new();
        run(&task, &doors, &Events::none(), &cancel).await.report
    }

    fn aim(&self) -> Aim {
        if !self.mode.remembers() {
            return Aim::ALL;
        }
        Aim::Missing {
            ask: Ask::Update,
            cursor: WindowSettings {
                cursor: "id".to_owned(),
                cursor_type: CursorType::Integer,
                order: RecordOrder::Ascending,
                start: None,
                lookback: None,
                safety_lag: SignedDuration::ZERO,
                boundary: Boundary::Closed,
                slice: None,
                is_open: false,
            },
            asks: Asks::default(),
        }
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
            quota: QuotaConfig::default(),
            clock: clock.clone(),
            events: Events::none(),
            redactor: Redactor::default(),
            tokens: None,
            user_agent: "tapline".to_owned(),
        });
        client.unwrap().transport(Arc::new(NoHooks))
    }
}

fn stage(schema: &str) -> Stage {
    Stage {
        table: TableRef {
            schema: schema.to_owned(),
            name: "latest".to_owned(),
        },
        keys: vec!["id".to_owned()],
        cursor: "id".to_owned(),
        cursor_type: CursorType::Integer,
        deletions: None,
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
