//! Files instead of tables: every format, seen as a reader sees it, by the highest manifest.

use std::fs::{self, File};
use std::path::PathBuf;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use tapline_conformance::fake_api::{Counts, FakeApi, FakeApiConfig};

use crate::secrets;
use crate::support::{Project, Run};

const KEY: &str = secrets::FAKE_API;

fn api(members: u64, kill_after: Option<u64>) -> FakeApi {
    let config = FakeApiConfig {
        counts: Counts {
            members,
            ..Counts::default()
        },
        key: KEY.to_owned(),
        kill_after,
        ..FakeApiConfig::default()
    };
    FakeApi::start(config).unwrap()
}

fn project(api: &FakeApi, format: &str) -> Project {
    Project::new(&format!(
        "version: 1
connections:
  c:
    connector: mailchimp
    auth: {{ specName: Basic Authentication, params: {{ username: any, password: \"${{env:KEY}}\" }} }}
    params: {{ host: \"{}\" }}
destinations:
  lake: {{ type: files, path: lake, format: {format} }}
pipelines:
  p:
    source: {{ connection: c, stream: members, params: {{ listId: 57afe96172 }} }}
    destination: {{ name: lake, table: members }}
",
        api.base_url()
    ))
}

fn run(project: &Project) -> Run {
    let mut command = project.command(&["run", "--output", "json"]);
    Run::of(command.env("KEY", KEY).output().unwrap())
}

/// The state that readers see.
fn manifest(project: &Project) -> Value {
    let folder = project.path("lake/public/members/_manifest");
    let entries = fs::read_dir(folder).unwrap();
    let newest = entries.map(|entry| entry.unwrap().path()).max().unwrap();
    serde_json::from_slice(&fs::read(newest).unwrap()).unwrap()
}

fn files(project: &Project) -> Vec<PathBuf> {
    let table = project.path("lake/public/members");
    let manifest = manifest(project);
    let files = manifest["files"].as_array().unwrap();
    let path = |file: &Value| table.join(file["path"].as_str().unwrap());
    files.iter().map(path).collect()
}

fn read(files: &[PathBuf]) -> Vec<Vec<u8>> {
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// The texts of all files in one.
fn text(project: &Project) -> String {
    String::from_utf8(read(&files(project)).concat()).unwrap()
}

/// Email addresses and languages by line.
fn jsonl(project: &Project) -> Vec<Value> {
    let text = text(project);
    let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
    rows.collect()
}

/// Rows of Parquet as JSON, files united by name.
fn parquet(project: &Project) -> Vec<Value> {
    let mut rows = Vec::new();
    for file in files(project) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap());
        for batch in reader.unwrap().build().unwrap() {
            let batch = batch.unwrap();
            rows.extend((0..batch.num_rows()).map(|row| record(&batch, row)));
        }
    }
    rows
}

fn record(batch: &RecordBatch, row: usize) -> Value {
    let fields = batch.schema_ref().fields().iter().zip(batch.columns());
    let cell = |array: &dyn Array| match array.data_type() {
        _ if array.is_null(row) => Value::Null,
        DataType::Boolean => json!(array.as_boolean().value(row)),
        DataType::Int64 => json!(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => json!(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        _ => Value::Null,
    };
    let members = fields.map(|(field, array)| (field.name().clone(), cell(array)));
    Value::Object(members.collect())
}

#[test]
fn parquet_and_jsonl_hold_the_same_rows_as_the_table_does() {
    let api = api(2_500, None);
    let (lake, lines) = (project(&api, "parquet"), project(&api, "jsonl"));
    for project in [&lake, &lines] {
        let run = run(project);
        assert_eq!(run.code, 0, "{run}");
        let report = run.json();
        assert_eq!(report["records"]["written"], 2_500);
        assert_eq!(report["pages"], 4);
        assert_eq!(manifest(project)["rows"], 2_500);
    }
    let (columns, rows) = (parquet(&lake), jsonl(&lines));
    assert_eq!(columns.len(), 2_500);
    for (number, (stored, line)) in columns.iter().zip(&rows).enumerate() {
        for (name, value) in line.as_object().unwrap() {
            if name.starts_with("_tapline_") {
                continue;
            }
            let stored = &stored[name];
            let nested = stored.as_str().map(serde_json::from_str::<Value>);
            let same = stored == value || nested.is_some_and(|n| n.is_ok_and(|n| n == *value));
            assert!(same, "row {number}, {name}: {stored} and {value}");
        }
    }
    assert!(rows[0]["stats"].is_object(), "nested JSON is nested");
}

#[test]
fn csv_has_a_line_of_names_and_one_for_each_row() {
    let api = api(1_200, None);
    let project = project(&api, "csv");
    assert_eq!(run(&project).code, 0);
    let texts = read(&files(&project));
    let first = String::from_utf8(texts[0].clone()).unwrap();
    let names: Vec<&str> = first.lines().next().unwrap().split(',').collect();
    assert!(names.contains(&"email_address") && names.contains(&"_tapline_request_id"));
    let rows = text(&project).lines().count() - texts.len();
    assert_eq!(rows, 1_200);
}

#[test]
fn raw_bodies_are_the_bytes_that_were_sent() {
    let api = api(2_500, None);
    let project = project(&api, "raw");
    let run = run(&project);
    assert_eq!(run.code, 0, "{run}");
    let report = run.json();
    assert_eq!(report["records"]["read"], 2_500);
    assert_eq!(report["records"]["written"], 4, "bodies");
    let bodies = read(&files(&project));
    let sizes: u64 = bodies.iter().map(|body| body.len() as u64).sum();
    assert_eq!(report["bytes"], sizes);
    let mut sent = Vec::new();
    for offset in [0, 1_000, 2_000, 3_000] {
        sent.push(ask(&api, offset));
    }
    assert_eq!(bodies, sent);
    let names = files(&project).into_iter();
    assert!(
        names
            .map(|f| f.extension().unwrap().to_owned())
            .all(|e| e == "json")
    );
}

/// What the API answers to a plain request for a page.
fn ask(api: &FakeApi, offset: u64) -> Vec<u8> {
    use std::io::{Read, Write};
    let mut socket = std::net::TcpStream::connect(api.address()).unwrap();
    let credentials = STANDARD.encode(format!("any:{KEY}"));
    let path = format!("/3.0/lists/57afe96172/members?count=1000&offset={offset}");
    write!(
        socket,
        "GET {path} HTTP/1.1\r\nHost: h\r\nAuthorization: Basic {credentials}\r\n\
         Connection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let head = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    answer.split_off(head + 4)
}

/// From now on `project` reads from `to`.
fn turn_to(project: &Project, from: &str, to: &str) {
    let file = project.path("tapline.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(from, to)).unwrap();
}

#[test]
fn an_api_that_dies_leaves_every_old_file_untouched() {
    for format in ["parquet", "jsonl", "csv", "raw"] {
        let alive = api(1_500, None);
        let project = project(&alive, format);
        assert_eq!(run(&project).code, 0);
        let before = (manifest(&project), read(&files(&project)));
        let dying = api(9_000, Some(3));
        turn_to(&project, &alive.base_url(), &dying.base_url());
        let failed = run(&project);
        assert_eq!(failed.code, 1, "{failed}");
        assert_eq!(failed.json()["verdict"]["kind"], "short");
        assert_eq!(before, (manifest(&project), read(&files(&project))));

        let revived = api(1_100, None);
        turn_to(&project, &dying.base_url(), &revived.base_url());
        assert_eq!(run(&project).code, 0);
        let after = manifest(&project);
        assert_eq!(after["number"], 2);
        let table = fs::read_dir(project.path("lake/public/members")).unwrap();
        let names = table.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let kept: Vec<String> = names.filter(|name| !name.starts_with('_')).collect();
        assert_eq!(
            json!(kept),
            after["folders"],
            "{format}: nothing superseded is left"
        );
    }
}

#[test]
fn sql_says_that_files_are_no_database() {
    let api = api(10, None);
    let project = project(&api, "jsonl");
    let run = project.tapline(&["sql", "select 1"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("`lake` is a folder of files"), "{run}");
}
