//! `tapline state` with the installed binary: what is remembered of a part, of a run that was cut, and
//! what is carried to another store.

use std::fs;

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::datasette::Datasette;
use crate::support::{Project, Run};

/// Items 1 to 300, of the kinds `a` and `b` in turn.
fn items() -> Datasette {
    Datasette::serve("items.db", |database| {
        let connection = Connection::open(database).unwrap();
        let create = "create table items (id integer primary key, kind text)";
        connection.execute_batch(create).unwrap();
        add(&connection, 300);
    })
}

fn add(connection: &Connection, count: i64) {
    let insert = "with recursive n(i) as (select 1 union all select i + 1 from n where i < ?1)
        insert into items (kind) select case when i % 2 then 'a' else 'b' end from n";
    connection.execute(insert, params![count]).unwrap();
}

/// A pipeline of the items, 50 a page; with a part for each kind if they `are_divided`.
fn project(datasette: &Datasette, are_divided: bool) -> Project {
    let project = Project::new(&yaml(datasette, ""));
    let mut query = json!({ "_shape": "objects", "_sort": "id", "_size": "50" });
    let mut attributes = json!({
        "contentPath": { "path": "$.rows", "unwrap": true, "siblings": false },
        "paginationParams": { "type": "POINTER", "pointerPath": "$.next_url" },
        "responseParams": { "total": "$.filtered_table_rows_count" },
        "scheduleParams": { "scheduleStartParamName": "id__gte" }
    });
    if are_divided {
        query["kind"] = json!("${kind}");
        attributes["partitionParams"] = json!([{ "name": "kind", "values": ["a", "b"] }]);
    }
    attributes["urlParams"] = json!({
        "host": "${host}", "path": "/items/items.json", "method": "GET", "queryParams": query
    });
    let spec = json!({
        "authSpec": [],
        "sourceSpec": {
            "attributes": attributes,
            "spec": { "type": "object", "properties": { "host": { "type": "string" } },
                "required": ["host"] }
        }
    });
    fs::write(project.path("items.json"), spec.to_string()).unwrap();
    project
}

fn yaml(datasette: &Datasette, state: &str) -> String {
    format!(
        "version: 1
{state}connections:
  c:
    connector: rest
    streams: {{ items: items.json }}
    params: {{ host: \"{}\" }}
destinations:
  warehouse: {{ type: sqlite, path: warehouse.db }}
pipelines:
  items:
    source: {{ connection: c, stream: items }}
    destination: {{ name: warehouse, table: items }}
    sync: {{ mode: incremental, cursor: id, cursor_type: integer }}
",
        datasette.base_url()
    )
}

/// What a run that is complete reports.
#[track_caller]
fn complete(project: &Project) -> Value {
    let run = project.tapline(&["run", "--output", "json"]);
    assert_eq!(run.code, 0, "{run}");
    run.json()
}

#[track_caller]
fn done(project: &Project, arguments: &[&str]) -> Run {
    let run = project.tapline(arguments);
    assert_eq!(run.code, 0, "{run}");
    run
}

#[test]
fn what_is_remembered_is_carried_to_another_store() {
    let datasette = items();
    let project = project(&datasette, false);
    complete(&project);
    complete(&project);
    let exported = done(&project, &["state", "export"]);
    fs::write(project.path("state.json"), &exported.stdout).unwrap();

    let elsewhere = yaml(&datasette, "state: \"sqlite:other/state.db\"\n");
    fs::write(project.path("tapline.yaml"), elsewhere).unwrap();
    let lost = project.tapline(&["run"]);
    assert_eq!(lost.code, 0, "{lost}");
    assert!(
        lost.stderr.contains("nothing of that is remembered"),
        "{lost}"
    );
    assert_eq!(project.count("select count(*) from items"), 600);

    done(&project, &["state", "import", "state.json"]);
    add(&Connection::open(datasette.database()).unwrap(), 7);
    // The table has seen higher fences than the new store had given away.
    let report = complete(&project);
    assert_eq!(report["window"]["start"], "300");
    assert_eq!(report["records"]["written"], 7);
    assert_eq!(project.count("select count(distinct id) from items"), 307);
    assert_eq!(project.count("select max(id) from items"), 307);
}

#[test]
fn a_part_of_a_stream_is_set_back_alone() {
    let datasette = items();
    let project = project(&datasette, true);
    complete(&project);
    let shown = done(&project, &["state", "show", "items", "--output", "json"]).json();
    let names = part_names(&shown);
    assert_eq!(names.len(), 2, "{shown:#}");
    let wrong = project.tapline(&["state", "set", "items", "--newest", "1", "--partition", "c"]);
    assert_eq!(wrong.code, 2, "{wrong}");
    assert!(wrong.stderr.contains("there is no part `c`"), "{wrong}");

    let set = ["state", "set", "items", "--newest", "201", "--partition"];
    done(&project, &[&set[..], &[&names[0]]].concat());
    let report = complete(&project);
    // 201, 203, ... 299 of `a` once more, and of `b` only the newest, which is known.
    assert_eq!(report["records"]["written"], 50);
    assert_eq!(report["records"]["read"], 51);
    done(&project, &["state", "set", "items", "--newest", "251"]);
    assert_eq!(complete(&project)["records"]["written"], 50);
}

/// The names of the parts in `state show --output json`.
fn part_names(shown: &Value) -> Vec<String> {
    let marks = &shown["streams"][0]["marks"];
    marks["partitions"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

#[test]
fn a_first_run_that_was_cut_can_be_forgotten() {
    let datasette = items();
    let project = project(&datasette, false);
    let cut = project.tapline(&["run", "--max-pages", "2"]);
    assert_eq!(cut.code, 3, "{cut}");
    let forgotten = done(&project, &["state", "reset", "items"]);
    assert!(
        forgotten
            .stdout
            .contains("the run that was cut is forgotten"),
        "{forgotten}"
    );
    let again = project.tapline(&["state", "reset", "items"]);
    assert_eq!(again.code, 2, "{again}");
    let report = complete(&project);
    assert_eq!(report["resumed_from"], Value::Null);
    assert_eq!(report["records"]["written"], 300);
    assert_eq!(project.count("select count(distinct id) from items"), 300);
}
