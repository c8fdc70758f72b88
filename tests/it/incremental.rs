//! Updates and backfills of a real server that nobody here wrote: what is asked for, what is left
//! out, and that all of it together is what the server has.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::datasette::Datasette;
use crate::support::{Project, Run};

/// Events of 2024, one every six hours: `id`, `updated_at`, `note`.
fn events() -> Datasette {
    Datasette::serve("events.db", |database| {
        let connection = Connection::open(database).unwrap();
        let create = "create table events (id integer primary key, updated_at text, note text);
            create index by_time on events (updated_at)";
        connection.execute_batch(create).unwrap();
        add(database, "2024-01-01", 1_464);
    })
}

/// Adds events from `day` on, six hours apart.
fn add(database: &Path, day: &str, count: i64) {
    let connection = Connection::open(database).unwrap();
    let insert = "with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < ?2)
        insert into events (updated_at, note)
        select strftime('%Y-%m-%dT%H:%M:%SZ', ?1, (i * 6) || ' hours'), 'event ' || i from n";
    let added = connection.execute(insert, params![day, count]).unwrap();
    assert_eq!(added as i64, count);
}

/// How events are told apart: by time, or by number.
struct Way {
    cursor: &'static str,
    cursor_type: &'static str,
    start: &'static str,
    /// The rest of `sync`.
    more: &'static str,
}

const BY_TIME: Way = Way {
    cursor: "updated_at",
    cursor_type: "timestamp",
    start: "2024-07-01",
    more: "",
};

const BY_TIME_IN_PARTS: Way = Way {
    more: ", order: ascending, slice: 10d",
    ..BY_TIME
};

const BY_NUMBER: Way = Way {
    cursor: "id",
    cursor_type: "integer",
    start: "701",
    more: "",
};

fn project(datasette: &Datasette, way: &Way) -> Project {
    let Way {
        cursor,
        cursor_type,
        start,
        more,
    } = way;
    let project = Project::new(&format!(
        "version: 1
connections:
  c:
    connector: rest
    streams: {{ events: events.json }}
    params: {{ host: \"{}\" }}
destinations:
  warehouse: {{ type: sqlite, path: warehouse.db }}
pipelines:
  events:
    source: {{ connection: c, stream: events, concurrency: 3 }}
    destination: {{ name: warehouse, table: events }}
    sync: {{ mode: incremental, cursor: {cursor}, cursor_type: {cursor_type}, start: {start}{more} }}
",
        datasette.base_url()
    ));
    let spec = json!({
        "authSpec": [],
        "sourceSpec": {
            "attributes": {
                "urlParams": {
                    "host": "${host}", "path": "/events/events.json", "method": "GET",
                    "queryParams": { "_shape": "objects", "_sort": cursor, "_size": "100" }
                },
                "contentPath": { "path": "$.rows", "unwrap": true, "siblings": false },
                "paginationParams": { "type": "POINTER", "pointerPath": "$.next_url" },
                "responseParams": { "total": "$.filtered_table_rows_count" },
                "scheduleParams": {
                    "scheduleStartParamName": format!("{cursor}__gte"),
                    "scheduleEndParamName": format!("{cursor}__lt"),
                    "scheduleStartParamFormat": "yyyy-MM-ddTHH:mm:ssZ",
                    "scheduleEndParamFormat": "yyyy-MM-ddTHH:mm:ssZ"
                }
            },
            "spec": { "type": "object", "properties": { "host": { "type": "string" } },
                "required": ["host"] }
        }
    });
    fs::write(project.path("events.json"), spec.to_string()).unwrap();
    project
}

/// Runs, and checks that exactly what the server has in the window was fetched.
#[track_caller]
fn complete(project: &Project, datasette: &Datasette, arguments: &[&str]) -> Value {
    let run = project.tapline(&[arguments, &["--output", "json"]].concat());
    assert_eq!(run.code, 0, "{run}");
    let report = run.json();
    let read = report["records"]["read"].as_u64().unwrap();
    assert_eq!(
        read,
        within(datasette, &report),
        "nothing outside of {}",
        report["window"]
    );
    report
}

/// How many events the server has in the window of `report`.
fn within(datasette: &Datasette, report: &Value) -> u64 {
    let window = &report["window"];
    let column = match window["type"].as_str() {
        Some("integer") => "id",
        _ => "updated_at",
    };
    let bound = |value: &Value| value.as_str().map(str::to_owned);
    let sql = format!(
        "select count(*) from events where ({column} >= ?1 or ?1 is null)
             and ({column} < ?2 or ?2 is null)"
    );
    let sql = match column {
        "id" => sql
            .replace("?1 or", "cast(?1 as integer) or")
            .replace("?2 or", "cast(?2 as integer) or"),
        _ => sql,
    };
    let connection = Connection::open(datasette.database()).unwrap();
    let bounds = params![bound(&window["start"]), bound(&window["end"])];
    let count: i64 = connection
        .query_row(&sql, bounds, |row| row.get(0))
        .unwrap();
    count.cast_unsigned()
}

/// Every version that the server has is there, and none twice.
fn check_all(project: &Project, datasette: &Datasette) {
    let warehouse = project.warehouse();
    let served = datasette.database();
    warehouse
        .execute("attach ? as served", [served.to_str().unwrap()])
        .unwrap();
    let count = |sql: &str| -> i64 { warehouse.query_row(sql, [], |row| row.get(0)).unwrap() };
    let missing = "select count(*) from (select id, updated_at, note from served.events
        except select id, updated_at, note from events)";
    assert_eq!(count(missing), 0, "all of it is there");
    let twice = "select count(*) - count(distinct id || updated_at || note) from events";
    assert_eq!(count(twice), 0, "and nothing is there twice");
}

fn shown(project: &Project) -> Run {
    project.tapline(&["state", "show", "events"])
}

fn updates_and_backfills(way: &Way, gap: (&str, &str)) {
    let datasette = events();
    let project = project(&datasette, way);
    let early = project.tapline(&["backfill", "events"]);
    assert_eq!(early.code, 2, "{early}");
    assert!(early.stdout.contains("nothing to backfill from"), "{early}");

    let first = complete(&project, &datasette, &["run"]);
    assert_eq!(first["records"]["written"], first["records"]["read"]);
    // Nothing new: the newest event comes again, and is left out.
    let nothing = complete(&project, &datasette, &["run"]);
    assert_eq!(nothing["records"]["written"], 0, "{nothing}");
    assert_eq!(nothing["records"]["skipped"], 1, "{nothing}");

    add(&datasette.database(), "2025-01-01", 250);
    let new = complete(&project, &datasette, &["run"]);
    assert_eq!(new["records"]["written"], 250, "{new}");

    let (from, to) = gap;
    let old = complete(
        &project,
        &datasette,
        &["backfill", "events", "--from", from, "--to", to],
    );
    assert!(old["records"]["written"].as_u64().unwrap() > 100, "{old}");
    assert_eq!(old["watermarks"]["newest"], new["watermarks"]["newest"]);
    let picture = shown(&project);
    assert_eq!(picture.code, 0, "{picture}");
    assert!(
        picture.stdout.contains(&format!(
            "complete from {}",
            old["window"]["start"].as_str().unwrap()
        )),
        "{picture}"
    );
    assert!(picture.stdout.contains("missing  "), "{picture}");
    assert!(picture.stdout.contains("covered  █"), "{picture}");
    assert!(picture.stdout.contains("·"), "{picture}");

    let run = project.tapline(&["backfill", "events", "--output", "json"]);
    assert_eq!(run.code, 0, "{run}");
    let picture = shown(&project);
    assert!(
        picture.stdout.contains("complete from the beginning"),
        "{picture}"
    );
    assert!(!picture.stdout.contains("missing  "), "{picture}");
    check_all(&project, &datasette);
    let again = project.tapline(&["backfill", "events"]);
    assert_eq!(again.code, 2, "{again}");
    assert!(
        again.stdout.contains("nothing is missing before"),
        "{again}"
    );
}

#[test]
fn events_by_time_are_all_there_once() {
    updates_and_backfills(&BY_TIME, ("2024-03-01", "2024-05-01"));
}

#[test]
fn events_by_time_in_parts_are_all_there_once() {
    updates_and_backfills(&BY_TIME_IN_PARTS, ("2024-03-01", "2024-05-01"));
}

#[test]
fn events_by_number_are_all_there_once() {
    updates_and_backfills(&BY_NUMBER, ("200", "450"));
}

#[test]
fn events_that_changed_come_again_with_their_new_version() {
    let datasette = events();
    let project = project(&datasette, &BY_TIME);
    complete(&project, &datasette, &["run"]);
    let connection = Connection::open(datasette.database()).unwrap();
    // Among them events that no run has fetched yet.
    let change = "update events set updated_at = '2025-02-01T00:00:0' || (id % 3) || 'Z',
        note = 'changed' where id % 50 = 1";
    let changed = connection.execute(change, []).unwrap() as u64;
    let report = complete(&project, &datasette, &["run"]);
    assert_eq!(report["records"]["written"], changed, "{report}");
    // More of the same second, and one of that second that changes once more.
    let more = "insert into events (updated_at, note) values ('2025-02-01T00:00:02Z', 'late')";
    connection.execute(more, []).unwrap();
    let once_more = "update events set note = 'twice' where id =
        (select id from events where updated_at = '2025-02-01T00:00:02Z' and note = 'changed' limit 1)";
    assert_eq!(connection.execute(once_more, []).unwrap(), 1);
    let report = complete(&project, &datasette, &["run"]);
    assert_eq!(report["records"]["written"], 2, "{report}");
    let run = project.tapline(&["backfill", "events"]);
    assert_eq!(run.code, 0, "{run}");
    check_all(&project, &datasette);
}

#[test]
fn what_is_remembered_can_be_looked_at_and_taken_back() {
    let datasette = events();
    let project = project(&datasette, &BY_NUMBER);
    let none = project.tapline(&["state", "show"]);
    assert_eq!(none.code, 2, "{none}");
    complete(&project, &datasette, &["run"]);
    add(&datasette.database(), "2025-01-01", 10);
    complete(&project, &datasette, &["run"]);

    let log = project
        .tapline(&["state", "log", "events", "--output", "json"])
        .json();
    let changes = log["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0]["version"], 2);
    assert!(changes[0]["by"].as_str().unwrap().starts_with("run "));
    let diff = project.tapline(&["state", "diff", "events"]);
    assert!(diff.stdout.contains("newest"), "{diff}");
    assert!(
        diff.stdout.contains("1464") && diff.stdout.contains("1474"),
        "{diff}"
    );

    let exported = project.tapline(&["state", "export"]);
    fs::write(project.path("state.json"), &exported.stdout).unwrap();
    let set = project.tapline(&["state", "set", "events", "--newest", "1400"]);
    assert_eq!(set.code, 0, "{set}");
    let report = complete(&project, &datasette, &["run"]);
    assert_eq!(report["window"]["start"], "1400");
    let back = project.tapline(&["state", "rollback", "events", "--to", "1"]);
    assert_eq!(back.code, 0, "{back}");
    let report = complete(&project, &datasette, &["run"]);
    assert_eq!(report["window"]["start"], "1464");

    let reset = project.tapline(&["state", "reset", "events"]);
    assert_eq!(reset.code, 0, "{reset}");
    let empty = shown(&project);
    assert!(empty.stdout.contains("no marks"), "{empty}");
    let import = project.tapline(&["state", "import", "state.json"]);
    assert_eq!(import.code, 0, "{import}");
    let again = project.tapline(&["state", "export"]);
    assert_eq!(again.stdout, exported.stdout);

    let log = project.tapline(&["state", "log", "events"]);
    for by in [
        "state set --newest 1400",
        "state rollback --to 1",
        "state reset",
        "state import",
    ] {
        assert!(log.stdout.contains(by), "{log}");
    }
    let unknown = project.tapline(&["state", "rollback", "events", "--to", "99"]);
    assert_eq!(unknown.code, 2, "{unknown}");
    assert!(
        unknown.stderr.contains("there is no version 99"),
        "{unknown}"
    );
    let misspelt = project.tapline(&["state", "show", "event"]);
    assert!(
        misspelt.stderr.contains("did you mean `events`?"),
        "{misspelt}"
    );
}
