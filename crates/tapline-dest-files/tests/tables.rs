//! What the published suite does not ask for: groups of pages, widened files, names, the manifest.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_schema::{DataType, Field, Schema};
use common::{Place, children};
use serde_json::json;
use tapline_conformance::destination::Subject;
use tapline_core::{
    Batch, Commit, CommitKey, Disposition, ErrorKind, NestedCells, Position, RequestRecord, Result,
    SliceProgress, TableRef, Writer,
};
use tapline_dest_files::{CommitEvery, Format};
use uuid::Uuid;

fn key(number: u64) -> CommitKey {
    CommitKey {
        pipeline: "p".into(),
        run: Uuid::from_u128(number.into()),
        generation: number,
        fence: number,
    }
}

fn page(seq: u64) -> Commit {
    Commit {
        slice: String::new(),
        seq,
        position: Some(Position::Page(seq)),
        progress: SliceProgress::default(),
        request: RequestRecord {
            request_id: Uuid::nil(),
            method: "GET".into(),
            url: "http://h/".into(),
            status: 200,
            bytes: 2,
            attempts: 1,
            waited_ms: 0,
            duration_ms: 0,
            received_at: jiff::Timestamp::UNIX_EPOCH,
        },
        rejects: Vec::new(),
        settles: Vec::new(),
        raw: None,
    }
}

fn column(array: impl arrow_array::Array + 'static) -> RecordBatch {
    RecordBatch::try_from_iter([("v", Arc::new(array) as ArrayRef)]).unwrap()
}

async fn begin(place: &Place, table: &TableRef, schema: &Schema) -> Result<Box<dyn Writer>> {
    let (destination, replace) = (place.open().unwrap(), Disposition::Replace);
    let schema = Arc::new(schema.clone());
    destination.begin(table, schema, replace, key(1)).await
}

#[tokio::test]
async fn pages_of_one_second_share_a_file_and_become_durable_together() {
    let place = Place::new(Format::Jsonl, CommitEvery::Group);
    let table = TableRef::public("t");
    let rows = |seq: u64| vec![Batch::insert(column(Int64Array::from(vec![seq as i64])))];
    let schema = rows(0)[0].records.schema();
    let mut writer = begin(&place, &table, &schema).await.unwrap();
    let mut durable = Vec::new();
    for seq in 1..=5 {
        durable.push(writer.write(rows(seq), page(seq)).await.unwrap().durable);
        let again = writer.write(rows(seq), page(seq)).await.unwrap();
        assert_eq!(
            again.durable,
            *durable.last().unwrap(),
            "a repeat tells the same"
        );
        place.clock.advance(Duration::from_millis(400));
    }
    assert_eq!(durable, [false, false, false, true, false]);
    let recovered = place.open().unwrap().recover("p").await.unwrap();
    assert_eq!(recovered[0].seq, 4, "the fifth page is not durable");

    assert_eq!(writer.publish().await.unwrap().rows, 5);
    let files = place.files(&table);
    let names: Vec<_> = files.iter().map(|f| f.file_name().unwrap()).collect();
    assert_eq!(names, ["000001.jsonl", "000005.jsonl"]);
    let manifest = place.manifest(&table).unwrap();
    assert_eq!(manifest["version"], 1);
    assert_eq!(manifest["fence"], 1);
    assert_eq!(manifest["schema"], json!([{"name": "v", "type": "int64"}]));
    assert_eq!(manifest["positions"][0]["seq"], 5);
}

#[tokio::test]
async fn parquet_files_are_written_again_only_where_readers_could_not_unite_them() {
    let ints = column(Int64Array::from(vec![7, 9_007_199_254_740_993]));
    let floats = column(Float64Array::from(vec![1.5]));
    let texts = column(StringArray::from(vec!["007"]));
    let cases = [
        (
            vec![ints.clone(), floats.clone()],
            vec![DataType::Int64, DataType::Float64],
        ),
        (vec![ints, floats, texts], vec![DataType::Utf8; 3]),
    ];
    for (pages, expected) in cases {
        let place = Place::new(Format::Parquet, CommitEvery::Group);
        let table = TableRef::public("t");
        let mut writer = begin(&place, &table, &pages[0].schema()).await.unwrap();
        for (seq, rows) in (1..).zip(pages) {
            writer.evolve(rows.schema()).await.unwrap();
            let batch = vec![Batch::insert(rows)];
            let _ = writer.write(batch, page(seq)).await.unwrap();
        }
        let _ = writer.publish().await.unwrap();
        let kind = |file| common::parquet(file)[0].column(0).data_type().clone();
        let kinds: Vec<DataType> = place.files(&table).iter().map(kind).collect();
        assert_eq!(kinds, expected);
        let wanted = Schema::new(vec![Field::new("v", DataType::Utf8, true)]);
        let rows = place.rows(&table, &wanted).await.unwrap().unwrap();
        assert_eq!(
            rows[1],
            [Some("9007199254740993".to_owned())],
            "no digit is lost"
        );
    }
}

/// Objects with the members `members`, as the column `v`.
fn objects(members: Vec<(Field, ArrayRef)>) -> RecordBatch {
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = members.into_iter().unzip();
    column(StructArray::new(fields.into(), arrays, None))
}

fn json_field(name: &str) -> Field {
    let mark = ("ARROW:extension:name".to_owned(), "arrow.json".to_owned());
    Field::new(name, DataType::Utf8, true).with_metadata([mark].into())
}

#[tokio::test]
async fn structs_grow_and_widen_and_earlier_files_only_change_where_they_must() {
    let member =
        |name: &str, array: ArrayRef| (Field::new(name, array.data_type().clone(), true), array);
    let first = || {
        let ints: ArrayRef = Arc::new(Int64Array::from(vec![9_007_199_254_740_993]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        objects(vec![member("a", ints), member("t", texts)])
    };
    let wider = || {
        let mut items = ListBuilder::new(Int64Builder::new());
        items.append_value([Some(1), None]);
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.5]));
        objects(vec![
            member("l", Arc::new(items.finish())),
            member("a", floats),
        ])
    };
    let mixed = || {
        let raw: ArrayRef = Arc::new(StringArray::from(vec!["{\"u\":5}"]));
        objects(vec![(json_field("t"), raw)])
    };
    let empty = || column(StructArray::new_empty_fields(1, None));
    let text = || column(StringArray::from(vec!["none"]));
    let a = r#"{"a":9007199254740993,"t":"x"}"#;
    let b = r#"{"a":1.5,"l":[1,null]}"#;
    for (pages, types, rows) in [
        (vec![empty()], vec!["text"], vec!["{}"]),
        (
            vec![empty(), first(), empty()],
            vec!["struct"; 3],
            vec!["{}", a, "{}"],
        ),
        (vec![first(), wider()], vec!["struct"; 2], vec![a, b]),
        (
            vec![first(), wider(), mixed()],
            vec!["struct"; 3],
            vec![a, b, r#"{"t":{"u":5}}"#],
        ),
        (
            vec![first(), wider(), mixed(), text()],
            vec!["text"; 4],
            vec![a, b, r#"{"t":{"u":5}}"#, "none"],
        ),
    ] {
        let place = Place::new(Format::Parquet, CommitEvery::Group);
        let table = TableRef::public("t");
        let mut writer = begin(&place, &table, &Schema::empty()).await.unwrap();
        for (seq, rows) in (1..).zip(pages) {
            writer.evolve(rows.schema()).await.unwrap();
            let batch = vec![Batch::insert(rows)];
            let _ = writer.write(batch, page(seq)).await.unwrap();
        }
        let _ = writer.publish().await.unwrap();
        let mut found = Vec::new();
        for (file, expected) in place.files(&table).iter().zip(types) {
            let batch = common::parquet(file).remove(0);
            let (field, array) = (batch.schema().field(0).clone(), batch.column(0).clone());
            let mut json = String::new();
            match array.as_string_opt::<i32>() {
                Some(texts) => json.push_str(texts.value(0)),
                None => NestedCells::new(&array, &field)
                    .unwrap()
                    .write(0, &mut json),
            }
            let held = array.as_struct_opt();
            assert_eq!(held.is_some(), expected == "struct");
            // Integers stay what they were, in a table of floats, too.
            let members = held.and_then(|held| held.column_by_name("a"));
            if let Some(members) = members.filter(|_| json == a) {
                assert_eq!(*members.data_type(), DataType::Int64);
            }
            found.push(json);
        }
        assert_eq!(found, rows);
    }
}

#[tokio::test]
async fn a_table_says_what_its_structs_hold_and_only_parquet_has_them() {
    let ints: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let rows = objects(vec![(Field::new("a", DataType::Int64, true), ints)]);
    let place = Place::new(Format::Parquet, CommitEvery::Page);
    let table = TableRef::public("t");
    let mut writer = begin(&place, &table, &rows.schema()).await.unwrap();
    let batch = vec![Batch::insert(rows.clone())];
    let _ = writer.write(batch, page(1)).await.unwrap();
    let _ = writer.publish().await.unwrap();
    let manifest = place.manifest(&table).unwrap();
    let expected = json!([{
        "name": "v", "type": { "struct": [{ "name": "a", "type": "int64" }] }
    }]);
    assert_eq!(manifest["schema"], expected);
    let found = place.open().unwrap().columns(&table, rows.schema()).await;
    let found = found.unwrap().remove(0).unwrap();
    assert_eq!(found.data_type(), rows.schema().field(0).data_type());
    for format in [Format::Jsonl, Format::Csv] {
        let place = Place::new(format, CommitEvery::Page);
        assert!(!place.open().unwrap().capabilities().nested);
        let Err(error) = begin(&place, &table, &rows.schema()).await else {
            panic!("{format} took a struct");
        };
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(
            error.to_string().contains("`nested: json` keeps them"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn giant_values_have_a_parquet_file_of_their_own() {
    let place = Place::new(Format::Parquet, CommitEvery::Group);
    let table = TableRef::public("t");
    let giant = "x".repeat(3 << 20);
    let pages = ["a", "b", &giant, "c"];
    let rows = |text: &str| column(StringArray::from(vec![text]));
    let mut writer = begin(&place, &table, &rows("").schema()).await.unwrap();
    for (seq, text) in (1..).zip(pages) {
        let batch = vec![Batch::insert(rows(text))];
        let _ = writer.write(batch, page(seq)).await.unwrap();
    }
    assert_eq!(writer.publish().await.unwrap().rows, 4);
    let files = place.files(&table);
    let names: Vec<_> = files.iter().map(|f| f.file_name().unwrap()).collect();
    assert_eq!(
        names,
        ["000001.parquet", "000003.parquet", "000004.parquet"]
    );
    let wanted = Schema::new(vec![Field::new("v", DataType::Utf8, true)]);
    let read = place.rows(&table, &wanted).await.unwrap().unwrap();
    let expected = pages.map(|text| vec![Some(text.to_owned())]);
    assert!(read == expected, "all rows, in order");
}

#[tokio::test]
async fn rows_written_before_another_pipeline_widened_the_table_are_widened_too() {
    let place = Place::new(Format::Parquet, CommitEvery::Group);
    let table = TableRef::public("t");
    let (ints, texts) = (
        column(Int64Array::from(vec![7])),
        column(StringArray::from(vec!["007"])),
    );
    let other = CommitKey {
        pipeline: "q".into(),
        ..key(1)
    };
    let mut writers = Vec::new();
    for (key, rows) in [(key(1), &ints), (other, &texts)] {
        let destination = place.open().unwrap();
        let begun = destination.begin(&table, rows.schema(), Disposition::Append, key);
        let mut writer = begun.await.unwrap();
        let batch = vec![Batch::insert(rows.clone())];
        let receipt = writer.write(batch, page(1)).await.unwrap();
        assert!(!receipt.durable, "both groups are open at once");
        writers.push(writer);
    }
    for writer in writers.into_iter().rev() {
        let _ = writer.publish().await.unwrap();
    }
    let kind = |file| common::parquet(file)[0].column(0).data_type().clone();
    let kinds: Vec<DataType> = place.files(&table).iter().map(kind).collect();
    assert_eq!(kinds, [DataType::Utf8, DataType::Utf8]);
}

#[tokio::test]
async fn nothing_is_left_of_rows_that_were_given_up() {
    let place = Place::new(Format::Jsonl, CommitEvery::Group);
    let table = TableRef::public("t");
    let rows = column(Int64Array::from(vec![1]));
    let destination = place.open().unwrap();
    let append = |key| destination.begin(&table, rows.schema(), Disposition::Append, key);
    let batch = || vec![Batch::insert(rows.clone())];
    let drafts = || {
        let folders = children(&place.folder(&table).unwrap());
        let all = folders.iter().flat_map(|folder| children(folder));
        let all = all.filter(|path| path.to_string_lossy().contains(".draft-"));
        all.count()
    };
    let mut writer = append(key(1)).await.unwrap();
    let _ = writer.write(batch(), page(1)).await.unwrap();
    place.clock.advance(Duration::from_secs(1));
    let _ = writer.write(batch(), page(2)).await.unwrap();
    let _ = writer.write(batch(), page(3)).await.unwrap();
    assert_eq!(drafts(), 1, "the third page is not durable");
    drop(writer);
    let mut writer = append(key(2)).await.unwrap();
    assert_eq!(drafts(), 0, "the next run removes it");
    let _ = writer.write(batch(), page(1)).await.unwrap();
    writer.abort().await.unwrap();
    assert_eq!(drafts(), 0, "so does whoever gives up");
    assert_eq!(place.files(&table).len(), 1);
}

#[tokio::test]
async fn no_table_is_ever_outside_of_the_folder() {
    let place = Place::new(Format::Jsonl, CommitEvery::Page);
    let rows = column(Int64Array::from(vec![1]));
    let long = "x".repeat(300);
    let names = [
        "..", ".", "../../x", "/etc/x", "a\\b", "a\0b", "CON", "members", "Members", &long,
    ];
    for name in names {
        let table = TableRef {
            schema: name.to_owned(),
            name: name.to_owned(),
        };
        let writer = begin(&place, &table, &rows.schema()).await.unwrap();
        let _ = writer.publish().await.unwrap();
    }
    let schemas = children(place.dir.path());
    assert_eq!(schemas.len(), names.len());
    assert!(schemas.iter().all(|schema| children(schema).len() == 1));
}

#[tokio::test]
async fn raw_takes_bodies_only_and_keeps_every_byte() {
    let place = Place::new(Format::Raw, CommitEvery::Group);
    let table = TableRef::public("t");
    let rows = column(Int64Array::from(vec![1]));
    let refused = begin(&place, &table, &rows.schema()).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Usage, "{refused}");

    let body: &[u8] = b"\xff\x00 {\r\n}";
    let body: ArrayRef = Arc::new(arrow_array::BinaryArray::from(vec![body]));
    let kind: ArrayRef = Arc::new(StringArray::from(vec!["text/csv; charset=x"]));
    let rows = RecordBatch::try_from_iter([("body", body), ("content_type", kind)]).unwrap();
    let mut writer = begin(&place, &table, &rows.schema()).await.unwrap();
    let _ = writer
        .write(vec![Batch::insert(rows)], page(1))
        .await
        .unwrap();
    let _ = writer.publish().await.unwrap();
    let file = &place.files(&table)[0];
    assert!(file.ends_with("000001.csv"), "{file:?}");
    assert_eq!(std::fs::read(file).unwrap(), b"\xff\x00 {\r\n}");
}
