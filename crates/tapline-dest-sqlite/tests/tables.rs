//! What is particular to SQLite: names, views and indexes, its limits, the tables beside.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::SchemaRef;
use common::Place;
use rusqlite::Connection;
use tapline_conformance::destination::Subject;
use tapline_core::{
    Batch, Cell, Commit, CommitKey, Disposition, ErrorKind, Reject, RequestRecord, Result,
    SliceProgress, TableRef, Writer,
};
use tapline_dest_sqlite::query;
use uuid::Uuid;

fn records(columns: usize, rows: i64) -> RecordBatch {
    let column = |index| {
        let values: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        (format!("c{index}"), values)
    };
    RecordBatch::try_from_iter((0..columns).map(column)).unwrap()
}

fn key(pipeline: &str, number: u64) -> CommitKey {
    CommitKey {
        pipeline: pipeline.into(),
        run: Uuid::from_u128(number.into()),
        generation: number,
        fence: number,
    }
}

fn page(seq: u64) -> Commit {
    Commit {
        slice: "a".into(),
        seq,
        position: None,
        progress: SliceProgress::default(),
        request: RequestRecord {
            request_id: Uuid::from_u128(77),
            method: "GET".into(),
            url: "http://h/?key=***".into(),
            status: 200,
            bytes: 2,
            attempts: 3,
            waited_ms: 4,
            duration_ms: 5,
            received_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        },
        rejects: vec![Reject {
            index: 6,
            reason: "no object".into(),
            raw: "[1]".into(),
            form: tapline_core::RejectForm::Record,
        }],
        settles: Vec::new(),
        raw: None,
    }
}

async fn begin(
    place: &Place,
    table: &str,
    schema: SchemaRef,
    key: CommitKey,
) -> Result<Box<dyn Writer>> {
    let destination = place.open().unwrap();
    let table = TableRef::public(table);
    destination
        .begin(&table, schema, Disposition::Replace, key)
        .await
}

async fn load(place: &Place, table: &str, rows: RecordBatch, key: CommitKey) {
    let mut writer = begin(place, table, rows.schema(), key).await.unwrap();
    let _ = writer
        .write(vec![Batch::insert(rows)], page(1))
        .await
        .unwrap();
    let _ = writer.publish().await.unwrap();
}

fn count(place: &Place, table: &str) -> Cell {
    let sql = format!("SELECT count(*) FROM \"{table}\"");
    query(&place.path(), &sql, 1).unwrap().rows[0][0].clone()
}

#[tokio::test]
async fn views_and_indexes_outlive_a_full_load() {
    let place = Place::new();
    load(&place, "t", records(2, 3), key("p", 1)).await;
    let connection = Connection::open(place.path()).unwrap();
    let sql = "CREATE VIEW v AS SELECT c0 FROM t; CREATE INDEX i ON t (c0);
               CREATE INDEX gone ON t (c1); CREATE TABLE child (id REFERENCES t (c0));";
    connection.execute_batch(sql).unwrap();
    load(&place, "t", records(1, 7), key("p", 2)).await;
    assert_eq!(count(&place, "v"), Cell::Integer(7));
    let sql = "SELECT name FROM sqlite_schema WHERE tbl_name = 't' AND type = 'index'";
    let indexes = query(&place.path(), sql, 9).unwrap().rows;
    assert_eq!(indexes, [[Cell::Text("i".into())]]);
}

#[tokio::test]
async fn tables_that_differ_by_case_do_not_mix() {
    let place = Place::new();
    for round in [1, 2] {
        load(&place, "Members", records(1, 1), key("p", round)).await;
        load(&place, "members", records(1, 2), key("q", round)).await;
    }
    assert_eq!(count(&place, "Members"), Cell::Integer(1));
    let sql = "SELECT name FROM sqlite_schema WHERE name GLOB '[mM]embers*' ORDER BY name";
    let names = query(&place.path(), sql, 9).unwrap().rows;
    assert_eq!(names.len(), 2, "{names:?}");
    let Cell::Text(other) = &names[1][0] else {
        panic!("{names:?}")
    };
    assert_eq!(count(&place, other), Cell::Integer(2));
}

#[tokio::test]
async fn a_published_generation_is_never_taken_for_a_resumed_one() {
    let place = Place::new();
    load(&place, "t", records(1, 3), key("p", 1)).await;
    // The state store was lost, so its fences and generations start again.
    let mut again = key("p", 1);
    again.run = Uuid::from_u128(99);
    load(&place, "t", records(1, 5), again).await;
    assert_eq!(count(&place, "t"), Cell::Integer(5));
}

#[tokio::test]
async fn columns_without_a_printable_name_are_found_again() {
    let place = Place::new();
    let value: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let columns = ["", "_", "a\0b", "a\u{FFFD}b"].map(|name| (name, value.clone()));
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    load(&place, "t", rows, key("p", 1)).await;
    let sql = "SELECT * FROM t";
    let row = query(&place.path(), sql, 1).unwrap().rows.remove(0);
    assert_eq!(row, vec![Cell::Integer(1); 4]);
}

#[tokio::test]
async fn reserved_names_and_views_are_refused() {
    let place = Place::new();
    load(&place, "t", records(1, 1), key("p", 1)).await;
    let connection = Connection::open(place.path()).unwrap();
    connection
        .execute_batch("CREATE VIEW v AS SELECT 1")
        .unwrap();
    let schema = records(1, 0).schema();
    let destination = place.open().unwrap();
    for (table, disposition, reason) in [
        ("sqlite_x", Disposition::Append, "reserved"),
        ("_tapline_commits", Disposition::Replace, "reserved"),
        ("v", Disposition::Append, "is a view"),
        ("v", Disposition::Replace, "is a view"),
    ] {
        let table = TableRef::public(table);
        let begun = destination.begin(&table, schema.clone(), disposition, key("p", 2));
        let error = begun.await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_table_of_somebody_else_is_not_replaced() {
    let place = Place::new();
    let connection = Connection::open(place.path()).unwrap();
    let sql = "CREATE TABLE t (c0 INTEGER); INSERT INTO t VALUES (1), (2)";
    connection.execute_batch(sql).unwrap();
    let begun = begin(&place, "t", records(1, 1).schema(), key("p", 1)).await;
    let refused = begun.err().unwrap().to_string();
    assert!(refused.contains("was not written by tapline"), "{refused}");
    assert_eq!(count(&place, "t"), Cell::Integer(2));
}

#[tokio::test]
async fn a_field_may_be_called_as_sqlite_calls_its_own_key() {
    let place = Place::new();
    for name in ["rowid", "OID", "_rowid_"] {
        let first = records(1, 2);
        let mut writer = begin(&place, name, first.schema(), key(name, 1))
            .await
            .unwrap();
        let _ = writer
            .write(vec![Batch::insert(first)], page(1))
            .await
            .unwrap();
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![7, 9]));
        let rows = RecordBatch::try_from_iter([("c0", ids.clone()), (name, ids)]).unwrap();
        writer.evolve(rows.schema()).await.unwrap();
        let _ = writer
            .write(vec![Batch::insert(rows)], page(2))
            .await
            .unwrap();
        let _ = writer.publish().await.unwrap();
        let sql = format!("SELECT count(*), sum({name}) FROM \"{name}\"");
        let found = query(&place.path(), &sql, 1).unwrap().rows;
        assert_eq!(found, [[Cell::Integer(4), Cell::Integer(16)]], "{name}");
    }
}

#[tokio::test]
async fn a_table_of_somebody_else_is_not_written_to_with_conversions() {
    let place = Place::new();
    drop(place.open().unwrap());
    let connection = Connection::open(place.path()).unwrap();
    connection
        .execute_batch("CREATE TABLE t (c0 VARCHAR(20))")
        .unwrap();
    let destination = place.open().unwrap();
    let table = TableRef::public("t");
    let schema = records(1, 0).schema();
    let begun = destination.begin(&table, schema, Disposition::Append, key("p", 1));
    let error = begun.await.err().unwrap().to_string();
    assert!(error.contains("VARCHAR(20)"), "{error}");
}

#[tokio::test]
async fn the_widest_table_fits_and_a_wider_one_is_refused() {
    let place = Place::new();
    load(&place, "t", records(2000, 25), key("p", 1)).await;
    assert_eq!(count(&place, "t"), Cell::Integer(25));
    let begun = begin(&place, "t", records(2001, 0).schema(), key("p", 2)).await;
    let error = begun.err().unwrap().to_string();
    assert!(error.contains("2001 columns; sqlite holds 2000"), "{error}");
}

#[tokio::test]
async fn requests_and_rejects_are_logged_once_and_outlive_an_abort() {
    let place = Place::new();
    let rows = records(1, 2);
    let mut writer = begin(&place, "t", rows.schema(), key("p", 1))
        .await
        .unwrap();
    for _ in 0..2 {
        let batch = vec![Batch::insert(rows.clone())];
        let _ = writer.write(batch, page(1)).await.unwrap();
    }
    writer.abort().await.unwrap();
    let sql = "SELECT q.pipeline, q.slice, q.url, q.attempts, q.received_at, r.record, r.raw
               FROM _tapline_requests q JOIN _tapline_rejects r USING (request_id)";
    let found = query(&place.path(), sql, 9).unwrap().rows;
    let text = |text: &str| Cell::Text(text.into());
    let want = [
        text("p"),
        text("a"),
        text("http://h/?key=***"),
        Cell::Integer(3),
        text("2026-01-02T03:04:05.000000Z"),
        Cell::Integer(6),
        text("[1]"),
    ];
    assert_eq!(found, [want]);
    let sql = "SELECT name FROM sqlite_schema WHERE name GLOB '_tapline_gen_*'";
    assert!(query(&place.path(), sql, 9).unwrap().rows.is_empty());
}

#[tokio::test]
async fn a_call_that_is_given_up_is_still_carried_out_whole() {
    let place = Place::new();
    let rows = records(1, 2);
    let mut writer = begin(&place, "t", rows.schema(), key("p", 1))
        .await
        .unwrap();
    let mut call = writer.write(vec![Batch::insert(rows.clone())], page(1));
    let polled = std::future::poll_fn(|context| {
        std::task::Poll::Ready(call.as_mut().poll(context).is_ready())
    });
    let _ = polled.await;
    drop(call);
    let _ = writer
        .write(vec![Batch::insert(rows)], page(2))
        .await
        .unwrap();
    assert_eq!(writer.publish().await.unwrap().rows, 4);
}
