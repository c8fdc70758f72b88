//! State in a real PostgreSQL: the suite of every state store, and two runners that share one.

#![expect(
    clippy::disallowed_methods,
    reason = "real processes wait for each other in real time"
)]

use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tapline_conformance::fake_api::{Counts, FakeApi, FakeApiConfig, Fault, FaultAction};
use tapline_conformance::state::{Subject, suite};
use tapline_core::{ErrorKind, Result, Secret, StateStore};
use tapline_state::{PostgresState, SealingKey};

use crate::clock::clock;
use crate::postgres::{Postgres, USER, runtime};
use crate::secrets::{ANOTHER, DATABASE};
use crate::support::{Project, Run, Tapline};

/// How long anything here may take that should take a moment.
const PATIENCE: Duration = Duration::from_secs(60);
const PAGES: u64 = 8;
const RECORDS: u64 = 100 * PAGES;
/// The request that is never answered.
const STUCK: u64 = 3;

/// A schema of the server.
struct Schema<'a> {
    server: &'a Postgres,
    name: String,
    key: Option<SealingKey>,
}

impl Schema<'_> {
    fn address(&self) -> Secret {
        let schema = &self.name;
        let database = format!("postgres?options=-c%20search_path%3D{schema}");
        self.server.address(&database)
    }
}

#[async_trait]
impl Subject for Schema<'_> {
    async fn open(&self) -> Result<Arc<dyn StateStore>> {
        let store = PostgresState::open(&self.address(), clock()).await?;
        Ok(match &self.key {
            None => Arc::new(store),
            Some(_) => Arc::new(store.with_key(key())),
        })
    }

    async fn age(&self) {
        let sql = format!("UPDATE {}.schema_version SET version = 99", self.name);
        self.server.ask(&sql).await;
    }

    async fn kill_holders(&self) -> bool {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'";
        !self.server.ask(sql).await.is_empty()
    }
}

fn key() -> SealingKey {
    SealingKey::from_base64(&Secret::new(STANDARD.encode([1; 32]))).unwrap()
}

#[test]
fn a_shared_store_conforms() {
    let server = Postgres::start();
    let number = AtomicU64::new(0);
    for sealed in [false, true] {
        let report = runtime().block_on(suite(|| Schema {
            server: &server,
            name: format!("s{}", number.fetch_add(1, Ordering::Relaxed)),
            key: sealed.then(key),
        }));
        print!("{report}");
        assert!(report.passed(), "{report}");
        assert!(!report.to_string().contains("skipped"), "{report}");
    }
    runtime().block_on(a_new_session_follows_a_lost_one(&server));
    runtime().block_on(many_make_the_tables_at_once(&server));
}

async fn a_new_session_follows_a_lost_one(server: &Postgres) {
    let schema = schema(server, "lost");
    let store = schema.open().await.unwrap();
    store.put("n", "k", &json!(1), None).await.unwrap();
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'tapline'";
    assert!(!server.ask(others).await.is_empty());
    // Whoever is cut off while asking is told so; then it goes on.
    let mut found = store.get("n", "k").await;
    for _ in 0..100 {
        match &found {
            Err(error) if error.kind() == ErrorKind::State => {}
            _ => break,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        found = store.get("n", "k").await;
    }
    assert_eq!(found.unwrap().unwrap().value, json!(1));
}

async fn many_make_the_tables_at_once(server: &Postgres) {
    let address = schema(server, "Crowded").address();
    let opens = (0..8).map(|_| PostgresState::open(&address, clock()));
    for opened in futures::future::join_all(opens).await {
        opened.map(drop).unwrap();
    }
}

fn schema<'a>(server: &'a Postgres, name: &str) -> Schema<'a> {
    Schema {
        server,
        name: name.to_owned(),
        key: None,
    }
}

/// A project whose state is in the database `database` of `server`, and the API it reads.
struct Rig {
    api: FakeApi,
    project: Project,
}

impl Rig {
    /// The request number `stuck` is never answered.
    fn new(port: u16, database: &str, stuck: Option<u64>) -> Self {
        Self::syncing(port, database, stuck, "mode: full_load")
    }

    fn syncing(port: u16, database: &str, stuck: Option<u64>, sync: &str) -> Self {
        let hang = |number| Fault::nth("/generic/token", number, FaultAction::Hang);
        let api = FakeApi::start(FakeApiConfig {
            faults: stuck.map(hang).into_iter().collect(),
            ..FakeApiConfig::default()
        });
        let api = api.unwrap();
        api.set_counts(Counts {
            generic: RECORDS,
            ..Counts::default()
        });
        let project = Project::new(&format!(
            "version: 1
state: \"postgres://{USER}:${{env:PGPASSWORD}}@127.0.0.1:{port}/{database}\"
connections:
  c:
    connector: rest
    streams: {{ records: records.json }}
    params: {{ host: \"{}\" }}
destinations:
  warehouse: {{ type: sqlite, path: warehouse.db }}
pipelines:
  p:
    source: {{ connection: c, stream: records }}
    destination: {{ name: warehouse, table: t }}
    sync: {{ {sync} }}
",
            api.base_url()
        ));
        project.input("records.json", &spec());
        Self { api, project }
    }

    /// The server has another port now.
    fn move_state(&self, from: u16, to: u16) {
        let yaml = std::fs::read_to_string(self.project.path("tapline.yaml")).unwrap();
        let (from, to) = (format!(":{from}/"), format!(":{to}/"));
        self.project
            .input("tapline.yaml", &yaml.replace(&from, &to));
    }

    fn command(&self, arguments: &[&str]) -> Tapline {
        let mut command = self.project.command(arguments);
        command.env("PGPASSWORD", DATABASE);
        command
    }

    fn tapline(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    fn records(&self) -> i64 {
        self.project.count("select count(*) from t")
    }
}

fn spec() -> String {
    json!({
        "authSpec": [],
        "sourceSpec": {
            "attributes": {
                "urlParams": { "host": "${host}", "path": "/generic/token", "method": "GET",
                    "queryParams": { "limit": "100" } },
                "contentPath": { "path": "$.results", "unwrap": true, "siblings": false },
                "paginationParams": { "type": "CONTINUATION_TOKEN",
                    "continuationTokenPath": "$.next_token",
                    "parameterType": "QUERYPARAM", "parameterName": "token" }
            },
            "spec": { "type": "object", "properties": { "host": { "type": "string" } },
                "required": ["host"] }
        }
    })
    .to_string()
}

#[test]
fn two_runners_never_run_one_pipeline_at_once() {
    for sync in ["mode: full_load", "mode: incremental, cursor: updated_at"] {
        one_takes_over_from_the_other(sync);
    }
}

fn one_takes_over_from_the_other(sync: &str) {
    let server = Postgres::start();
    let rig = Rig::syncing(server.port, "postgres", Some(STUCK), sync);
    let mut first = rig.command(&["run"]).spawn("first");
    until("the first is stuck", || rig.api.stats().total == STUCK);

    let second = rig.tapline(&["run", "--lock-wait", "300ms"]);
    assert_eq!(second.code, 5, "{second}");
    let holder = format!("held by process {} on ", first.id());
    assert!(second.stdout.contains(&holder), "{second}");
    assert_eq!(rig.api.stats().total, STUCK, "it has asked for nothing");

    let mut third = rig
        .command(&["run", "--lock-wait", "10m", "--output", "json"])
        .spawn("third");
    let waiting = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_try_advisory_lock%'
        AND application_name = 'tapline'";
    until("the third waits", || !server.select(waiting).is_empty());
    first.kill().unwrap();
    first.wait().unwrap();
    let killed = Instant::now();
    assert_eq!(exit_code(&mut third), 0, "{}", said(&rig, "third"));
    println!(
        "taken over, and done, {:?} after the kill",
        killed.elapsed()
    );
    let all = i64::try_from(RECORDS).unwrap();
    assert_eq!(rig.records(), all);
    assert_eq!(rig.project.count("select count(distinct id) from t"), all);
    let report = std::fs::read_to_string(rig.project.path("third.stdout")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["resumed_from"]["pages"], STUCK - 1, "{report:#}");
    let again = rig.api.stats().total - PAGES;
    assert_eq!(again, 1, "only the page that was never answered");

    let fence = "SELECT fence FROM tapline.leases WHERE name LIKE '%p'";
    assert_eq!(server.select(fence), ["2"]);
    let logged = "SELECT value::json -> 'verdict' ->> 'kind' FROM tapline.logs
        WHERE log = 'runs/p' ORDER BY number DESC LIMIT 1";
    assert_eq!(server.select(logged), ["complete"]);
}

#[test]
fn state_outlives_its_server_and_is_read_by_every_command() {
    let mut server = Postgres::start();
    let rig = Rig::new(server.port, "postgres", None);
    let before = rig.tapline(&["plan", "p", "--output", "json"]);
    assert_eq!(before.code, 0, "{before}");
    assert!(before.json()["estimate"]["last_complete_run"].is_null());
    let made = "SELECT 1 FROM pg_namespace WHERE nspname = 'tapline'";
    assert!(server.select(made).is_empty(), "a plan makes nothing");

    for arguments in [&["run"][..], &["preview", "p"], &["check"]] {
        let run = rig.tapline(arguments);
        assert_eq!(run.code, 0, "{run}");
    }
    let port = server.port;
    server.restart();
    rig.move_state(port, server.port);
    let after = rig.tapline(&["plan", "p", "--output", "json"]);
    let last = &after.json()["estimate"]["last_complete_run"];
    assert_eq!(last["records"], RECORDS, "{after}");
}

#[test]
fn what_is_wrong_with_the_server_is_said() {
    let server = Postgres::start();
    let check = |rig: &Rig, password: Option<&str>, code: i32, words: &str| {
        let mut command = rig.project.command(&["run"]);
        if let Some(password) = password {
            command.env("PGPASSWORD", password);
        }
        let run = Run::of(command.output().unwrap());
        assert_eq!(run.code, code, "{run}");
        let found = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(found.contains(words), "no {words:?} in {run}");
    };
    let rig = Rig::new(server.port, "postgres", None);
    check(&rig, Some(ANOTHER), 1, "password authentication failed");
    check(&rig, None, 2, "`PGPASSWORD` is not set");
    let rig = Rig::new(server.port, "nowhere", None);
    check(&rig, Some(DATABASE), 1, "create it first");
    let place = format!("postgres://{USER}@127.0.0.1:{}/nowhere", server.port);
    check(&rig, Some(DATABASE), 1, &place);
    let rig = Rig::new(server.port, "postgres?sslmode=require", None);
    check(&rig, Some(DATABASE), 1, "the server does not support TLS");
    let port = server.port;
    drop(server);
    let rig = Rig::new(port, "postgres", None);
    check(&rig, Some(DATABASE), 1, "the server cannot be reached");
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "{what}: never");
        thread::sleep(Duration::from_millis(20));
    }
}

fn exit_code(process: &mut Child) -> i32 {
    let mut code = None;
    until("it ends", || {
        code = process.try_wait().unwrap();
        code.is_some()
    });
    code.and_then(|status| status.code()).unwrap_or(-1)
}

fn said(rig: &Rig, name: &str) -> String {
    std::fs::read_to_string(rig.project.path(&format!("{name}.stderr"))).unwrap()
}
