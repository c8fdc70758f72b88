//! The installed binary and a PostgreSQL to write to: what people see, what is wrong, and sessions
//! that end in the middle.

#![expect(
    clippy::disallowed_methods,
    reason = "real processes wait for each other in real time"
)]

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tapline_conformance::fake_api::{Counts, FakeApi, FakeApiConfig, Fault, FaultAction};

use crate::hostile::server::{Reply, Server};
use crate::postgres::{Postgres, USER, runtime};
use crate::secrets::{ANOTHER, DATABASE};
use crate::support::{Project, Run, Tapline};

const PATIENCE: Duration = Duration::from_secs(60);
const PAGES: u64 = 6;
const RECORDS: u64 = 100 * PAGES;

/// A project that reads records of `host` into the table `t` of a destination at `url`.
fn project(host: &str, url: &str, mode: &str) -> Project {
    let project = Project::new(&format!(
        "version: 1
connections:
  c:
    connector: rest
    streams: {{ records: records.json }}
    params: {{ host: \"{host}\" }}
destinations:
  pg: {{ type: postgres, url: \"{url}\", commit: page }}
pipelines:
  p:
    source: {{ connection: c, stream: records }}
    destination: {{ name: pg, table: t, schema: raw }}
    sync: {{ mode: {mode} }}
"
    ));
    let spec = json!({
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
    });
    project.input("records.json", &spec.to_string());
    project
}

fn api(faults: Vec<Fault>) -> FakeApi {
    let api = FakeApi::start(FakeApiConfig {
        faults,
        ..FakeApiConfig::default()
    });
    let api = api.unwrap();
    api.set_counts(Counts {
        generic: RECORDS,
        ..Counts::default()
    });
    api
}

fn command(project: &Project, arguments: &[&str]) -> Tapline {
    let mut command = project.command(arguments);
    command.env("PGPASSWORD", DATABASE);
    command
}

fn tapline(project: &Project, arguments: &[&str]) -> Run {
    Run::of(command(project, arguments).output().unwrap())
}

#[track_caller]
fn done(project: &Project, arguments: &[&str]) -> Run {
    let run = tapline(project, arguments);
    assert_eq!(run.code, 0, "{run}");
    run
}

/// The lines of `text` in one, as they are broken at any width.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn loads_and_appends_are_shown_where_they_are() {
    let server = Postgres::start();
    let api = api(Vec::new());
    let url = server.url("${env:PGPASSWORD}", "postgres");
    let project = project(&api.base_url(), &url, "full_load");
    done(&project, &["validate"]);
    let place = format!("postgres://{USER}@127.0.0.1:{}/postgres", server.port);
    let plan = done(&project, &["plan", "p", "--output", "json"]).json();
    assert_eq!(
        (&plan["writes"]["path"], &plan["writes"]["format"]),
        (&json!(place), &json!("postgres"))
    );
    assert_eq!(plan["writes"]["table"], "raw.t");
    assert_eq!(
        server.select("SELECT 1 FROM pg_namespace WHERE nspname = 'raw'"),
        [""; 0]
    );

    for _ in 0..2 {
        let said = words(&done(&project, &["run"]).stdout);
        let now = format!("The table raw.t in {place} now has these 600 rows.");
        assert!(said.contains(&now), "no {now:?} in {said}");
    }
    let yaml = std::fs::read_to_string(project.path("tapline.yaml")).unwrap();
    project.input("tapline.yaml", &yaml.replace("full_load", "full_append"));
    let report = done(&project, &["run", "--output", "json"]).json();
    assert_eq!(report["records"]["written"], RECORDS);
    let count = "SELECT count(*) AS rows, count(DISTINCT id) AS ids, max(id) AS last FROM raw.t";
    let found = done(&project, &["sql", count, "--output", "json"]).json();
    assert_eq!(
        found["rows"],
        json!([{ "rows": 2 * RECORDS, "ids": RECORDS, "last": RECORDS }])
    );
    let traced = "SELECT count(*) FROM raw.t JOIN _tapline_requests r
        ON r.request_id = t._tapline_request_id AND r.run_id = t._tapline_run_id
        WHERE r.status = 200 AND r.table_schema = 'raw'";
    assert_eq!(server.select(traced), [(2 * RECORDS).to_string()]);
}

#[test]
fn sql_shows_values_as_everywhere_and_only_selects() {
    let server = Postgres::start();
    let url = server.url("${env:PGPASSWORD}", "postgres");
    let project = project("http://127.0.0.1:9", &url, "full_load");
    server.select("CREATE TABLE members (id bigint); INSERT INTO members VALUES (1), (2), (3)");
    let sql = "SELECT 7::bigint AS a, 1.5::float8 AS b, true AS c, 'x' AS d, NULL AS e,
        '\\x00ff'::bytea AS f, timestamptz '2026-01-02 03:04:05+00' AS g,
        12345678901234567890123::numeric AS h, jsonb '{\"a\": [1.0]}' AS i, 0.5 AS j";
    let found = done(&project, &["sql", sql, "--output", "json"]).json();
    assert_eq!(
        found["rows"],
        json!([{ "a": 7, "b": 1.5, "c": true, "d": "x", "e": null, "f": "00ff",
            "g": "2026-01-02T03:04:05.000000Z", "h": "12345678901234567890123",
            "i": "{\"a\": [1.0]}", "j": 0.5 }])
    );
    let some = ["sql", "SELECT id FROM members ORDER BY id;", "--limit", "2"];
    let shown = done(&project, &some);
    assert!(shown.stderr.contains("only the first 2 rows"), "{shown}");
    let none = done(
        &project,
        &[
            "sql",
            "SELECT id FROM members WHERE false",
            "--output",
            "json",
        ],
    );
    assert_eq!(
        none.json(),
        json!({"columns": ["id"], "rows": [], "truncated": false})
    );

    for (sql, said) in [
        ("DELETE FROM members", "only one that selects"),
        (
            "WITH gone AS (DELETE FROM members RETURNING id) SELECT * FROM gone",
            "WITH",
        ),
        ("SELECT 1; DROP TABLE members", "multiple commands"),
        ("DROP TABLE members", "only one that selects"),
        ("COPY members TO PROGRAM 'true'", "only one that selects"),
        ("SELECT 1 AS id INTO copy", "INTO"),
        ("SELECT nextval('s')", "does not exist"),
        (
            "SELECT set_config('transaction_read_only', 'off', true)",
            "read-write",
        ),
        ("SELECT * FROM member", "(known: members)"),
        ("SELECT id FROM members FOR UPDATE", "read-only"),
        ("", "no statement"),
    ] {
        let run = tapline(&project, &["sql", sql]);
        assert_eq!(run.code, 2, "{sql}: {run}");
        assert!(
            words(&run.stderr).contains(said),
            "no {said:?} in {sql}: {run}"
        );
    }
    assert_eq!(server.select("SELECT count(*) FROM members"), ["3"]);
}

#[test]
fn what_is_wrong_with_the_destination_is_said() {
    let server = Postgres::start();
    let api = api(Vec::new());
    let check = |url: &str, password: Option<&str>, code: i32, said: &str| {
        let project = project(&api.base_url(), url, "full_load");
        let mut command = project.command(&["run"]);
        if let Some(password) = password {
            command.env("PGPASSWORD", password);
        }
        let run = Run::of(command.output().unwrap());
        assert_eq!(run.code, code, "{run}");
        let all = words(&format!("{} {}", run.stdout, run.stderr));
        assert!(all.contains(said), "no {said:?} in {run}");
    };
    let from_env = server.url("${env:PGPASSWORD}", "postgres");
    check(
        &from_env,
        Some(ANOTHER),
        1,
        "password authentication failed",
    );
    check(&from_env, None, 2, "`PGPASSWORD` is not set");
    let nowhere = server.url("${env:PGPASSWORD}", "nowhere");
    check(&nowhere, Some(DATABASE), 1, "create it first");
    let place = format!("postgres://{USER}@127.0.0.1:{}/nowhere", server.port);
    check(&nowhere, Some(DATABASE), 1, &place);
    let tls = server.url("${env:PGPASSWORD}", "postgres?sslmode=verify-full");
    check(&tls, Some(DATABASE), 1, "the server does not support TLS");
    check("mysql://ann@localhost/x", None, 2, "E-destination");
    check("${env:PGPASSWORD}", Some("mysql://x"), 2, "E-destination");
    check(
        &server.url("${PGPASSWORD}", "postgres"),
        None,
        2,
        "is no reference",
    );
    // One that was typed there is not shown with its line.
    check(
        "mysql://ann:hushed/k3y+of=one@localhost/x",
        None,
        2,
        "mysql://****",
    );
    assert_eq!(api.stats().total, 0, "nothing was asked for");
    server.select("CREATE TABLE t (id bigint)");
    let port = server.port;
    drop(server);
    let gone = from_env.replace(&port.to_string(), "9");
    check(&gone, Some(DATABASE), 1, "the server cannot be reached");
}

#[test]
fn a_record_that_the_server_refuses_is_kept_with_its_reason() {
    let server = Postgres::start();
    let items = r#"{"id":1,"name":"a"},{"id":2,"name":"b\u0000"},{"id":3,"o":{"x":"\u0000"}},
        {"id":4,"s":"\ud800","name":"c"}"#;
    let source = Server::start(move |_| Reply::ok(format!("{{\"results\":[{items}]}}")));
    let url = server.url("${env:PGPASSWORD}", "postgres");
    let project = project(&source.origin(), &url, "full_load");
    let run = done(&project, &["run"]);
    let said = words(&run.stdout);
    assert!(
        said.contains("2 records did not fit; they are kept in _tapline_rejects, with the reason."),
        "{run}"
    );
    assert_eq!(
        server.select("SELECT id FROM raw.t ORDER BY id"),
        ["1", "4"]
    );
    let rejects = "SELECT reason || ' ' || raw FROM _tapline_rejects ORDER BY record";
    let rejects = server.select(rejects);
    assert!(rejects[0].contains("\"name\" holds U+0000"), "{rejects:?}");
    assert!(
        rejects[1].ends_with(r#"{"id":3,"o":{"x":"\u0000"}}"#),
        "{rejects:?}"
    );
    let rest = "SELECT _tapline_rest FROM raw.t WHERE id = 4";
    assert_eq!(server.select(rest), [r#"{"s":"\ud800"}"#]);
}

#[test]
fn a_view_that_stands_in_the_way_is_named_and_nothing_is_lost() {
    let server = Postgres::start();
    let source = Server::start(|_| Reply::ok(r#"{"results":[{"id":1},{"id":2}]}"#));
    let url = server.url("${env:PGPASSWORD}", "postgres");
    let project = project(&source.origin(), &url, "full_load");
    done(&project, &["run"]);
    server.select("CREATE VIEW summary AS SELECT max(id) FROM raw.t");
    source.turn(|_| Reply::ok(r#"{"results":[{"id":"x"}]}"#));
    let run = tapline(&project, &["run"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(
        words(&run.stdout).contains("view summary depends on column \"id\""),
        "{run}"
    );
    assert_eq!(server.select("SELECT * FROM summary"), ["2"]);
    server.select("DROP VIEW summary");
    done(&project, &["run"]);
    assert_eq!(server.select("SELECT id FROM raw.t"), ["x"]);
}

/// A run that is stuck on its fourth page, its first three being kept.
fn stuck(server: &Postgres, mode: &str) -> (FakeApi, Project, Child) {
    let slow = FaultAction::SlowFirstByte(Duration::from_millis(1500));
    let api = api(vec![Fault::nth("/generic/token", 4, slow)]);
    let url = server.url("${env:PGPASSWORD}", "postgres");
    let project = project(&api.base_url(), &url, mode);
    let run = command(&project, &["run", "--output", "json"]).spawn("cut");
    until("it asks for the fourth page", || api.stats().total == 4);
    let third = "SELECT seq FROM _tapline_commits WHERE seq = 3 AND NOT published";
    until("the third is kept", || !server.select(third).is_empty());
    (api, project, run)
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "{what}: never");
        thread::sleep(Duration::from_millis(5));
    }
}

fn rows(server: &Postgres) -> Vec<String> {
    server.select("SELECT count(*) || ' ' || count(DISTINCT id) FROM raw.t")
}

const SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'tapline'";

#[test]
fn a_session_that_ends_between_two_pages_is_followed_by_another() {
    for mode in ["full_load", "full_append"] {
        let server = Postgres::start();
        let (_api, project, mut run) = stuck(&server, mode);
        assert!(!server.select(SESSIONS).is_empty());
        assert_eq!(run.wait().unwrap().code(), Some(0));
        let said = std::fs::read_to_string(project.path("cut.stdout")).unwrap();
        let report: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(report["verdict"]["kind"], "complete");
        assert_eq!(rows(&server), [format!("{RECORDS} {RECORDS}")]);
    }
}

#[test]
fn a_session_that_ends_at_a_page_fails_the_run_and_the_next_one_goes_on() {
    for mode in ["full_load", "full_append"] {
        let server = Postgres::start();
        let (_api, project, mut run) = stuck(&server, mode);
        // The fourth page waits for this lock.
        let runtime = runtime();
        let other = runtime.block_on(server.client("postgres"));
        let lock = "BEGIN; SELECT * FROM _tapline_fences FOR UPDATE";
        runtime.block_on(other.batch_execute(lock)).unwrap();
        let blocked = format!("{SESSIONS} AND wait_event_type = 'Lock'");
        until("it waits for the lock", || {
            !server.select(&blocked).is_empty()
        });
        runtime.block_on(other.batch_execute("ROLLBACK")).unwrap();
        assert_eq!(run.wait().unwrap().code(), Some(1));
        let said = std::fs::read_to_string(project.path("cut.stdout")).unwrap();
        let report: Value = serde_json::from_str(&said).unwrap();
        let error = report["error"].as_str().unwrap();
        assert!(error.contains("terminating connection"), "{error}");

        let next = done(&project, &["run", "--output", "json"]).json();
        assert_eq!(next["resumed_from"]["pages"], 3, "{next}");
        assert_eq!(rows(&server), [format!("{RECORDS} {RECORDS}")], "{mode}");
    }
}
