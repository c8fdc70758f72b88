//! Property: whatever types a column goes through, in whatever order columns come, every value
//! reads back as it was written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array, NullArray,
    RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow_schema::SchemaRef;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tapline_conformance::destination::Subject;
use tapline_core::{Batch, Cell, Disposition, TableRef};

use super::subject::{Place, commit, key, text};
use crate::postgres::{Postgres, runtime};

/// Values of one column of one page.
#[derive(Clone, Debug)]
enum Values {
    Nothing(usize),
    Boolean(Vec<Option<bool>>),
    Integer(Vec<Option<i64>>),
    Unsigned(Vec<Option<u64>>),
    Real(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
    Date(Vec<Option<i32>>),
    Instant(Vec<Option<i64>>),
}

/// A value as it must be found again, in a column of any type.
#[derive(Clone, Debug)]
enum Value {
    Null,
    /// In this form, whatever the type.
    Text(String),
    /// As a text that means this number.
    Real(f64),
}

impl Values {
    fn array(&self) -> ArrayRef {
        match self {
            Self::Nothing(rows) => Arc::new(NullArray::new(*rows)),
            Self::Boolean(values) => Arc::new(BooleanArray::from(values.clone())),
            Self::Integer(values) => Arc::new(Int64Array::from(values.clone())),
            Self::Unsigned(values) => Arc::new(UInt64Array::from(values.clone())),
            Self::Real(values) => Arc::new(Float64Array::from(values.clone())),
            Self::Text(values) => Arc::new(StringArray::from(values.clone())),
            Self::Bytes(values) => Arc::new(BinaryArray::from_iter(values.clone())),
            Self::Date(values) => Arc::new(Date32Array::from(values.clone())),
            Self::Instant(values) => {
                Arc::new(TimestampMicrosecondArray::from(values.clone()).with_timezone("UTC"))
            }
        }
    }

    fn expected(&self) -> Vec<Value> {
        fn map<T: Clone>(values: &[Option<T>], value: impl Fn(T) -> String) -> Vec<Value> {
            let text = |it: &Option<T>| it.clone().map_or(Value::Null, |it| Value::Text(value(it)));
            values.iter().map(text).collect()
        }
        let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let time = |micros| format!("{:.6}", jiff::Timestamp::from_microsecond(micros).unwrap());
        let day = |days: i32| {
            let epoch = jiff::civil::date(1970, 1, 1);
            (epoch + jiff::Span::new().days(days)).to_string()
        };
        match self {
            Self::Nothing(rows) => vec![Value::Null; *rows],
            Self::Boolean(values) => map(values, |value| value.to_string()),
            Self::Integer(values) => map(values, |value| value.to_string()),
            Self::Unsigned(values) => map(values, |value| value.to_string()),
            Self::Real(values) => {
                let value = |it: &Option<f64>| it.map_or(Value::Null, Value::Real);
                values.iter().map(value).collect()
            }
            Self::Text(values) => map(values, |value| value),
            Self::Bytes(values) => map(values, hex),
            Self::Date(values) => map(values, day),
            Self::Instant(values) => map(values, time),
        }
    }
}

impl Value {
    fn is(&self, found: &Cell) -> bool {
        match (self, text(found.clone())) {
            (Self::Null, None) => true,
            (Self::Text(text), Some(found)) => *text == found,
            (Self::Real(value), Some(found)) => found.parse() == Ok(*value),
            _ => false,
        }
    }
}

/// Texts that somebody may take for numbers, or for the end of a value, and others.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?[0-9]{1,20}",
        "0[0-9]{2}",
        "1e[0-9]{1,3}",
        "[\\\\N\t\n\r']{0,4}",
        "\\PC{0,8}"
    ]
}

fn values(rows: usize) -> impl Strategy<Value = Values> {
    // `numeric` does not tell -0.0 from 0.0.
    let reals = prop_oneof![
        (-1000_i32..1000).prop_map(f64::from),
        any::<f64>().prop_filter("a number", |value| !value.is_nan()),
    ]
    .prop_map(|value| if value == 0.0 { 0.0 } else { value });
    prop_oneof![
        Just(Values::Nothing(rows)),
        column(any::<bool>(), rows, Values::Boolean),
        column(any::<i64>(), rows, Values::Integer),
        column(any::<u64>(), rows, Values::Unsigned),
        column(reals, rows, Values::Real),
        column(texts(), rows, Values::Text),
        column(any::<Vec<u8>>(), rows, Values::Bytes),
        // The years 1 to 9999.
        column(-719_162_i32..2_932_896, rows, Values::Date),
        column(
            -62_135_596_800_000_000_i64..253_402_300_799_000_000,
            rows,
            Values::Instant
        ),
    ]
}

fn column<T: Clone + std::fmt::Debug>(
    values: impl Strategy<Value = T>,
    rows: usize,
    kind: fn(Vec<Option<T>>) -> Values,
) -> impl Strategy<Value = Values> {
    prop::collection::vec(prop::option::of(values), rows).prop_map(kind)
}

const COLUMNS: [&str; 6] = ["a", "A", "b", "order", "x\"y", "ctid"];

/// A page: some of the columns, in some order, each of some type.
fn page() -> impl Strategy<Value = Vec<(&'static str, Values)>> {
    let columns = prop::sample::subsequence(COLUMNS.to_vec(), 1..=COLUMNS.len()).prop_shuffle();
    (columns, 1_usize..25).prop_flat_map(|(columns, rows)| {
        let count = columns.len();
        prop::collection::vec(values(rows), count)
            .prop_map(move |values| columns.iter().copied().zip(values).collect())
    })
}

#[test]
fn every_value_reads_back() {
    let server = Postgres::start();
    let place = Place::new(&server);
    let pages = (prop::collection::vec(page(), 1..6), any::<bool>());
    let mut config = ProptestConfig::with_cases(48);
    config.failure_persistence = None;
    let checked = TestRunner::new(config).run(&pages, |(pages, replace)| {
        runtime().block_on(check(&place, &pages, replace));
        Ok(())
    });
    if let Err(failure) = checked {
        panic!("{failure}");
    }
}

async fn check(place: &Place<'_>, pages: &[Vec<(&'static str, Values)>], replace: bool) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = format!("t{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let destination = place.open().unwrap();
    let table = TableRef::public(&name);
    let disposition = if replace {
        Disposition::Replace
    } else {
        Disposition::Append
    };
    let schema = records(&pages[0]).schema();
    let begun = destination.begin(&table, schema, disposition, key(&name, 1));
    let mut writer = begun.await.unwrap();
    let mut want: Vec<BTreeMap<&str, Value>> = Vec::new();
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
        let mut expected = vec![BTreeMap::new(); rows];
        for (column, values) in page {
            for (row, value) in expected.iter_mut().zip(values.expected()) {
                row.insert(*column, value);
            }
        }
        want.extend(expected);
    }
    assert_eq!(writer.publish().await.unwrap().rows, want.len() as u64);

    let seen = pages.iter().flatten().map(|(column, _)| *column);
    for column in seen.collect::<std::collections::BTreeSet<_>>() {
        let got = place.cells(&table, &[column]).await.unwrap();
        assert_eq!(got.len(), want.len());
        for (row, (got, want)) in got.iter().zip(&want).enumerate() {
            let want = want.get(column).unwrap_or(&Value::Null);
            assert!(
                want.is(&got[0]),
                "{name}.{column}, row {row}: {want:?} became {:?}",
                got[0]
            );
        }
    }
}

fn records(page: &[(&'static str, Values)]) -> RecordBatch {
    let columns = page
        .iter()
        .map(|(name, values)| (*name, values.array(), true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}
