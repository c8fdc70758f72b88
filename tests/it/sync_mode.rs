//! From one sync mode to another, step by step as an operator goes: what is remembered, what the tables
//! hold, and what is refused.

use std::fs;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::datasette::Datasette;
#[cfg(unix)]
use crate::postgres::{Postgres, USER};
use crate::support::{Project, Run};

/// Customers who have an `updated_at`, and no telephone yet.
fn customers() -> Datasette {
    Datasette::serve("customers.db", |database| {
        let connection = Connection::open(database).unwrap();
        let create = "create table customers (id integer primary key, name text, updated_at text);
            with recursive n(i) as (select 1 union all select i + 1 from n where i < 250)
            insert into customers select i, 'name ' || i,
                strftime('%Y-%m-%dT%H:%M:%SZ', '2026-01-01', i || ' hours') from n";
        connection.execute_batch(create).unwrap();
    })
}

fn change(datasette: &Datasette, sql: &str) {
    let connection = Connection::open(datasette.database()).unwrap();
    connection.execute_batch(sql).unwrap();
}

const SYNC: &str = "    sync:
      mode: incremental # every version
      # when a customer changed
      cursor: updated_at
";

const SQLITE: &str = "{ type: sqlite, path: warehouse.db }";

fn project(datasette: &Datasette, sync: &str) -> Project {
    project_into(SQLITE, datasette, sync)
}

fn project_into(destination: &str, datasette: &Datasette, sync: &str) -> Project {
    let project = Project::new(&format!(
        "version: 1
connections:
  crm:
    connector: rest
    streams: {{ customers: customers.json }}
    params: {{ host: \"{}\" }}
destinations:
  warehouse: {destination}
pipelines:
  # Ours
  customers:
    source: {{ connection: crm, stream: customers }}
    destination: {{ name: warehouse, table: customers }}
{sync}",
        datasette.base_url()
    ));
    let spec = json!({
        "authSpec": [],
        "sourceSpec": {
            "attributes": {
                "urlParams": {
                    "host": "${host}", "path": "/customers/customers.json", "method": "GET",
                    "queryParams": { "_shape": "objects", "_sort": "updated_at", "_size": "100" }
                },
                "contentPath": { "path": "$.rows", "unwrap": true, "siblings": false },
                "paginationParams": { "type": "POINTER", "pointerPath": "$.next_url" },
                "responseParams": { "total": "$.filtered_table_rows_count" },
                "scheduleParams": {
                    "scheduleStartParamName": "updated_at__gte",
                    "scheduleStartParamFormat": "yyyy-MM-ddTHH:mm:ssZ"
                }
            },
            "spec": { "type": "object", "properties": { "host": { "type": "string" } },
                "required": ["host"] }
        }
    });
    fs::write(project.path("customers.json"), spec.to_string()).unwrap();
    project
}

#[track_caller]
fn done(project: &Project, arguments: &[&str]) -> Run {
    let run = project.tapline(arguments);
    assert_eq!(run.code, 0, "{run}");
    run
}

#[track_caller]
fn run(project: &Project, more: &[&str]) -> Value {
    done(project, &[&["run", "--output", "json"], more].concat()).json()
}

/// Moves the pipeline, and returns what became of what was remembered, and the warnings.
#[track_caller]
fn moved(project: &Project, to: &str, more: &[&str]) -> (String, Vec<String>) {
    let command = ["sync-mode", "customers", "--to", to, "--output", "json"];
    let answer = done(project, &[&command, more].concat()).json();
    assert_eq!(answer["status"], "success");
    let details = &answer["migration_details"];
    assert_eq!(details["target_load_type"], to);
    let warnings = details["warnings"].as_array().unwrap().iter();
    let action = details["state_action"].as_str().unwrap();
    (
        action.to_owned(),
        warnings.map(|w| w.as_str().unwrap().to_owned()).collect(),
    )
}

/// The guide: a column was added and everything fetched again, so there are duplicates; then the
/// pipeline comes to show each customer once.
#[track_caller]
fn follow_the_guide(project: &Project, datasette: &Datasette, count: &dyn Fn(&str) -> i64) {
    run(project, &[]);
    change(
        datasette,
        "alter table customers add column telephone text;
         update customers set telephone = '555-' || id;
         update customers set updated_at = '2026-02-01T00:00:00Z', name = 'changed' where id <= 10",
    );
    run(project, &["--full-refresh"]);
    assert_eq!(count("count(*) from customers"), 500);

    let before = fs::read_to_string(project.path("tapline.yaml")).unwrap();
    let dry = ["--primary-key", "id", "--dry-run"];
    assert_eq!(
        moved(project, "incremental_with_qualify", &dry),
        ("preserve".to_owned(), vec![])
    );
    let same = fs::read_to_string(project.path("tapline.yaml")).unwrap();
    assert_eq!(same, before);

    let command = [
        "sync-mode",
        "customers",
        "--to",
        "incremental_with_qualify",
        "--cursor",
        "updated_at",
        "--cursor-type",
        "timestamp",
        "--primary-key",
        "id",
        "--output",
        "json",
    ];
    let answer = done(project, &command).json();
    let expected = json!({
        "status": "success",
        "message": "Successfully migrated sync mode to incremental_with_qualify",
        "migration_details": {
            "state_action": "preserve",
            "target_load_type": "incremental_with_qualify",
            "warnings": [],
        },
    });
    assert_eq!(answer, expected);
    let after = fs::read_to_string(project.path("tapline.yaml")).unwrap();
    let sync = "    sync:
      mode: incremental_with_qualify # every version
      # when a customer changed
      cursor: updated_at
      cursor_type: timestamp
      primary_keys: [id]
";
    assert_eq!(after, before.replace(SYNC, sync));

    change(
        datasette,
        "update customers set updated_at = '2026-03-01T00:00:00Z', name = 'again' where id = 7",
    );
    let report = run(project, &[]);
    assert_eq!(report["window"]["start"], "2026-02-01T00:00:00Z");
    assert_eq!(report["records"]["written"], 1);
    assert_eq!(count("count(*) from customers"), 501);
    let staged = |what: &str| count(&format!("{what} from staged"));
    assert_eq!(staged("count(*)"), 250);
    assert_eq!(staged("count(distinct id)"), 250);
    assert_eq!(staged("count(telephone)"), 250);
    assert_eq!(staged("count(case when name = 'changed' then 1 end)"), 9);
    assert_eq!(
        staged("count(case when name = 'again' and id = 7 then 1 end)"),
        1
    );
}

#[test]
fn duplicates_are_gone_once_each_record_is_shown_once() {
    let datasette = customers();
    let project = project(&datasette, SYNC);
    let count = |what: &str| {
        let what = what.replace("from staged", "from staged__customers");
        project.count(&format!("select {what}"))
    };
    follow_the_guide(&project, &datasette, &count);
}

#[cfg(unix)]
#[test]
fn so_they_are_in_postgresql() {
    let datasette = customers();
    let server = Postgres::quick();
    let url = format!("postgres://{USER}@127.0.0.1:{}/postgres", server.port);
    let destination = format!("{{ type: postgres, url: \"{url}\" }}");
    let project = project_into(&destination, &datasette, SYNC);
    let count = |what: &str| {
        let what = what.replace("from staged", "from staged.customers");
        server.select(&format!("select {what}"))[0].parse().unwrap()
    };
    follow_the_guide(&project, &datasette, &count);
}

#[test]
fn every_move_does_to_the_state_what_the_table_says() {
    let modes = [
        "full_load",
        "full_append",
        "incremental",
        "incremental_with_qualify",
    ];
    let datasette = customers();
    for (row, from) in modes.iter().enumerate() {
        for (column, to) in modes.iter().enumerate() {
            let sync =
                format!("    sync: {{ mode: {from}, cursor: updated_at, primary_keys: [id] }}\n");
            let project = project(&datasette, &sync);
            run(&project, &[]);
            let (action, warnings) = moved(&project, to, &["--force"]);
            let expected = match (row < 2, column < 2) {
                _ if row == column => "preserve",
                (_, true) => "reset",
                (true, false) => "initialize",
                (false, false) => "preserve",
            };
            assert_eq!(action, expected, "{from} to {to}");
            let is_quiet = from != to && column == 3;
            assert_eq!(
                warnings.is_empty(),
                is_quiet,
                "{from} to {to}: {warnings:?}"
            );
            let report = run(&project, &[]);
            assert_eq!(report["sync_mode"], **to);
            let begins = report["window"]["start"].is_null();
            assert_eq!(begins, action != "preserve" || row < 2, "{from} to {to}");
        }
    }
}

#[test]
fn what_would_show_rows_twice_or_replace_them_takes_a_word() {
    let datasette = customers();
    let project = project(&datasette, SYNC);
    let refused = |arguments: &[&str], part: &str| {
        let before = fs::read_to_string(project.path("tapline.yaml")).unwrap();
        let run = project.tapline(&[&["sync-mode", "customers"], arguments].concat());
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains(part), "{run}");
        let after = fs::read_to_string(project.path("tapline.yaml")).unwrap();
        assert_eq!(after, before);
    };
    moved(&project, "full_load", &["--dry-run"]);
    assert!(!project.path(".tapline").exists(), "a dry run writes");
    refused(&["--to", "merge"], "full_load, full_append, incremental");
    refused(&["--to", "incremental_with_qualify"], "E-no-key");
    run(&project, &[]);
    refused(&["--to", "full_load"], "--force");
    let other = [
        "--to",
        "incremental",
        "--cursor",
        "id",
        "--cursor-type",
        "integer",
    ];
    refused(&other, "is about the cursor `updated_at`");
    // By hand, without the command.
    let text = fs::read_to_string(project.path("tapline.yaml")).unwrap();
    let by_hand = text.replace(
        "mode: incremental",
        "mode: incremental_with_qualify, primary_keys: [id]",
    );
    let by_hand = by_hand.replace(
        "    sync:\n      mode: incremental_with_qualify, primary_keys: [id] # every version",
        "    sync:\n      primary_keys: [id]\n      mode: incremental_with_qualify # every version",
    );
    fs::write(project.path("tapline.yaml"), by_hand).unwrap();
    let run = project.tapline(&["run"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stdout.contains("`tapline sync-mode`"), "{run}");
}

/// Whoever may not edit the project file lets the state store say it.
#[test]
fn the_state_store_may_say_the_mode_in_the_place_of_the_file() {
    let datasette = customers();
    let project = project(&datasette, SYNC);
    done(&project, &["run"]);
    let file = fs::read_to_string(project.path("tapline.yaml")).unwrap();
    let to = ["sync-mode", "customers", "--to", "incremental_with_qualify"];
    let moved = [
        &to[..],
        &["--primary-key", "id", "--in-state", "--output", "json"],
    ]
    .concat();
    let answer = done(&project, &moved).json();
    assert_eq!(answer["migration_details"]["state_action"], "preserve");
    assert_eq!(
        fs::read_to_string(project.path("tapline.yaml")).unwrap(),
        file,
        "the file is as it was"
    );
    change(
        &datasette,
        "update customers set name = 'new', updated_at = '2026-06-01T00:00:00Z' where id = 7",
    );
    let run = done(&project, &["run"]);
    let said = "sync modes by the state store: customers: incremental_with_qualify";
    assert!(run.stderr.contains(said), "{run}");
    assert_eq!(project.count("select count(*) from staged__customers"), 250);
    assert_eq!(
        project.count("select count(*) from customers where id = 7"),
        2
    );
    let plan = done(&project, &["plan", "customers", "--output", "json"]).json();
    assert_eq!(plan["writes"]["sync_mode"], "incremental_with_qualify");
    // What was said before of the key is still said.
    let again = [
        "sync-mode",
        "customers",
        "--to",
        "incremental_with_qualify",
        "--in-state",
    ];
    let again = done(&project, &again);
    assert!(again.stderr.contains("already"), "{again}");
    done(&project, &["run"]);
    // The file says it again from now on.
    done(&project, &["sync-mode", "customers", "--to", "incremental"]);
    let run = done(&project, &["run"]);
    assert!(
        !run.stderr.contains("sync modes by the state store"),
        "{run}"
    );
    let without = [
        "sync-mode",
        "customers",
        "--to",
        "full_append",
        "--in-state",
    ];
    done(&project, &without);
    // A pipeline that the file does not have any more is nobody's.
    let renamed = file.replace("  customers:\n    source", "  clients:\n    source");
    project.input("tapline.yaml", &renamed);
    done(&project, &["validate"]);
    let run = project.tapline(&["plan", "clients"]);
    assert!(
        !run.stderr.contains("sync modes by the state store"),
        "{run}"
    );
}
