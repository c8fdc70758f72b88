//! Property: whatever types a column goes through, in whatever order columns come, every value
//! reads back as it was written.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    UInt64Array,
};
use arrow_schema::SchemaRef;
use proptest::prelude::*;
use tapline_conformance::destination::Subject;
use tapline_core::{
    Batch, Cell, Commit, CommitKey, Disposition, RequestRecord, SliceProgress, TableRef,
};
use uuid::Uuid;

/// Values of one column of one page.
#[derive(Clone, Debug)]
enum Values {
    Boolean(Vec<Option<bool>>),
    Integer(Vec<Option<i64>>),
    Unsigned(Vec<Option<u64>>),
    Real(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
    Blob(Vec<Option<Vec<u8>>>),
}

impl Values {
    fn array(&self) -> ArrayRef {
        match self {
            Self::Boolean(values) => Arc::new(BooleanArray::from(values.clone())),
            Self::Integer(values) => Arc::new(Int64Array::from(values.clone())),
            Self::Unsigned(values) => Arc::new(UInt64Array::from(values.clone())),
            Self::Real(values) => Arc::new(Float64Array::from(values.clone())),
            Self::Text(values) => Arc::new(StringArray::from(values.clone())),
            Self::Blob(values) => Arc::new(BinaryArray::from_iter(values.clone())),
        }
    }

    /// What SQLite must hold: the value itself, not what some affinity makes of it.
    fn cells(&self) -> Vec<Cell> {
        fn map<T: Clone>(values: &[Option<T>], cell: impl Fn(T) -> Cell) -> Vec<Cell> {
            let value = |value: &Option<T>| value.clone().map_or(Cell::Null, &cell);
            values.iter().map(value).collect()
        }
        match self {
            Self::Boolean(values) => map(values, |value| Cell::Integer(value.into())),
            Self::Integer(values) => map(values, Cell::Integer),
            Self::Unsigned(values) => map(values, |value| {
                i64::try_from(value).map_or_else(|_| Cell::Text(value.to_string()), Cell::Integer)
            }),
            Self::Real(values) => map(values, Cell::Real),
            Self::Text(values) => map(values, Cell::Text),
            Self::Blob(values) => map(values, Cell::Blob),
        }
    }
}

/// Texts that an affinity would love to turn into numbers, and others.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?[0-9]{1,20}",
        "0[0-9]{2}",
        "[0-9]\\.0",
        "1e[0-9]{1,3}",
        "\\PC{0,8}"
    ]
}

fn values(rows: usize) -> impl Strategy<Value = Values> {
    // SQLite does not tell -0.0 from 0.0, and has no NaN: see the tests of `cells`.
    let reals = prop_oneof![
        (-1000_i32..1000).prop_map(f64::from),
        any::<f64>().prop_filter("a number", |value| !value.is_nan()),
    ]
    .prop_map(|value| if value == 0.0 { 0.0 } else { value });
    prop_oneof![
        column(any::<bool>(), rows, Values::Boolean),
        column(any::<i64>(), rows, Values::Integer),
        column(any::<u64>(), rows, Values::Unsigned),
        column(reals, rows, Values::Real),
        column(texts(), rows, Values::Text),
        column(any::<Vec<u8>>(), rows, Values::Blob),
    ]
}

fn column<T: Clone + std::fmt::Debug>(
    values: impl Strategy<Value = T>,
    rows: usize,
    kind: fn(Vec<Option<T>>) -> Values,
) -> impl Strategy<Value = Values> {
    prop::collection::vec(prop::option::of(values), rows).prop_map(kind)
}

const COLUMNS: [&str; 5] = ["a", "A", "b", "order", "x\"y"];

/// A page: some of the columns, in some order, each of some type.
fn page() -> impl Strategy<Value = Vec<(&'static str, Values)>> {
    let columns = prop::sample::subsequence(COLUMNS.to_vec(), 1..=COLUMNS.len()).prop_shuffle();
    (columns, 1_usize..25).prop_flat_map(|(columns, rows)| {
        let count = columns.len();
        prop::collection::vec(values(rows), count)
            .prop_map(move |values| columns.iter().copied().zip(values).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn every_value_reads_back(
        pages in prop::collection::vec(page(), 1..6),
        replace in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(&pages, replace));
    }
}

async fn check(pages: &[Vec<(&'static str, Values)>], replace: bool) {
    let place = common::Place::new();
    let destination = place.open().unwrap();
    let table = TableRef::public("t");
    let disposition = if replace {
        Disposition::Replace
    } else {
        Disposition::Append
    };
    let schema = records(&pages[0]).schema();
    let begun = destination.begin(&table, schema, disposition, key()).await;
    let mut writer = begun.unwrap();
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    let mut want: Vec<BTreeMap<String, Cell>> = Vec::new();
    for (seq, page) in (1..).zip(pages) {
        let records = records(page);
        let _ = writer
            .evolve(SchemaRef::clone(records.schema_ref()))
            .await
            .unwrap();
        let rows = records.num_rows();
        let receipt = writer
            .write(vec![Batch::insert(records)], commit(seq))
            .await;
        assert_eq!(receipt.unwrap().accepted, rows as u64);
        want.extend(expected(page, &mut names, rows));
    }
    assert_eq!(writer.publish().await.unwrap().rows, want.len() as u64);

    for name in names.values() {
        let got = place.cells(&table, &[name]).unwrap();
        let got: Vec<Cell> = got.into_iter().flatten().collect();
        let cell = |row: &BTreeMap<String, Cell>| row.get(name).cloned().unwrap_or(Cell::Null);
        assert_eq!(
            got,
            want.iter().map(cell).collect::<Vec<_>>(),
            "column {name}"
        );
    }
}

/// The rows of `page` by the column each value is stored in. Of `a` and `A` the one that came
/// first keeps its name.
fn expected(
    page: &[(&'static str, Values)],
    names: &mut BTreeMap<&'static str, String>,
    rows: usize,
) -> Vec<BTreeMap<String, Cell>> {
    let mut want = vec![BTreeMap::new(); rows];
    for (column, values) in page {
        let taken = names.values().any(|name| name.eq_ignore_ascii_case(column));
        let suffixed = match *column {
            "a" => "a_8601ec8c",
            _ => "A_860222ec",
        };
        let fresh = if taken { suffixed } else { column };
        let name = names.entry(column).or_insert_with(|| fresh.to_owned());
        for (row, cell) in want.iter_mut().zip(values.cells()) {
            row.insert(name.clone(), cell);
        }
    }
    want
}

fn records(page: &[(&'static str, Values)]) -> RecordBatch {
    let columns = page
        .iter()
        .map(|(name, values)| (*name, values.array(), true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn key() -> CommitKey {
    CommitKey {
        pipeline: "p".into(),
        run: Uuid::nil(),
        generation: 1,
        fence: 1,
    }
}

fn commit(seq: u64) -> Commit {
    Commit {
        slice: String::new(),
        seq,
        position: None,
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
            received_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        },
        rejects: Vec::new(),
        settles: Vec::new(),
        raw: None,
    }
}
