//! Rows in and out of their shape.

mod children;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use jiff::Timestamp;
use serde_json::{Value, json};
use tapline_core::{
    Batch, CursorType, ErrorKind, Limits, Reject, RejectForm, Secret, Stage, TableRef,
};
use tapline_spec::{BodyFormat, ContentPlan, Siblings};
use uuid::Uuid;

use super::cell::row;
use super::*;
use crate::decode::{Decoder, Stamp};
use crate::locate::Wanted;

/// The rows that `records` are decoded to; pages come one after the other.
struct Pages(Decoder, Wanted);

impl Pages {
    fn new() -> Self {
        let content = ContentPlan {
            format: BodyFormat::Json,
            path: "$".parse().unwrap(),
            siblings: Siblings::none(),
            wrapper: None,
        };
        let wanted = Wanted::new(&content, &[], 128);
        Self(
            Decoder::new(content, Vec::new(), &Limits::default()),
            wanted,
        )
    }

    fn decode(&mut self, records: &Value) -> Vec<Batch> {
        self.decode_text(&records.to_string())
    }

    fn decode_text(&mut self, body: &str) -> Vec<Batch> {
        let located = self.1.locate(body.as_bytes()).unwrap();
        let stamp = Stamp {
            run_id: Uuid::nil(),
            request_id: Uuid::nil(),
            extracted_at: Timestamp::UNIX_EPOCH,
        };
        self.0
            .decode(body.as_bytes(), &located, &stamp)
            .unwrap()
            .batches
    }
}

fn shape(written: Value) -> Arc<Shape> {
    Arc::new(Shape {
        columns: serde_json::from_value(written).unwrap(),
        ..Shape::default()
    })
}

fn shaper(shape: &Arc<Shape>) -> Shaper {
    Shaper::new(Arc::clone(shape), Limits::default())
}

fn shaped(shape: &Arc<Shape>, records: &Value) -> Vec<Batch> {
    shaper(shape).shape(Pages::new().decode(records)).unwrap()
}

fn rows(batches: &[Batch]) -> Vec<Value> {
    let rows = batches.iter().flat_map(|batch| {
        let text = |at| row(&batch.records, at).unwrap();
        (0..batch.rows()).map(text)
    });
    rows.map(|text| serde_json::from_str(&text).unwrap())
        .collect()
}

fn types(batch: &RecordBatch) -> Vec<(String, DataType)> {
    let fields = batch.schema_ref().fields().iter();
    let own = fields.filter(|field| !field.name().starts_with("_tapline_"));
    own.map(|field| (field.name().clone(), field.data_type().clone()))
        .collect()
}

#[test]
fn columns_are_renamed_dropped_cast_and_masked_and_constants_come() {
    let mut wanted = Shape {
        constants: [("tenant".to_owned(), Constant::Text("acme".to_owned()))].into(),
        ..(*shape(json!({
            "a": { "rename": "alpha" },
            "b": { "drop": true },
            "c": { "cast": "integer" },
            "d": { "cast": "timestamp" },
            "e": { "mask": true },
        })))
        .clone()
    };
    let records = json!([
        { "a": 1, "b": 2, "c": "007", "d": "2026-01-02T03:04:05Z", "e": "x@example.com", "f": 0 },
        { "a": 2, "b": 3, "c": "seven", "d": 1767323045, "e": "x@example.com" },
    ]);
    let batches = shaped(&Arc::new(wanted.clone()), &records);
    let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let expected = [
        ("alpha", DataType::Int64),
        ("c", DataType::Int64),
        ("d", micros),
        ("e", DataType::Utf8),
        ("f", DataType::Int64),
        ("tenant", DataType::Utf8),
    ];
    let expected = expected.map(|(name, data_type)| (name.to_owned(), data_type));
    assert_eq!(types(&batches[0].records), expected);
    let found = rows(&batches);
    assert_eq!(found[0]["c"], 7);
    assert_eq!(found[0]["d"], "2026-01-02T03:04:05Z");
    assert_eq!(found[0]["tenant"], "acme");
    assert_eq!(found[1]["c"], Value::Null);
    assert_eq!(found[1]["d"], found[0]["d"]);
    assert_eq!(found[1]["_tapline_rest"], json!({ "c": "seven" }));
    assert_eq!(found[0]["e"], found[1]["e"]);
    let plain = found[0]["e"].as_str().unwrap().to_owned();
    assert_eq!(plain.len(), 64);
    wanted.mask_key = Some(Secret::new("key"));
    let keyed = rows(&shaped(&Arc::new(wanted), &records));
    assert_ne!(keyed[0]["e"], plain);
}

#[test]
fn a_hash_is_that_of_everybody_else() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(mask::hash("", None), empty);
    // RFC 4231, test case 2.
    let keyed = mask::hash("what do ya want for nothing?", Some(&Secret::new("Jefe")));
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(keyed, expected);
}

#[test]
fn objects_become_columns_page_after_page_and_nothing_is_lost() {
    let wanted = Arc::new(Shape {
        nested: Nested::Flatten,
        ..(*shape(json!({ "a__city": { "rename": "city" }, "a__geo__lat": { "rename": "lat" } })))
            .clone()
    });
    let mut pages = Pages::new();
    let mut shaper = shaper(&wanted);
    let first = json!([
        { "id": 1, "a": { "city": "Ulm", "geo": { "lat": 1, "lon": 2 }, "tags": [1, 2] } },
        { "id": 2, "a": null },
    ]);
    let batches = shaper.shape(pages.decode(&first)).unwrap();
    let expected = json!([
        { "id": 1, "city": "Ulm", "lat": 1, "a__geo__lon": 2, "a__tags": [1, 2] },
        { "id": 2 },
    ]);
    assert_eq!(Value::from(rows(&batches)), expected);
    // Deeper, wider, of another type, and no object any more.
    let second = json!([
        { "id": 3, "a": { "city": { "name": "Ulm" }, "geo": { "lon": "2.5", "alt": { "m": 1 } } } },
        { "id": 4, "a": "Ulm" },
        { "id": 5, "a": [1] },
    ]);
    let batches = shaper.shape(pages.decode(&second)).unwrap();
    let found = rows(&batches);
    let expected = json!([
        { "id": 3, "city": { "name": "Ulm" }, "a__geo__lon": "2.5", "a__geo__alt__m": 1 },
        { "id": 4, "a": "Ulm" },
        { "id": 5, "a": "[1]" },
    ]);
    let mut found = Value::from(found);
    // A column that held text holds the text of objects.
    found[0]["city"] = serde_json::from_str(found[0]["city"].as_str().unwrap()).unwrap();
    assert_eq!(found, expected);
}

#[test]
fn all_batches_of_a_page_have_one_schema() {
    let wanted = Arc::new(Shape {
        nested: Nested::Flatten,
        ..Shape::default()
    });
    let records = json!([{ "a": { "x": 1 } }, { "a": { "x": "one", "y": 2 } }]);
    let both = Pages::new().decode(&records).remove(0);
    let parts = [0, 1].map(|at| Batch::insert(both.records.slice(at, 1)));
    let batches = shaper(&wanted).shape(parts.to_vec()).unwrap();
    assert_eq!(batches[0].records.schema(), batches[1].records.schema());
    let expected = json!([{ "a__x": "1" }, { "a__x": "one", "a__y": 2 }]);
    assert_eq!(Value::from(rows(&batches)), expected);
    let empty = vec![Batch::insert(both.records.slice(0, 0))];
    assert_eq!(shaper(&wanted).shape(empty).unwrap()[0].rows(), 0);
}

#[test]
fn two_columns_of_one_name_are_refused() {
    let wanted = shape(json!({ "a": { "rename": "b" } }));
    let batches = Pages::new().decode(&json!([{ "a": 1, "b": 2 }]));
    let error = shaper(&wanted).shape(batches).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("two columns would be called `b`"),
        "{error}"
    );
}

#[test]
fn what_is_hidden_stands_in_no_reject_and_no_rest() {
    let wanted = shape(json!({
        "email": { "mask": true }, "phone": { "drop": true }, "a__pin": { "mask": true }
    }));
    let shaper = shaper(&wanted);
    let guarded = |raw: &str| {
        let mut reject = Reject {
            index: 0,
            reason: String::new(),
            raw: raw.to_owned(),
            form: RejectForm::Record,
        };
        shaper.guard(&mut reject);
        reject.raw
    };
    let raw = r#"{"id":1,"list":[{"\u0065mail":"x@y"}]}"#;
    assert_eq!(guarded(raw), rest::WITHHELD);
    assert!(!rest::WITHHELD.starts_with('{'), "a retry leaves it alone");
}

#[test]
fn structs_hide_what_is_hidden_and_keep_the_rest() {
    let wanted = Arc::new(Shape {
        nested: Nested::Struct,
        ..(*shape(json!({ "a__pin": { "mask": true }, "b": { "rename": "beta" } }))).clone()
    });
    let records = json!([
        { "a": { "pin": 4711, "x": { "y": 1 } }, "b": { "c": [1, 2] } },
        { "a": { "x": { "y": 2, "z": "two" } }, "b": { "c": [3.5], "d": null } },
    ]);
    let batches = shaped(&wanted, &records);
    let found = rows(&batches);
    assert!(!Value::from(found.clone()).to_string().contains("4711"));
    assert_eq!(found[1]["a__x"], json!({ "y": 2, "z": "two" }));
    assert_eq!(found[0]["beta"], json!({ "c": [1.0, 2.0] }));
    let types = types(&batches[0].records);
    let nested = types.iter().filter(|(_, it)| it.is_nested());
    let nested: Vec<_> = nested.map(|(name, _)| name.as_str()).collect();
    assert_eq!(nested, ["a__x", "beta"]);
    // What nobody has seen is nothing yet, and no text.
    let empty = Schema::new(vec![crate::decode::json(Field::new(
        "b",
        DataType::Utf8,
        true,
    ))]);
    let opened = shaper(&wanted).schema(&Arc::new(empty)).unwrap();
    assert_eq!(*opened.field(0).data_type(), DataType::Null);
}

#[test]
fn objects_without_members_are_kept_and_left_out_like_others() {
    let wanted = Arc::new(Shape {
        nested: Nested::Struct,
        ..Shape::default()
    });
    let records = json!([{ "a": {}, "size": 1 }, { "a": {}, "size": "large" }, { "a": {} }]);
    let batches = shaped(&wanted, &records);
    let a = batches[0].records.schema().field(0).clone();
    let known = [a, Field::new("size", DataType::Int64, true)];
    let kept = keeper(Contract::DiscardRow, &known).keep(batches).unwrap();
    let expected = json!([{ "a": {}, "size": 1 }, { "a": {} }]);
    assert_eq!(Value::from(rows(&kept.batches)), expected);
    assert_eq!(kept.rejects.len(), 1);
}

#[test]
fn a_struct_is_held_to_the_members_that_its_column_has() {
    let known = [Field::new_struct(
        "a",
        vec![
            Field::new("x", DataType::Int64, true),
            Field::new("y", DataType::Utf8, true),
        ],
        true,
    )];
    let wanted = Arc::new(Shape {
        nested: Nested::Struct,
        ..Shape::default()
    });
    let records = json!([
        { "a": { "y": "one", "x": 1 } },
        { "a": { "x": 2, "more": true } },
        { "a": { "x": "3" } },
        { "a": {} },
    ]);
    let batches = shaped(&wanted, &records);
    let kept = keeper(Contract::DiscardValue, &known)
        .keep(batches)
        .unwrap();
    let expected = json!([
        { "a": { "x": 1, "y": "one" } },
        { "_tapline_rest": { "a": { "x": 2, "more": true } } },
        { "_tapline_rest": { "a": { "x": "3" } } },
        { "a": {} },
    ]);
    assert_eq!(Value::from(rows(&kept.batches)), expected);
}

#[test]
fn a_part_that_is_hidden_is_found_wherever_its_column_is_nested() {
    let wanted = shape(json!({ "a__pin": { "mask": true }, "a__tel": { "drop": true } }));
    let records = json!([
        { "a": { "pin": 4711, "tel": "0731", "x": 1 } },
        { "a": [{ "pin": 4711 }] },
        { "a": "n/a" },
        { "a": "{\"pin\": 4711" },
    ]);
    let found = rows(&shaped(&wanted, &records));
    let all = Value::from(found.clone()).to_string();
    assert!(!all.contains("4711") && !all.contains("0731"), "{all}");
    assert_eq!(
        (&found[0]["a__x"], &found[2]["a"]),
        (&json!(1), &json!("n/a"))
    );
    assert_eq!(found[0]["a__pin"], mask::hash("4711", None));
}

#[test]
fn what_is_hidden_in_the_rest_is_hidden_there() {
    let wanted = shape(
        json!({ "email": { "mask": true }, "a": { "rename": "b" }, "a__pin": { "drop": true } }),
    );
    let body =
        r#"[{"email":"e","email":"x@y","a":{"pin":1,"pin":4711},"a":{"pin":4712},"n":1,"n":2}]"#;
    let found = rows(
        &shaper(&wanted)
            .shape(Pages::new().decode_text(body))
            .unwrap(),
    );
    let all = Value::from(found.clone()).to_string();
    for secret in ["x@y", "4711", "4712"] {
        assert!(!all.contains(secret), "{all}");
    }
    assert_eq!(found[0]["_tapline_rest"]["n"], 2);
}

#[test]
fn a_number_has_one_mask() {
    let wanted = shape(json!({ "n": { "mask": true } }));
    let mask = |records: Value| rows(&shaped(&wanted, &records))[0]["n"].clone();
    assert_eq!(
        mask(json!([{ "n": 5 }])),
        mask(json!([{ "n": 5 }, { "n": 5.5 }]))
    );
    assert_eq!(mask::of_json("5.0", None), mask::of_json("5", None));
}

fn keeper(contract: Contract, known: &[Field]) -> Keeper {
    let shape = Shape {
        contracts: Contracts {
            columns: contract,
            types: contract,
            ..Contracts::default()
        },
        ..Shape::default()
    };
    let mut keeper = Keeper::new(&shape).unwrap();
    let schema = Schema::new(known.to_vec());
    keeper.learn(&schema, known.iter().cloned().map(Some).collect());
    keeper
}

fn table() -> Vec<Field> {
    vec![
        Field::new("id", DataType::Int64, true),
        Field::new("size", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
    ]
}

/// A record that fits, one with a column too many, one whose size is no number, one whose size is
/// written in another way.
fn records() -> Vec<Batch> {
    Pages::new().decode(&json!([
        { "id": 1, "size": 1, "name": "one" },
        { "id": 2, "size": 2, "name": true, "more": { "x": 1 } },
        { "id": 3, "size": "large", "name": "three" },
        { "id": 4, "size": "4" },
    ]))
}

#[test]
fn values_that_do_not_fit_go_to_the_rest() {
    let kept = keeper(Contract::DiscardValue, &table())
        .keep(records())
        .unwrap();
    assert!(kept.rejects.is_empty());
    let expected = json!([
        { "id": 1, "size": 1, "name": "one" },
        { "id": 2, "size": 2, "name": "true", "_tapline_rest": { "more": { "x": 1 } } },
        { "id": 3, "name": "three", "_tapline_rest": { "size": "large" } },
        { "id": 4, "size": 4 },
    ]);
    assert_eq!(Value::from(rows(&kept.batches)), expected);
    let names: Vec<_> = types(&kept.batches[0].records).into_iter().collect();
    let table: Vec<_> = table()
        .iter()
        .map(|f| (f.name().clone(), f.data_type().clone()))
        .collect();
    assert_eq!(names, table);
}

#[test]
fn rows_that_do_not_fit_go_to_the_rejects() {
    let kept = keeper(Contract::DiscardRow, &table())
        .keep(records())
        .unwrap();
    let ids: Vec<_> = rows(&kept.batches)
        .iter()
        .map(|row| row["id"].clone())
        .collect();
    assert_eq!(ids, [1, 4]);
    let rejects: Vec<_> = kept
        .rejects
        .iter()
        .map(|it| (it.index, it.reason.as_str()))
        .collect();
    let expected = [
        (1, "the table has no column `more`"),
        (2, "column `size` holds whole numbers"),
    ];
    assert_eq!(rejects, expected);
    let raw: Value = serde_json::from_str(&kept.rejects[0].raw).unwrap();
    assert_eq!(
        raw,
        json!({ "id": 2, "size": "2", "name": "true", "more": { "x": 1 } })
    );
}

#[test]
fn a_frozen_table_stops_the_run_only_if_something_does_not_fit() {
    let frozen = keeper(Contract::Freeze, &table());
    let error = frozen.keep(records()).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Contract);
    let fitting = Pages::new().decode(&json!([
        { "id": 1, "size": "1" }, { "id": 2, "size": 2, "more": null }
    ]));
    let kept = frozen.keep(fitting).unwrap();
    let expected = json!([{ "id": 1, "size": 1 }, { "id": 2, "size": 2 }]);
    assert_eq!(Value::from(rows(&kept.batches)), expected);
}

#[test]
fn a_column_may_have_a_contract_of_its_own() {
    let shape = shape(json!({ "size": { "contract": "discard_row" } }));
    let mut keeper = Keeper::new(&shape).unwrap();
    let asked: SchemaRef = keeper.unknown(&records()[0].records.schema()).unwrap();
    let known = |field: &Arc<Field>| table().into_iter().find(|it| it.name() == field.name());
    keeper.learn(&asked, asked.fields().iter().map(known).collect());
    assert!(keeper.unknown(&asked).is_none());
    let kept = keeper.keep(records()).unwrap();
    let ids: Vec<_> = rows(&kept.batches)
        .iter()
        .map(|row| row["id"].clone())
        .collect();
    assert_eq!(ids, [1, 2, 4]);
    assert_eq!(rows(&kept.batches)[1]["more"], json!({ "x": 1 }));
}

#[test]
fn numbers_are_never_rounded_to_fit() {
    let known = [Field::new("n", DataType::Float64, true)];
    let keeper = keeper(Contract::DiscardValue, &known);
    let batches = Pages::new().decode(
        &serde_json::from_str(
            r#"[{"n": 9007199254740993}, {"n": 3}, {"n": "0.5"}, {"n": "0.50"}, {"n": "007"}]"#,
        )
        .unwrap(),
    );
    let kept = rows(&keeper.keep(batches).unwrap().batches);
    let expected = json!([
        { "_tapline_rest": { "n": "9007199254740993" } },
        { "n": 3.0 }, { "n": 0.5 }, { "n": 0.5 },
        { "_tapline_rest": { "n": "007" } },
    ]);
    assert_eq!(Value::from(kept), expected);
}

#[test]
fn what_tells_the_latest_version_is_found_under_its_new_name() {
    let shape = Shape {
        nested: Nested::Flatten,
        ..(*shape(json!({ "id": { "rename": "key" }, "meta__at": { "rename": "changed" } })))
            .clone()
    };
    let stage = Stage {
        table: TableRef::public("t"),
        keys: vec!["id".to_owned()],
        cursor: "meta.at".to_owned(),
        cursor_type: CursorType::Timestamp,
        deletions: None,
    };
    assert_eq!(shape.spoils(&stage), None);
    for (written, spoilt) in [
        (json!({ "id": { "drop": true } }), Some("id")),
        (json!({ "id": { "mask": true } }), None),
        (json!({ "meta": { "drop": true } }), Some("meta.at")),
        (json!({ "meta__at": { "mask": true } }), Some("meta.at")),
        (json!({ "meta": { "nested": "drop" } }), Some("meta.at")),
        (json!({ "meta": { "cast": "string" } }), Some("meta.at")),
        (json!({ "other": { "drop": true } }), None),
    ] {
        let other = Shape {
            columns: serde_json::from_value(written.clone()).unwrap(),
            ..Shape::default()
        };
        assert_eq!(other.spoils(&stage), spoilt, "{written}");
    }
    let stage = shape.of_stage(stage);
    assert_eq!(stage.keys, ["key"]);
    assert_eq!(stage.cursor, "changed");
    let shape = shape_of_parts();
    let stage = Stage {
        cursor: "meta.at.time.utc".to_owned(),
        ..stage
    };
    assert_eq!(shape.of_stage(stage).cursor, "about__at__hour.utc");
}

/// Parts that are renamed one by one, and one that stays JSON.
fn shape_of_parts() -> Shape {
    let columns = json!({
        "meta": { "rename": "about", "nested": "flatten" }, "meta__at": { "nested": "flatten" },
        "meta__at__time": { "rename": "about__at__hour", "nested": "json" },
    });
    Shape {
        columns: serde_json::from_value(columns).unwrap(),
        ..Shape::default()
    }
}
