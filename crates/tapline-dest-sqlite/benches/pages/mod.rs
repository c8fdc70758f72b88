//! A full load to measure destinations with: 200,000 rows of 30 columns in 200 pages.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{Field, Schema};
use tapline_core::{
    Batch, Commit, CommitKey, Destination, Disposition, Position, RequestRecord, SliceProgress,
    TableRef,
};
use uuid::Uuid;

const PAGES: u64 = 200;
const ROWS: u64 = 1000;

/// Rows of all pages.
pub(crate) const ALL_ROWS: u64 = PAGES * ROWS;

/// The pages of one load.
pub(crate) fn pages() -> Vec<RecordBatch> {
    (0..PAGES).map(page).collect()
}

/// Loads all `pages` into a table of `destination` and publishes it.
pub(crate) async fn load(destination: &dyn Destination, pages: &[RecordBatch]) {
    let table = TableRef::public("t");
    let schema = pages[0].schema();
    let begun = destination.begin(&table, schema, Disposition::Replace, key());
    let mut writer = begun.await.unwrap();
    for (seq, page) in (1..).zip(pages) {
        let batches = vec![Batch::insert(page.clone())];
        let receipt = writer.write(batches, commit(seq)).await.unwrap();
        assert_eq!(receipt.accepted, ROWS);
    }
    assert_eq!(writer.publish().await.unwrap().rows, ALL_ROWS);
}

/// The only run.
pub(crate) fn key() -> CommitKey {
    CommitKey {
        pipeline: "p".into(),
        run: Uuid::nil(),
        generation: 1,
        fence: 1,
    }
}

/// The page `seq` of the only slice.
pub(crate) fn commit(seq: u64) -> Commit {
    Commit {
        slice: String::new(),
        seq,
        position: Some(Position::Offset(seq * ROWS)),
        progress: SliceProgress::default(),
        request: RequestRecord {
            request_id: Uuid::from_u128(seq.into()),
            method: "GET".into(),
            url: "http://127.0.0.1/members".into(),
            status: 200,
            bytes: 1_300_000,
            attempts: 1,
            waited_ms: 0,
            duration_ms: 10,
            received_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        },
        rejects: Vec::new(),
        settles: Vec::new(),
        raw: None,
    }
}

/// 10 texts, 7 integers, 4 floats, 2 booleans, 3 times, a date and 3 JSON texts: 1.3 kB of JSON.
fn page(number: u64) -> RecordBatch {
    let first = i64::try_from(number * ROWS).unwrap();
    let ids = first..first + i64::try_from(ROWS).unwrap();
    let mut columns: Vec<(Field, ArrayRef)> = Vec::new();
    let mut add = |name: String, array: ArrayRef| {
        let field = Field::new(name, array.data_type().clone(), true);
        columns.push((field, array));
    };
    for index in 0..10 {
        let text = |id| format!("text {index} of the record {id}");
        let texts = ids.clone().map(text);
        add(
            format!("text{index}"),
            Arc::new(StringArray::from_iter_values(texts)),
        );
    }
    for index in 0..7 {
        let values = ids.clone().map(|id| id * (index + 1));
        add(
            format!("int{index}"),
            Arc::new(Int64Array::from_iter_values(values)),
        );
    }
    for index in 0..4 {
        let values = ids.clone().map(|id| id as f64 / f64::from(index + 3));
        add(
            format!("float{index}"),
            Arc::new(Float64Array::from_iter_values(values)),
        );
    }
    for index in 0..2 {
        let values: Vec<bool> = ids.clone().map(|id| id % 3 == index).collect();
        add(format!("bool{index}"), Arc::new(BooleanArray::from(values)));
    }
    for index in 0..3 {
        let values = ids
            .clone()
            .map(|id| 1_767_323_045_000_000 + id * 1_000_003 * (index + 1));
        let times = TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC");
        add(format!("time{index}"), Arc::new(times));
    }
    let days = ids.clone().map(|id| i32::try_from(id % 20_000).unwrap());
    add(
        "date".to_owned(),
        Arc::new(Date32Array::from_iter_values(days)),
    );
    for index in 0..3 {
        let text = |id| format!(r#"{{"street":"{id} Long Street","tags":["a","b"],"n":{id}}}"#);
        let texts = ids.clone().map(text);
        add(
            format!("json{index}"),
            Arc::new(StringArray::from_iter_values(texts)),
        );
    }
    batch(columns)
}

fn batch(columns: Vec<(Field, ArrayRef)>) -> RecordBatch {
    let json = HashMap::from([("ARROW:extension:name".into(), "arrow.json".into())]);
    let mark = |field: Field| {
        if field.name().starts_with("json") {
            field.with_metadata(json.clone())
        } else {
            field
        }
    };
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let fields: Vec<Field> = fields.into_iter().map(mark).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}
