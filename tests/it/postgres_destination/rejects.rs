//! Rows that the server refuses: they go to the rejects, and their page goes on.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{Field, Schema};
use tapline_conformance::destination::Subject;
use tapline_core::{Batch, Cell, Disposition, Receipt, Result, TableRef, column};

use super::subject::{Place, commit, key};
use crate::postgres::{Postgres, runtime};

/// Columns `id` and `name`, and others of JSON.
fn records(names: &[&str], json: &[&str], rest: &[&str]) -> RecordBatch {
    let count = i64::try_from(names.len()).unwrap();
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(1..=count));
    let texts = |texts: &[&str]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let columns = [
        ("id", ids),
        ("name", texts(names)),
        ("json", texts(json)),
        (column::REST, texts(rest)),
    ];
    let mark = [("ARROW:extension:name".to_owned(), "arrow.json".to_owned())];
    let field = |(name, array): &(&str, ArrayRef)| {
        let field = Field::new(*name, array.data_type().clone(), true);
        match *name {
            "id" | "name" => field,
            _ => field.with_metadata(HashMap::from(mark.clone())),
        }
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(schema), arrays).unwrap()
}

async fn append(place: &Place<'_>, table: &str, batches: Vec<RecordBatch>) -> Result<Receipt> {
    let destination = place.open().unwrap();
    let schema = batches[0].schema();
    let table = TableRef::public(table);
    let begun = destination.begin(&table, schema, Disposition::Append, key("p", 1));
    let mut writer = begun.await.unwrap();
    let batches = batches.into_iter().map(Batch::insert).collect();
    writer.write(batches, commit(1)).await
}

fn rejected(receipt: &Receipt) -> Vec<(u64, &str)> {
    let rows = receipt.rejected.iter();
    rows.map(|row| (row.row, row.reason.as_str())).collect()
}

async fn kept(place: &Place<'_>, table: &str) -> Vec<i64> {
    let table = TableRef::public(table);
    let rows = place.cells(&table, &["id"]).await.unwrap();
    let id = |row: Vec<Cell>| match row[..] {
        [Cell::Integer(id)] => id,
        _ => panic!("{row:?}"),
    };
    rows.into_iter().map(id).collect()
}

#[test]
fn text_that_the_server_does_not_keep_goes_to_the_rejects() {
    let server = Postgres::start();
    let place = Place::new(&server);
    runtime().block_on(async {
        let names = ["a", "b\0b", "c", "d", "e", "f"];
        let json = [
            "1",
            "{}",
            r#"{"x":"\u0000"}"#,
            r#"["\ud800"]"#,
            r#""\\u0000""#,
            "{}",
        ];
        let rest = [
            "{}",
            "{}",
            "{}",
            "{}",
            r#"{"a":1,"a":"\u0000\udc00"}"#,
            "{}",
        ];
        let rows = records(&names, &json, &rest);
        let receipt = append(&place, "t", vec![rows.slice(0, 3), rows.slice(3, 3)]).await;
        let receipt = receipt.unwrap();
        assert_eq!(receipt.accepted, 3);
        let escape = "column \"json\" holds an escape that jsonb does not take: of U+0000, or of \
             half a character";
        let null = "column \"name\" holds U+0000, which PostgreSQL keeps in no text";
        let expected = [(1, null), (2, escape), (3, escape)];
        assert_eq!(rejected(&receipt), expected);
        assert_eq!(kept(&place, "t").await, [1, 5, 6]);
        let raw = r#"{"id":2,"name":"b\u0000b","json":{},"_tapline_rest":{}}"#;
        let sql = "SELECT raw FROM _tapline_rejects WHERE record = 1 AND reason LIKE '%U+0000%'";
        assert_eq!(place.ask(sql).await, [raw]);
        let rest = format!("SELECT {} FROM t WHERE id = 5", column::REST);
        assert_eq!(place.ask(&rest).await, [r#"{"a":1,"a":"\u0000\udc00"}"#]);
    });
}

#[test]
fn rows_that_only_the_server_refuses_are_found() {
    let server = Postgres::start();
    let place = Place::new(&server);
    runtime().block_on(async {
        // A number beyond all bounds, one with many digits, and what is no JSON at all.
        let json = [
            "1",
            "1e999999",
            "12345678901234567890123",
            "{",
            "{}",
            "[1e-99999]",
        ];
        let names = ["a", "b", "c", "d", "e", "f\0"];
        let receipt = append(&place, "t", vec![records(&names, &json, &["{}"; 6])]).await;
        let receipt = receipt.unwrap();
        let found = rejected(&receipt);
        let rows: Vec<u64> = found.iter().map(|(row, _)| *row).collect();
        assert_eq!((receipt.accepted, &rows[..]), (3, &[1, 3, 5][..]));
        assert!(found[0].1.contains("overflow"), "{found:?}");
        assert!(found[1].1.contains("invalid input syntax"), "{found:?}");
        assert_eq!(kept(&place, "t").await, [1, 3, 5]);
        let number = place.ask("SELECT json FROM t WHERE id = 3").await;
        assert_eq!(number, ["12345678901234567890123"]);
        let sql = "SELECT count(*) FROM _tapline_rejects WHERE table_name = 't'";
        assert_eq!(place.ask(sql).await, ["3"]);

        let times = TimestampMicrosecondArray::from(vec![i64::MIN, 0]);
        let times: ArrayRef = Arc::new(times.with_timezone("UTC"));
        let id: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let rows = RecordBatch::try_from_iter([("id", id), ("at", times)]).unwrap();
        let receipt = append(&place, "u", vec![rows]).await.unwrap();
        assert_eq!(
            rejected(&receipt),
            [(0, "column \"at\" is a time out of range")]
        );
    });
}

#[test]
fn what_a_rule_of_the_table_forbids_is_refused_up_to_a_number() {
    let server = Postgres::start();
    let place = Place::new(&server);
    runtime().block_on(async {
        let rows = |ids: Vec<i64>| {
            let ids: ArrayRef = Arc::new(Int64Array::from(ids));
            vec![RecordBatch::try_from_iter([("id", ids)]).unwrap()]
        };
        place
            .ask("CREATE TABLE t (id bigint UNIQUE CHECK (id <> 13))")
            .await;
        let ids = (1..=200).chain([7]).collect();
        let receipt = append(&place, "t", rows(ids)).await.unwrap();
        let found = rejected(&receipt);
        assert_eq!((receipt.accepted, found.len()), (199, 2));
        assert!(
            found[0].1.contains("t_id_check") && found[0].0 == 12,
            "{found:?}"
        );
        assert!(
            found[1].1.contains("t_id_key") && found[1].0 == 200,
            "{found:?}"
        );

        place
            .ask("CREATE TABLE u (id bigint CHECK (id < 100))")
            .await;
        let most = append(&place, "u", rows((0..201).collect())).await;
        let error = most.unwrap_err().to_string();
        assert!(
            error.contains("refuses more than 100 rows of this page"),
            "{error}"
        );
        assert!(error.contains("u_id_check"), "{error}");
        assert_eq!(kept(&place, "u").await, [] as [i64; 0]);

        place
            .ask(
                "CREATE TABLE w (id bigint); CREATE FUNCTION forget() RETURNS trigger
                 LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER forget
                 BEFORE INSERT ON w FOR EACH ROW EXECUTE FUNCTION forget()",
            )
            .await;
        let error = append(&place, "w", rows(vec![1, 2])).await.unwrap_err();
        let said = "kept 0 of 2 rows: a trigger of the table leaves some out";
        assert!(error.to_string().contains(said), "{error}");
    });
}
