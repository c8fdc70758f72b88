//! Names, tables of somebody else's, what hangs on a table, the tables beside.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use tapline_conformance::destination::Subject;
use tapline_core::{Batch, Disposition, ErrorKind, Reject, RejectForm, Result, TableRef, Writer};
use tapline_dest_postgres::column_name;

use super::subject::{Place, commit, key};
use crate::postgres::{Postgres, runtime};

fn ids(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn records<'a>(columns: impl IntoIterator<Item = (&'a str, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

async fn begin(
    place: &Place<'_>,
    table: &str,
    rows: &RecordBatch,
    disposition: Disposition,
    number: u64,
) -> Result<Box<dyn Writer>> {
    let destination = place.open().unwrap();
    let table = TableRef::public(table);
    let key = key("p", number);
    destination
        .begin(&table, rows.schema(), disposition, key)
        .await
}

/// Loads `table` anew.
async fn load(place: &Place<'_>, table: &str, rows: RecordBatch, number: u64) -> Result<()> {
    let mut writer = begin(place, table, &rows, Disposition::Replace, number).await?;
    let _ = writer.write(vec![Batch::insert(rows)], commit(1)).await?;
    writer.publish().await.map(drop)
}

#[track_caller]
fn says(error: &tapline_core::Error, kind: ErrorKind, words: &[&str]) {
    let said = error.to_string();
    assert_eq!(error.kind(), kind, "{said}");
    for word in words {
        assert!(said.contains(word), "no {word:?} in {said}");
    }
}

#[test]
fn names_as_long_and_odd_as_they_come_are_found_again() {
    let server = Postgres::start();
    let place = Place::new(&server);
    runtime().block_on(async {
        let long = "a name of eighty bytes ".repeat(4);
        let long = &long[..80];
        let other = format!("{}!", &long[..79]);
        let names = [long, &other, "", "a\0b", "a\u{FFFD}b", "ctid", "Id", "id"];
        let rows = || records(names.iter().map(|name| (*name, ids(&[1]))));
        for table in [long, &other, "Members", "members", "select"] {
            load(&place, table, rows(), 1).await.unwrap();
            load(&place, table, rows(), 1).await.unwrap();
            let table = TableRef::public(table);
            let cells = place.cells(&table, &names).await.unwrap();
            assert_eq!(cells, [vec![tapline_core::Cell::Integer(1); names.len()]]);
        }
        let tables = "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
            WHERE nspname = 'public' AND relkind = 'r' AND relname NOT LIKE '\\_tapline\\_%'
            ORDER BY relname COLLATE \"C\"";
        let mut expected = vec![
            "Members".to_owned(),
            column_name(long),
            column_name(&other),
            "members".to_owned(),
            "select".to_owned(),
        ];
        expected.sort();
        assert_eq!(place.ask(tables).await, expected);
    });
}

#[test]
fn what_hangs_on_a_table_outlives_a_full_load() {
    let server = Postgres::start();
    let place = Place::new(&server);
    runtime().block_on(async {
        let rows = |values: &[i64]| records([("id", ids(values)), ("gone", ids(values))]);
        load(&place, "t", rows(&[1, 2]), 1).await.unwrap();
        place
            .ask(
                "CREATE ROLE reader; CREATE ROLE clerk; GRANT SELECT ON t TO reader, PUBLIC;
                 GRANT UPDATE (id) ON t TO clerk WITH GRANT OPTION;
                 COMMENT ON TABLE t IS 'people''s own'; COMMENT ON COLUMN t.id IS 'the number';
                 CREATE INDEX by_id ON t (id); CREATE INDEX by_gone ON t (gone)",
            )
            .await;
        // A right that new tables get, and this one has lost.
        let defaults =
            "CREATE ROLE guest; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO guest";
        place.ask(defaults).await;
        let old = place.ask("SELECT 't'::regclass::oid").await;
        load(&place, "t", records([("id", ids(&[3]))]), 2)
            .await
            .unwrap();
        assert_ne!(place.ask("SELECT 't'::regclass::oid").await, old);
        let sql = "SELECT relacl::text FROM pg_class WHERE oid = 't'::regclass
            UNION ALL SELECT attacl::text FROM pg_attribute
                WHERE attrelid = 't'::regclass AND attacl IS NOT NULL
            UNION ALL SELECT obj_description('t'::regclass)
            UNION ALL SELECT col_description('t'::regclass, 1)
            UNION ALL SELECT indexname FROM pg_indexes WHERE tablename = 't'";
        let kept = place.ask(sql).await;
        assert_eq!(
            kept,
            [
                "{tapline=arwdDxt/tapline,reader=r/tapline,=r/tapline}",
                "{clerk=w*/tapline}",
                "people's own",
                "the number",
                "by_id",
            ]
        );

        place.ask("CREATE VIEW v AS SELECT id FROM t").await;
        load(&place, "t", records([("id", ids(&[4, 5]))]), 3)
            .await
            .unwrap();
        assert_eq!(place.ask("SELECT id FROM v ORDER BY id").await, ["4", "5"]);
        let more = records([("new", ids(&[7])), ("id", ids(&[6]))]);
        load(&place, "t", more, 4).await.unwrap();
        assert_eq!(place.ask("SELECT id FROM v").await, ["6"]);
        assert_eq!(place.ask("SELECT new FROM t").await, ["7"]);
        assert_eq!(place.ask(sql).await[2..], kept[2..]);
        let nulls = Arc::new(Int64Array::from(vec![None::<i64>])) as ArrayRef;
        load(&place, "t", records([("id", nulls)]), 5)
            .await
            .unwrap();
        assert_eq!(
            place.ask("SELECT count(*) FROM v WHERE id IS NULL").await,
            ["1"]
        );

        let texts: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        let refused = load(&place, "t", records([("id", texts.clone())]), 6).await;
        says(
            &refused.unwrap_err(),
            ErrorKind::Destination,
            &["type of a column used by a view", "view v", "\"id\""],
        );
        assert_eq!(
            place.ask("SELECT count(*) FROM v WHERE id IS NULL").await,
            ["1"]
        );
        place
            .ask(
                "DROP VIEW v; CREATE FUNCTION f() RETURNS bigint
                 BEGIN ATOMIC SELECT count(*) FROM t; END",
            )
            .await;
        load(&place, "t", records([("id", texts)]), 7)
            .await
            .unwrap();
        assert_eq!(place.ask("SELECT id || f() FROM t").await, ["x1"]);
    });
}

#[test]
fn rules_that_others_made_for_a_table_hold_after_a_full_load() {
    let server = Postgres::start();
    let place = Place::new(&server);
    runtime().block_on(async {
        load(&place, "t", records([("id", ids(&[1, 2]))]), 1)
            .await
            .unwrap();
        place
            .ask("ALTER TABLE t ADD PRIMARY KEY (id); ALTER TABLE t ENABLE ROW LEVEL SECURITY")
            .await;
        let half: ArrayRef = Arc::new(Float64Array::from(vec![2.5, 3.0]));
        load(&place, "t", records([("id", half)]), 2).await.unwrap();
        assert_eq!(place.ask("SELECT id FROM t ORDER BY 1").await, ["2.5", "3"]);
        let rules = "SELECT relrowsecurity AND EXISTS (SELECT FROM pg_constraint
            WHERE conrelid = it.oid AND contype = 'p') FROM pg_class it WHERE oid = 't'::regclass";
        assert_eq!(place.ask(rules).await, ["t"]);

        let twice = load(&place, "t", records([("id", ids(&[4, 4]))]), 3).await;
        says(&twice.unwrap_err(), ErrorKind::Destination, &["t_pkey"]);
        assert_eq!(place.ask("SELECT id FROM t ORDER BY 1").await, ["2.5", "3"]);
    });
}

#[test]
fn what_is_not_ours_is_refused() {
    let server = Postgres::start();
    let place = Place::new(&server);
    runtime().block_on(async {
        load(&place, "ours", records([("id", ids(&[1]))]), 1)
            .await
            .unwrap();
        place
            .ask(
                "CREATE TABLE t (id bigint); INSERT INTO t VALUES (1), (2);
                 CREATE TABLE narrow (id varchar(20)); CREATE VIEW v AS SELECT 1 AS id;
                 CREATE SEQUENCE s; CREATE MATERIALIZED VIEW m AS SELECT 1 AS id",
            )
            .await;
        for (table, disposition, reason) in [
            ("_tapline_commits", Disposition::Append, "reserved"),
            ("", Disposition::Append, "empty"),
            ("v", Disposition::Append, "is a view"),
            ("m", Disposition::Replace, "is a materialized view"),
            ("s", Disposition::Append, "is a sequence"),
            ("t", Disposition::Replace, "was not written by tapline"),
            ("narrow", Disposition::Append, "character varying(20)"),
        ] {
            let rows = records([("id", ids(&[7]))]);
            let begun = begin(&place, table, &rows, disposition, 2).await;
            says(&begun.err().unwrap(), ErrorKind::Usage, &[reason]);
        }
        assert_eq!(place.ask("SELECT count(*) FROM t").await, ["2"]);
        let rows = records([("id", ids(&[7]))]);
        let mut writer = begin(&place, "t", &rows, Disposition::Append, 3)
            .await
            .unwrap();
        let _ = writer
            .write(vec![Batch::insert(rows)], commit(1))
            .await
            .unwrap();
        assert_eq!(place.ask("SELECT count(*) FROM t").await, ["3"]);
    });
}

#[test]
fn the_widest_table_fits_and_a_wider_one_is_refused() {
    let server = Postgres::start();
    let place = Place::new(&server);
    runtime().block_on(async {
        let wide = |columns: usize| {
            let names: Vec<String> = (0..columns).map(|index| format!("c{index}")).collect();
            records(names.iter().map(|name| (name.as_str(), ids(&[1, 2, 3]))))
        };
        // As many as this need more than a page of the server for each row.
        load(&place, "t", wide(1000), 1).await.unwrap();
        assert_eq!(place.ask("SELECT count(*) FROM t").await, ["3"]);
        let refused = load(&place, "t", wide(1601), 2).await;
        let words = ["1601 columns; postgres holds 1600"];
        says(&refused.unwrap_err(), ErrorKind::Usage, &words);

        // A row that is larger than a page of the server is one that is refused.
        let mut writer = begin(&place, "u", &wide(1600), Disposition::Append, 3)
            .await
            .unwrap();
        let receipt = writer
            .write(vec![Batch::insert(wide(1600))], commit(1))
            .await;
        let receipt = receipt.unwrap();
        assert_eq!((receipt.accepted, receipt.rejected.len()), (0, 3));
        let reason = &receipt.rejected[2].reason;
        assert!(reason.contains("row is too big"), "{reason}");
    });
}

#[test]
fn requests_and_rejects_are_logged_once_and_outlive_an_abort() {
    let server = Postgres::start();
    let place = Place::new(&server);
    runtime().block_on(async {
        let rows = records([("id", ids(&[1, 2]))]);
        let mut writer = begin(&place, "t", &rows, Disposition::Replace, 1)
            .await
            .unwrap();
        for _ in 0..2 {
            let mut page = commit(1);
            page.slice = "a\0b".to_owned();
            page.rejects = vec![Reject {
                index: 6,
                reason: "no object".into(),
                raw: "[\u{1}\0]".into(),
                form: RejectForm::Record,
            }];
            let _ = writer
                .write(vec![Batch::insert(rows.clone())], page)
                .await
                .unwrap();
        }
        let found = place.open().unwrap().recover("p").await.unwrap();
        assert_eq!(found[0].slice, "a\0b");
        writer.abort().await.unwrap();
        let sql =
            "SELECT concat_ws('|', q.pipeline, q.table_schema, q.table_name, q.url, q.attempts,
                q.received_at AT TIME ZONE 'UTC', r.record, r.reason, r.raw)
            FROM _tapline_requests q JOIN _tapline_rejects r USING (request_id)";
        assert_eq!(
            place.ask(sql).await,
            ["p|public|t|http://h/?key=***|3|2026-01-02 03:04:05|6|no object|[\u{1}1\u{1}0]"]
        );
        let left = "SELECT relname FROM pg_class WHERE relname LIKE '\\_tapline\\_gen\\_%'
            UNION ALL SELECT hidden FROM _tapline_generations
            UNION ALL SELECT slice FROM _tapline_commits";
        assert!(place.ask(left).await.is_empty());
    });
}

#[test]
fn a_hidden_table_that_somebody_dropped_is_begun_anew() {
    let server = Postgres::start();
    let place = Place::new(&server);
    runtime().block_on(async {
        let rows = records([("id", ids(&[1, 2]))]);
        let mut writer = begin(&place, "t", &rows, Disposition::Replace, 1)
            .await
            .unwrap();
        let _ = writer
            .write(vec![Batch::insert(rows.clone())], commit(1))
            .await
            .unwrap();
        writer.flush().await.unwrap();
        drop(writer);
        let hidden = place.ask("SELECT hidden FROM _tapline_generations").await;
        place.ask(&format!("DROP TABLE {}", hidden[0])).await;
        let writer = begin(&place, "t", &rows, Disposition::Replace, 1)
            .await
            .unwrap();
        let recovered = place.open().unwrap().recover("p").await.unwrap();
        assert_eq!(recovered, [], "its pages are not there either");
        writer.abort().await.unwrap();
    });
}

#[test]
fn a_call_that_is_given_up_is_still_carried_out_whole() {
    let server = Postgres::start();
    let place = Place::new(&server);
    runtime().block_on(async {
        let rows = records([("id", ids(&[1, 2]))]);
        let mut writer = begin(&place, "t", &rows, Disposition::Replace, 1)
            .await
            .unwrap();
        let mut call = writer.write(vec![Batch::insert(rows.clone())], commit(1));
        let polled = std::future::poll_fn(|context| {
            std::task::Poll::Ready(call.as_mut().poll(context).is_ready())
        });
        assert!(!polled.await);
        drop(call);
        let _ = writer
            .write(vec![Batch::insert(rows)], commit(2))
            .await
            .unwrap();
        assert_eq!(writer.publish().await.unwrap().rows, 4);
    });
}
