//! Reading one table of a real server by a spec of `tests/fixtures/specs`, and looking at the rows.

use rusqlite::types::ValueRef;
use serde_json::{Value, json};

use crate::secrets;
use crate::server::fixture;
use crate::support::{Project, Run};

/// The secret that a spec signs with, if it does. It comes from the environment.
pub(crate) const KEY: &str = secrets::PRISM;

/// A project whose pipeline reads the spec of this name into table `t`. `connection` is more YAML
/// of the connection: its `auth`, its `params`.
pub(crate) fn project(spec: &str, connection: &str) -> Project {
    let project = Project::with_pipeline(
        &format!("connector: rest\nstreams: {{ s: s.json }}\n{connection}"),
        "{ connection: c, stream: s }",
    );
    let spec = fixture(&format!("specs/{spec}.json"));
    std::fs::copy(spec, project.path("s.json")).unwrap();
    project
}

/// Runs the pipeline, which reads `records` in `pages`, to its complete end.
#[track_caller]
pub(crate) fn run(project: &Project, key: &str, pages: u64, records: usize) {
    let mut command = project.command(&["run", "--output", "json"]);
    let run = Run::of(command.env("KEY", key).output().unwrap());
    assert_eq!(run.code, 0, "{run}");
    let report = run.json();
    assert_eq!(report["verdict"]["kind"], "complete", "{report}");
    assert_eq!(report["records"]["written"], records, "{report}");
    assert_eq!(report["pages"], pages, "{report}");
}

/// What `sql` selects from the warehouse, cell by cell.
pub(crate) fn select(project: &Project, sql: &str) -> Vec<Vec<Value>> {
    let warehouse = project.warehouse();
    let mut select = warehouse.prepare(sql).unwrap();
    let columns = select.column_count();
    let rows = select.query_map([], |row| {
        (0..columns)
            .map(|column| row.get_ref(column).map(cell))
            .collect()
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn cell(cell: ValueRef<'_>) -> Value {
    match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => json!(number),
        ValueRef::Real(number) => json!(number),
        ValueRef::Text(text) => json!(str::from_utf8(text).unwrap()),
        ValueRef::Blob(_) => panic!("no column is made of bytes"),
    }
}
