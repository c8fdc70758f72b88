//! A real rate limit is met, waited for as asked, and costs no row.

use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde_json::Value;

use crate::json_server::JsonServer;
use crate::nginx::{Nginx, Refusal};
use crate::server::fixture;
use crate::support::Project;

/// Whether a cell holds a value. The titles are texts, but for a few numbers, which become texts.
fn holds(cell: ValueRef<'_>, value: &Value) -> bool {
    match (cell, value) {
        (ValueRef::Null, Value::Null) => true,
        (ValueRef::Integer(cell), Value::Number(number)) => number.as_i64() == Some(cell),
        (ValueRef::Real(cell), Value::Number(number)) => number.as_f64() == Some(cell),
        (ValueRef::Text(cell), Value::String(text)) => cell == text.as_bytes(),
        (ValueRef::Text(cell), Value::Number(number)) => cell == number.to_string().as_bytes(),
        _ => false,
    }
}

#[track_caller]
fn check_row(row: &Row<'_>, movie: &serde_json::Map<String, Value>) {
    for (column, value) in movie {
        let cell = row.get_ref(column.as_str()).unwrap();
        assert!(holds(cell, value), "{column} is {cell:?} in {movie:?}");
    }
    let rest = row.get_ref("_tapline_rest").unwrap();
    assert_eq!(rest, ValueRef::Null, "{movie:?}");
}

#[track_caller]
fn check_rows(project: &Project, movies: &[serde_json::Map<String, Value>]) {
    let warehouse = project.warehouse();
    let mut select = warehouse.prepare("select * from t order by id").unwrap();
    let mut rows = select.query([]).unwrap();
    for movie in movies {
        check_row(rows.next().unwrap().unwrap(), movie);
    }
    assert!(rows.next().unwrap().is_none(), "there is a row too many");
}

/// Loads all movies against a rate limit; every refusal is waited out for `least` milliseconds.
#[track_caller]
fn check(refusal: Refusal, least: u64) {
    let api = JsonServer::start();
    let nginx = Nginx::start(api.port(), refusal);
    let project = Project::with_pipeline(
        &format!(
            "connector: rest\nstreams: {{ movies: movies.json }}\nparams: {{ host: \"{}\" }}",
            nginx.base_url()
        ),
        "{ connection: c, stream: movies }",
    );
    std::fs::copy(
        fixture("json-server/movies.json"),
        project.path("movies.json"),
    )
    .unwrap();
    let run = project.tapline(&["run", "--output", "json"]);
    assert_eq!(run.code, 0, "{run}");
    let report = run.json();
    assert_eq!(report["verdict"]["kind"], "complete", "{report}");
    assert_eq!(report["pages"], 8, "7 with rows, and the empty one");
    let retries = report["retries"].as_u64().unwrap();
    assert!(retries > 0, "the limit was not met: {report}");
    assert_eq!(retries, nginx.refused() as u64, "{report}");
    let waited = report["waited_ms"].as_u64().unwrap();
    assert!(waited >= retries * least, "{report}");
    check_rows(&project, api.movies());
}

#[test]
fn a_429_is_waited_out_for_as_long_as_it_says() {
    check(Refusal::RetryAfter, 1_000);
}

#[test]
fn a_503_is_tried_again_after_a_pause() {
    check(Refusal::Bare, 100);
}
