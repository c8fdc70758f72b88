//! A source whose records change their shape from run to run, under every contract: the table stays
//! readable, and whatever was sent is in it, beside it in the rest, or among the rejects.

mod children;
mod rebuilds;
mod structs;

use std::fs;

use serde_json::{Value, json};

use crate::hostile::server::{Reply, Server};
#[cfg(unix)]
use crate::postgres::{Postgres, runtime};
#[cfg(unix)]
use crate::secrets::DATABASE;
use crate::support::{Project, Run};

/// What ten runs are sent: one column more, one less, other types, and nested deeper and deeper. Every
/// value that matters has a mark of its own.
const SENT: [&str; 10] = [
    r#"{"id":1,"name":"m1a","size":101}"#,
    r#"{"id":2,"name":"m2a","size":102,"city":"m2b"}"#,
    r#"{"id":3,"size":103}"#,
    r#"{"id":4,"name":"m4a","size":"m4b"}"#,
    r#"{"id":5,"name":"m5a","address":{"street":"m5b"}}"#,
    r#"{"id":6,"name":"m6a","address":{"street":{"name":"m6b","at":{"door":"m6c"}}}}"#,
    r#"{"id":7,"name":"m7a","address":"m7b"}"#,
    r#"{"id":8,"name":{"first":"m8a"},"size":1.0625,"address":["m8b"]}"#,
    r#"{"id":9,"name":"m9a","tags":[{"t":"m9b"},[["m9c"]]]}"#,
    r#"{"id":10,"name":"m10a","size":110,"city":"m10b","address":{"street":"m10c"},"tags":["m10d"]}"#,
];

const MARKS: [&[&str]; 10] = [
    &["m1a", "101"],
    &["m2a", "102", "m2b"],
    &["103"],
    &["m4a", "m4b"],
    &["m5a", "m5b"],
    &["m6a", "m6b", "m6c"],
    &["m7a", "m7b"],
    &["m8a", "1.0625", "m8b"],
    &["m9a", "m9b", "m9c"],
    &["m10a", "110", "m10b", "m10c", "m10d"],
];

/// Where rows go, and how they are looked at.
trait Place {
    fn yaml(&self) -> String;
    fn env(&self) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }
    /// The ids of the rows, in their order.
    fn ids(&self, project: &Project) -> Vec<String>;
    /// The names of the columns that are not tapline's.
    fn columns(&self, project: &Project) -> Vec<String>;
    /// All that the rows of `table` hold, as text; `""` if it is not there.
    fn rows_of(&self, project: &Project, table: &str) -> String;
    /// All that the rows and their parts in child tables hold, as text.
    fn rows(&self, project: &Project) -> String {
        let tables = ["t", "t__address", "t__tags"];
        tables.map(|table| self.rows_of(project, table)).join("\n")
    }
    /// What it can do with nested values, but for dropping them.
    fn policies(&self) -> &'static [&'static str] {
        &["json", "flatten", "child_table"]
    }
    /// Whether it keeps a table of the latest versions.
    fn merges(&self) -> bool {
        true
    }
}

struct Sqlite;

impl Place for Sqlite {
    fn yaml(&self) -> String {
        "{ type: sqlite, path: warehouse.db }".to_owned()
    }

    fn ids(&self, project: &Project) -> Vec<String> {
        let warehouse = project.warehouse();
        let mut select = warehouse.prepare("select id from t order by id").unwrap();
        let ids = select.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        ids.map(|id| id.unwrap().to_string()).collect()
    }

    fn columns(&self, project: &Project) -> Vec<String> {
        let warehouse = project.warehouse();
        let select = "select name from pragma_table_info('t') where name not glob '_tapline_*'";
        let mut select = warehouse.prepare(select).unwrap();
        let names = select.query_map([], |row| row.get(0)).unwrap();
        names.collect::<Result<_, _>>().unwrap()
    }

    fn rows_of(&self, project: &Project, table: &str) -> String {
        let known = format!("select count(*) from sqlite_schema where name = '{table}'");
        match project.count(&known) {
            0 => String::new(),
            _ => project.sql(&format!("select * from {table}")).to_string(),
        }
    }
}

struct Files;

impl Files {
    fn documents(project: &Project) -> Vec<Value> {
        crate::readers::jsonl(&project.path("out/public/t"))
    }
}

impl Place for Files {
    fn yaml(&self) -> String {
        "{ type: files, path: out, format: jsonl }".to_owned()
    }

    fn ids(&self, project: &Project) -> Vec<String> {
        let mut ids: Vec<i64> = Self::documents(project)
            .iter()
            .map(|row| row["id"].as_i64().unwrap())
            .collect();
        ids.sort_unstable();
        ids.iter().map(i64::to_string).collect()
    }

    fn columns(&self, project: &Project) -> Vec<String> {
        let folder = project.path("out/public/t/_manifest");
        let mut manifests: Vec<_> = fs::read_dir(folder).unwrap().flatten().collect();
        manifests.sort_by_key(fs::DirEntry::file_name);
        let newest = fs::read(manifests.last().unwrap().path()).unwrap();
        let manifest: Value = serde_json::from_slice(&newest).unwrap();
        let columns = manifest["schema"].as_array().unwrap().iter();
        let names = columns.map(|column| column["name"].as_str().unwrap().to_owned());
        names
            .filter(|name| !name.starts_with("_tapline_"))
            .collect()
    }

    fn rows_of(&self, project: &Project, table: &str) -> String {
        match table {
            "t" => Value::from(Self::documents(project)).to_string(),
            _ => String::new(),
        }
    }

    fn policies(&self) -> &'static [&'static str] {
        &["json", "flatten"]
    }

    fn merges(&self) -> bool {
        false
    }
}

#[cfg(unix)]
struct Pg(Postgres, String);

#[cfg(unix)]
impl Pg {
    fn ask(&self, sql: &str) -> Vec<String> {
        runtime().block_on(self.0.ask_in(&self.1, sql))
    }
}

#[cfg(unix)]
impl Place for Pg {
    fn yaml(&self) -> String {
        let url = self.0.url("${env:PGPASSWORD}", &self.1);
        format!("{{ type: postgres, url: \"{url}\" }}")
    }

    fn env(&self) -> Vec<(&'static str, &'static str)> {
        vec![("PGPASSWORD", DATABASE)]
    }

    fn ids(&self, _: &Project) -> Vec<String> {
        self.ask("SELECT id FROM t ORDER BY id")
    }

    fn columns(&self, _: &Project) -> Vec<String> {
        self.ask(
            "SELECT attname FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0
             AND NOT attisdropped AND attname NOT LIKE '\\_tapline%' ORDER BY attnum",
        )
    }

    fn rows_of(&self, _: &Project, table: &str) -> String {
        let known = format!("SELECT to_regclass('{table}') IS NOT NULL");
        match self.ask(&known)[0].as_str() {
            "t" | "true" => self
                .ask(&format!("SELECT row_to_json(it) FROM {table} AS it"))
                .join("\n"),
            _ => String::new(),
        }
    }
}

struct Rig<'a> {
    place: &'a dyn Place,
    project: Project,
    server: Server,
}

impl<'a> Rig<'a> {
    fn new(place: &'a dyn Place, sync: &str, schema: &str) -> Self {
        let server = Server::start(|_| Reply::items(""));
        let rig = Self {
            place,
            project: Project::new(""),
            server,
        };
        let spec = json!({
            "authSpec": [],
            "sourceSpec": {
                "attributes": {
                    "urlParams": { "host": "${host}", "path": "/items", "method": "GET" },
                    "contentPath": { "path": "$.items", "unwrap": true, "siblings": false },
                    "paginationParams": { "type": "NONE" }
                },
                "spec": { "type": "object", "properties": { "host": { "type": "string" } },
                    "required": ["host"] }
            }
        });
        rig.project.input("items.json", &spec.to_string());
        rig.write(sync, schema);
        rig
    }

    /// Writes the project file.
    fn write(&self, sync: &str, schema: &str) {
        self.write_with(sync, schema, "");
    }

    /// The same, with `more` lines in the pipeline.
    fn write_with(&self, sync: &str, schema: &str, more: &str) {
        let yaml = format!(
            "version: 1
connections:
  c:
    connector: rest
    streams: {{ items: items.json }}
    params: {{ host: \"{}\" }}
destinations:
  d: {}
pipelines:
  p:
    source: {{ connection: c, stream: items }}
    destination: {{ name: d, table: t }}
    sync: {sync}
    schema: {schema}
{more}",
            self.server.origin(),
            self.place.yaml()
        );
        self.project.input("tapline.yaml", &yaml);
    }

    fn tapline(&self, arguments: &[&str]) -> Run {
        let mut command = self.project.command(arguments);
        for (name, value) in self.place.env() {
            command.env(name, value);
        }
        Run::of(command.output().unwrap())
    }

    /// A run that is sent `records`.
    fn run(&self, records: &str) -> Run {
        let items = records.to_owned();
        self.server.turn(move |_| Reply::items(&items));
        self.tapline(&["run"])
    }

    fn rejects(&self) -> Vec<Value> {
        let run = self.tapline(&["rejects", "show", "p", "--output", "json"]);
        assert_eq!(run.code, 0, "{run}");
        run.json()["rejects"].as_array().unwrap().clone()
    }
}

const APPEND: &str = "{ mode: full_append }";

/// Ten runs under `contract`. Nothing that was sent is lost but by a run that says that it failed.
#[track_caller]
fn ten_runs(place: &dyn Place, contract: &str, nested: &str) {
    let what = format!("{contract}, {nested}");
    let policy = match nested {
        "child_table" => {
            "columns: { address: { nested: child_table }, tags: { nested: child_table } }"
                .to_owned()
        }
        _ => format!("nested: {nested}"),
    };
    let schema = format!("{{ contract: {contract}, {policy} }}");
    let rig = Rig::new(place, APPEND, &schema);
    let mut before = Vec::new();
    let mut kept = Vec::new();
    for (at, sent) in SENT.iter().enumerate() {
        let run = rig.run(sent);
        let failed = run.code == 3 && contract == "freeze";
        assert!(run.code == 0 || failed, "{what}: {run}");
        if at == 0 {
            before = place.columns(&rig.project);
        }
        if failed {
            assert!(run.stdout.contains("contract is `freeze`"), "{run}");
        } else {
            kept.push(at);
        }
    }
    let after = place.columns(&rig.project);
    if contract == "evolve" {
        assert!(after.len() > before.len(), "{what}: {after:?}");
    } else {
        assert_eq!(after, before, "{what}");
    }
    let rejects = rig.rejects();
    let all = format!(
        "{}\n{}",
        place.rows(&rig.project),
        Value::from(rejects.clone())
    );
    for at in &kept {
        for mark in MARKS[*at] {
            assert!(
                all.contains(mark),
                "{what}: {mark} of run {at} is not in {all}"
            );
        }
    }
    assert_eq!(
        place.ids(&rig.project).len() + rejects.len(),
        kept.len(),
        "{what}"
    );
    match contract {
        "freeze" => assert_eq!(kept, [0, 2], "{what}"),
        _ => assert_eq!(kept.len(), SENT.len()),
    }
    // Once the table may change, nothing is left aside.
    rig.write(APPEND, &format!("{{ {policy} }}"));
    let retried = rig.tapline(&["rejects", "retry", "p", "--output", "json"]);
    assert_eq!(retried.code, 0, "{what}: {retried}");
    assert_eq!(retried.json()["accepted"], rejects.len(), "{what}");
    assert_eq!(rig.rejects(), [0; 0], "{what}");
    let rows = place.rows(&rig.project);
    for mark in kept.iter().flat_map(|at| MARKS[*at]) {
        assert!(rows.contains(mark), "{what}: {mark} is not in {rows}");
    }
    assert_eq!(place.ids(&rig.project).len(), kept.len(), "{what}");
}

#[track_caller]
fn all_contracts(place: &dyn Place) {
    for contract in ["evolve", "discard_value", "discard_row", "freeze"] {
        for nested in place.policies() {
            ten_runs(place, contract, nested);
        }
    }
}

#[test]
fn sqlite_keeps_every_value_under_every_contract() {
    all_contracts(&Sqlite);
}

#[test]
fn files_keep_every_value_under_every_contract() {
    all_contracts(&Files);
}

#[cfg(unix)]
#[test]
fn postgres_keeps_every_value_under_every_contract() {
    let mut server = Pg(Postgres::quick(), String::new());
    for contract in ["evolve", "discard_value", "discard_row", "freeze"] {
        for nested in server.policies() {
            server.1 = format!("{contract}_{nested}");
            let create = format!("CREATE DATABASE {}", server.1);
            runtime().block_on(server.0.ask(&create));
            ten_runs(&server, contract, nested);
        }
    }
}

/// What a pipeline asks for while rows are loaded, all of it, and the latest version by what was renamed.
#[test]
fn rows_are_kept_in_the_shape_that_is_asked_for() {
    let sync = "{ mode: incremental_with_qualify, primary_keys: [id], cursor: at }";
    let schema = "{ nested: flatten, mask_key: \"${env:MASK}\", constants: { tenant: acme },
      columns: { id: { rename: key }, at: { rename: changed }, email: { mask: true },
        phone: { drop: true }, size: { cast: number }, born: { cast: date },
        address__geo: { nested: json } } }";
    let rig = Rig::new(&Sqlite, sync, schema);
    let tapline = |arguments: &[&str]| {
        let mut command = rig.project.command(arguments);
        command.env("MASK", "a key for masks");
        Run::of(command.output().unwrap())
    };
    let first = r#"{"id":1,"at":"2026-01-01T00:00:00Z","email":"ann@example.com","phone":"0731",
        "size":"1.5","born":"1970-01-02","address":{"city":"Ulm","geo":{"lat":1}}}"#;
    let second = r#"{"id":1,"at":"2026-01-02T00:00:00Z","email":"ann@example.com","phone":"0732",
        "size":"large","born":"1970-01-02","address":{"city":"Bonn","geo":{"lat":2}}}"#;
    rig.server.turn(move |_| Reply::items(first));
    let preview = tapline(&["preview", "p", "--output", "json"]);
    assert_eq!(preview.code, 0, "{preview}");
    let shown = &preview.json()["rows"][0];
    assert_eq!(
        (&shown["key"], &shown["address__city"]),
        (&json!(1), &json!("Ulm"))
    );
    assert_eq!(tapline(&["run"]).code, 0);
    rig.server.turn(move |_| Reply::items(second));
    let run = tapline(&["run"]);
    assert_eq!(run.code, 0, "{run}");
    let staged = "select key, changed, size, born, address__city, address__geo, tenant,
         _tapline_rest, length(email) as digits from staged__t";
    let expected = json!([{
        "key": 1, "changed": "2026-01-02T00:00:00Z", "size": null, "born": "1970-01-02",
        "address__city": "Bonn", "address__geo": r#"{"lat":2}"#, "tenant": "acme",
        "_tapline_rest": r#"{"size":"large"}"#, "digits": 64
    }]);
    assert_eq!(
        tapline(&["sql", staged, "--output", "json"]).json()["rows"],
        expected
    );
    let versions = "select count(*) from t";
    assert_eq!(rig.project.count(versions), 2);
    let masks = "select count(distinct email) from t";
    assert_eq!(rig.project.count(masks), 1, "one address, one mask");
    let all = fs::read(rig.project.path("warehouse.db")).unwrap();
    let all = String::from_utf8_lossy(&all);
    assert!(!all.contains("ann@example.com") && !all.contains("0731"));
}

#[test]
fn a_frozen_table_stops_a_run_until_its_contract_is_lifted() {
    let sync = "{ mode: full_load }";
    let rig = Rig::new(&Sqlite, sync, "{}");
    assert_eq!(rig.run(SENT[0]).code, 0);
    let frozen = "{ contract: { table: freeze, columns: freeze } }";
    rig.write(sync, frozen);
    let run = rig.run(SENT[1]);
    assert_eq!(run.code, 3, "{run}");
    let says = "the table has no column `city`, and its contract is `freeze`";
    assert!(run.stdout.contains(says), "{run}");
    assert_eq!(rig.project.count("select count(*) from t where id = 1"), 1);
    rig.write(sync, "{ columns: { name: { mask: true } } }");
    assert_eq!(rig.run(SENT[1]).code, 0);
    assert_eq!(rig.project.count("select length(name) from t"), 64);
    rig.write(sync, "{ contract: { table: freeze } }");
    let run = rig.run(SENT[1]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn what_cannot_be_meant_is_refused_where_it_stands() {
    let sync = "{ mode: incremental_with_qualify, primary_keys: [id], cursor: at }";
    for (schema, says) in [
        (
            "{ columns: { a: { drop: true, rename: b } } }",
            "`a` is dropped",
        ),
        (
            "{ columns: { a: { rename: _tapline_a } } }",
            "`_tapline_a` is no name",
        ),
        (
            "{ columns: { a: { rename: b } }, constants: { b: 1 } }",
            "makes a column `b`, too",
        ),
        ("{ columns: { at: { mask: true } } }", "`at` is the cursor"),
        (
            "{ columns: { id: { drop: true } } }",
            "`id` is a primary key",
        ),
        (
            "{ columns: { a: { mask: true, nested: flatten } } }",
            "`a` is masked whole",
        ),
        ("{ contract: thaw }", "contract"),
        ("{ columns: { a: { cast: money } } }", "cast"),
        ("{ columns: { a: { nested: child } } }", "nested"),
        ("{ nested: child_table }", "only single columns become"),
        (
            "{ columns: { a: { nested: child_table, cast: integer } } }",
            "`a` becomes a table",
        ),
        (
            "{ columns: { a: { nested: child_table }, a__b: { nested: child_table } } }",
            "`a__b` is a part of the child table of `a`",
        ),
        (
            "{ columns: { id: { nested: child_table } } }",
            "`id` is a primary key",
        ),
        (
            "{ nested: struct }",
            "`struct` is for files of the format parquet, not for sqlite",
        ),
    ] {
        let rig = Rig::new(&Sqlite, sync, schema);
        let run = rig.tapline(&["validate"]);
        assert_eq!(run.code, 2, "{schema}: {run}");
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(said.contains(says), "{schema}: {run}");
    }
}
