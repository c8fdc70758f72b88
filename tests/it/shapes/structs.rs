//! Nested values as structs and lists of Parquet files.

use std::fs::File;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value, json};
use tapline_core::{NestedCells, column};

use super::{APPEND, Files, Place, Rig, ten_runs};
use crate::readers;
use crate::support::Project;

struct Parquet;

impl Parquet {
    /// Each file of the table: its Arrow schema, and the paths of its Parquet columns.
    fn schemas(project: &Project) -> Vec<(Schema, Vec<String>)> {
        let files = readers::files(&project.path("out/public/t")).into_iter();
        let files = files.map(|file| {
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap());
            let reader = reader.unwrap();
            let columns = reader.parquet_schema().columns().iter();
            let paths = columns.map(|column| column.path().string()).collect();
            (reader.schema().as_ref().clone(), paths)
        });
        files.collect()
    }

    /// All rows, without what tapline added but for the rest.
    fn documents(project: &Project) -> Vec<Value> {
        let mut rows = Vec::new();
        for file in readers::files(&project.path("out/public/t")) {
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap());
            for batch in reader.unwrap().build().unwrap() {
                rows.extend(documents(&batch.unwrap()));
            }
        }
        rows.sort_by_key(|row| row["id"].as_i64());
        rows
    }
}

fn documents(batch: &RecordBatch) -> Vec<Value> {
    let schema = batch.schema();
    let all = schema.fields().iter().zip(batch.columns());
    let shown = all.filter(|(field, _)| {
        field.name() == column::REST || !field.name().starts_with(column::PREFIX)
    });
    let cells: Vec<_> = shown
        .map(|(field, array)| (field.name(), NestedCells::new(array, field).unwrap()))
        .collect();
    let document = |row| {
        let members = cells.iter().map(|(name, cells)| {
            let mut json = String::new();
            cells.write(row, &mut json);
            ((*name).clone(), serde_json::from_str(&json).unwrap())
        });
        Value::Object(members.collect::<Map<_, _>>())
    };
    (0..batch.num_rows()).map(document).collect()
}

impl Place for Parquet {
    fn yaml(&self) -> String {
        "{ type: files, path: out, format: parquet }".to_owned()
    }

    fn ids(&self, project: &Project) -> Vec<String> {
        let documents = Self::documents(project);
        documents.iter().map(|row| row["id"].to_string()).collect()
    }

    fn columns(&self, project: &Project) -> Vec<String> {
        Files.columns(project)
    }

    fn rows_of(&self, project: &Project, table: &str) -> String {
        match table {
            "t" => Value::from(Self::documents(project)).to_string(),
            _ => String::new(),
        }
    }

    fn merges(&self) -> bool {
        false
    }
}

#[test]
fn structs_keep_every_value_under_every_contract() {
    for contract in ["evolve", "discard_value", "discard_row", "freeze"] {
        ten_runs(&Parquet, contract, "struct");
    }
}

fn is_json(field: &Field) -> bool {
    let name = field.metadata().get("ARROW:extension:name");
    name.is_some_and(|name| name == "arrow.json")
}

#[test]
fn nested_values_are_columns_of_their_own_in_a_parquet_file() {
    let schema = "{ nested: struct, columns: { raw: { nested: json } } }";
    let rig = Rig::new(&Parquet, APPEND, schema);
    let first = r#"{"id":1,"address":{"street":{"name":"a","no":7}},"tags":[{"t":"b"},{"t":null}],
        "raw":{"x":1},"odd":{"v":1},"none":{}},
        {"id":2,"tags":[],"odd":{"v":"one"}}"#;
    assert_eq!(rig.run(first).code, 0);
    let (schema, paths) = Parquet::schemas(&rig.project).remove(0);
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let street = vec![text("name"), Field::new("no", DataType::Int64, true)];
    let street = Field::new_struct("street", street, true);
    let address = Field::new_struct("address", vec![street], true);
    assert_eq!(schema.field_with_name("address").unwrap(), &address);
    let tag = DataType::Struct(vec![text("t")].into());
    let tags = Field::new_list("tags", Field::new_list_field(tag, true), true);
    assert_eq!(schema.field_with_name("tags").unwrap(), &tags);
    for path in [
        "address.street.name",
        "address.street.no",
        "tags.list.item.t",
        "odd.v",
        "raw",
    ] {
        assert!(paths.iter().any(|it| it == path), "{path}: {paths:?}");
    }
    let DataType::Struct(odd) = schema.field_with_name("odd").unwrap().data_type() else {
        panic!("{schema}");
    };
    assert!(is_json(&odd[0]), "1 and \"one\" are only JSON together");
    for name in ["raw", "none"] {
        assert!(is_json(schema.field_with_name(name).unwrap()), "{name}");
    }
    // More members, and integers that become numbers: earlier files stay as they are.
    let second =
        r#"{"id":3,"address":{"street":{"no":7.5},"city":"c"},"tags":[{"n":1}],"none":{}}"#;
    assert_eq!(rig.run(second).code, 0);
    let files = Parquet::schemas(&rig.project);
    assert_eq!(files[0].0.field_with_name("address").unwrap(), &address);
    let found = Value::from(Parquet::documents(&rig.project));
    assert_eq!(
        found[0]["address"],
        json!({ "street": { "name": "a", "no": 7 } })
    );
    assert_eq!(found[0]["tags"], json!([{ "t": "b" }, {}]));
    assert_eq!(found[1]["odd"], json!({ "v": "one" }));
    assert_eq!(
        found[2]["address"],
        json!({ "street": { "no": 7.5 }, "city": "c" })
    );
    // A member that becomes something else is JSON from then on, in earlier files, too.
    let third = r#"{"id":4,"address":{"street":"m","city":"c"},"none":{"k":1}}"#;
    assert_eq!(rig.run(third).code, 0);
    for (schema, _) in Parquet::schemas(&rig.project) {
        let DataType::Struct(members) = schema.field_with_name("address").unwrap().data_type()
        else {
            panic!("{schema}");
        };
        assert!(is_json(members.find("street").unwrap().1), "{schema}");
        let none = schema.field_with_name("none").unwrap().data_type();
        assert!(
            none.is_nested(),
            "objects of which one has a member: {schema}"
        );
    }
    let again = Parquet::documents(&rig.project);
    assert_eq!(again[..3], *found.as_array().unwrap());
    assert_eq!(again[3]["address"]["street"], "m");
    // A preview shows the same.
    let preview = rig.tapline(&["preview", "p", "--output", "json"]);
    assert_eq!(preview.code, 0, "{preview}");
    let shown = &preview.json()["rows"][0]["address"];
    assert_eq!(*shown, json!({ "street": "m", "city": "c" }));
}

/// A column that changes between structs and something else ends as a text of both.
#[test]
fn a_column_that_was_or_becomes_something_else_stays_readable() {
    let (structs, texts) = ("{ nested: struct }", "{ nested: json }");
    let object = |id: u32| format!(r#"{{"id":{id},"a":{{"x":"m{id}"}}}}"#);
    for (runs, ends_as_json) in [
        ([(texts, object(1)), (structs, object(2))], true),
        ([(structs, object(1)), (texts, object(2))], true),
        (
            [
                (structs, object(1)),
                (structs, r#"{"id":2,"a":["m2"]}"#.to_owned()),
            ],
            true,
        ),
        (
            [
                (structs, r#"{"id":1,"a":"m1"}"#.to_owned()),
                (structs, object(2)),
            ],
            false,
        ),
        (
            [
                (structs, object(1)),
                (structs, r#"{"id":2,"a":"m2"}"#.to_owned()),
            ],
            false,
        ),
        (
            [
                (structs, r#"{"id":1,"a":null}"#.to_owned()),
                (structs, object(2)),
            ],
            false,
        ),
    ] {
        let rig = Rig::new(&Parquet, APPEND, texts);
        for (schema, sent) in &runs {
            rig.write(APPEND, schema);
            assert_eq!(rig.run(sent).code, 0, "{runs:?}");
        }
        let rows = Parquet.rows(&rig.project);
        for mark in ["m1", "m2"] {
            let is_there = rows.contains(mark) || !runs.iter().any(|run| run.1.contains(mark));
            assert!(is_there, "{mark} is not in {rows}");
        }
        let files = Parquet::schemas(&rig.project);
        assert_eq!(files.len(), 2);
        if ends_as_json {
            let all = files
                .iter()
                .all(|(it, _)| is_json(it.field_with_name("a").unwrap()));
            assert!(all, "{runs:?}: {files:?}");
        }
    }
}

#[test]
fn a_table_of_structs_is_made_again_of_its_pages() {
    let rig = Rig::new(&Parquet, APPEND, "{}");
    rig.write_with(APPEND, "{ nested: struct }", "    raw: { keep: 30d }\n");
    for sent in [r#"{"id":1,"a":{"x":1}}"#, r#"{"id":2,"a":{"y":[0.5]}}"#] {
        assert_eq!(rig.run(sent).code, 0);
    }
    let before = Parquet::documents(&rig.project);
    let run = rig.tapline(&["rebuild", "p"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(Parquet::documents(&rig.project), before);
    assert_eq!(before[1]["a"], json!({ "y": [0.5] }));
}

#[test]
fn structs_are_refused_where_none_are_kept() {
    for (schema, place) in [
        ("{ nested: struct }", "/schema/nested"),
        (
            "{ columns: { a: { nested: struct } } }",
            "/schema/columns/a/nested",
        ),
    ] {
        let rig = Rig::new(&Files, APPEND, schema);
        let run = rig.tapline(&["validate", "--output", "json"]);
        assert_eq!(run.code, 2, "{run}");
        let said = run.stdout.clone();
        for part in [
            "not for jsonl",
            "in jsonl it keeps nested values as they are",
            place,
        ] {
            assert!(said.contains(part), "{part}: {run}");
        }
        let rig = Rig::new(&Parquet, APPEND, schema);
        assert_eq!(rig.tapline(&["validate"]).code, 0);
    }
}
