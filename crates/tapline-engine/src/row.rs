//! A number that tells one version of a record from another: a hash of all it holds.
//!
//! It does not depend on the order of columns, nor on columns in which the record has nothing, nor on
//! the type that a column happens to have: a stream's columns become more and wider with time, and
//! a record that has not changed has the same hash all the same.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use tapline_core::column;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Hashes rows of a batch as they are asked for.
pub(crate) struct RowHasher<'a> {
    records: &'a RecordBatch,
    columns: Option<Vec<Column<'a>>>,
}

struct Column<'a> {
    /// A hash of its name.
    name: u64,
    array: &'a ArrayRef,
}

impl<'a> RowHasher<'a> {
    /// Nothing is hashed yet.
    pub(crate) fn new(records: &'a RecordBatch) -> Self {
        Self {
            records,
            columns: None,
        }
    }

    /// The hash of the row number `row`.
    pub(crate) fn of(&mut self, row: usize) -> u64 {
        let records = self.records;
        let columns = self.columns.get_or_insert_with(|| columns(records));
        // A sum is the same in any order.
        columns.iter().fold(0, |sum: u64, column| {
            sum.wrapping_add(column.hash(row).unwrap_or(0))
        })
    }
}

/// The columns with what the source gave. What fits none of them stands in the rest of a record;
/// the other columns of tapline's own say how the row came here.
fn columns(records: &RecordBatch) -> Vec<Column<'_>> {
    let schema = records.schema_ref();
    let named = schema.fields().iter().zip(records.columns());
    let named = named.filter(|(field, _)| {
        !field.name().starts_with(column::PREFIX) || field.name() == column::REST
    });
    named
        .map(|(field, array)| Column {
            name: xxh3_64_with_seed(field.name().as_bytes(), 0),
            array,
        })
        .collect()
}

impl Column<'_> {
    /// `None`: nothing is there.
    fn hash(&self, row: usize) -> Option<u64> {
        if self.array.is_null(row) {
            return None;
        }
        let hash = |bytes: &[u8]| Some(xxh3_64_with_seed(bytes, self.name));
        match self.array.data_type() {
            DataType::Utf8 => {
                let text = self.array.as_string::<i32>().value(row);
                hash(as_number(text).as_deref().unwrap_or(text).as_bytes())
            }
            DataType::Binary => hash(self.array.as_binary::<i32>().value(row)),
            DataType::Boolean => hash(self.array.as_boolean().value(row).to_string().as_bytes()),
            DataType::Int64 => {
                let number = self.array.as_primitive::<Int64Type>().value(row);
                hash(number.to_string().as_bytes())
            }
            // Without a fraction it is written like a whole number.
            DataType::Float64 => {
                let number = self.array.as_primitive::<Float64Type>().value(row);
                hash(number.to_string().as_bytes())
            }
            _ => None,
        }
    }
}

/// A text that may be a number with a fraction or an exponent, as it would be in a column of such
/// numbers. Whole numbers are the same in every column.
fn as_number(text: &str) -> Option<String> {
    let is_like_one = text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && text.contains(['.', 'e', 'E']);
    let number: f64 = text.parse().ok().filter(|_| is_like_one)?;
    Some(number.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{BooleanArray, Float64Array, Int64Array, StringArray};

    use super::*;

    fn hash(columns: Vec<(&str, ArrayRef)>) -> u64 {
        let records = RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, array)| (name, array, true)),
        );
        RowHasher::new(&records.unwrap()).of(0)
    }

    fn text(text: Option<&str>) -> ArrayRef {
        Arc::new(StringArray::from(vec![text]))
    }

    fn int(number: i64) -> ArrayRef {
        Arc::new(Int64Array::from(vec![number]))
    }

    #[test]
    fn a_record_that_has_not_changed_has_the_same_hash() {
        let before = hash(vec![("id", int(5)), ("name", text(Some("a")))]);
        let float: ArrayRef = Arc::new(Float64Array::from(vec![5.0]));
        for same in [
            vec![("name", text(Some("a"))), ("id", int(5))],
            vec![
                ("id", int(5)),
                ("name", text(Some("a"))),
                ("new", text(None)),
            ],
            vec![("id", float), ("name", text(Some("a")))],
            vec![("id", text(Some("5"))), ("name", text(Some("a")))],
            vec![("id", text(Some("5.0"))), ("name", text(Some("a")))],
            vec![
                ("id", int(5)),
                ("name", text(Some("a"))),
                (column::REQUEST_ID, text(Some("another request"))),
            ],
        ] {
            assert_eq!(hash(same.clone()), before, "{same:?}");
        }
    }

    #[test]
    fn a_record_that_has_changed_has_another() {
        let before = hash(vec![("id", int(5)), ("name", text(Some("a")))]);
        let yes: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
        for other in [
            vec![("id", int(6)), ("name", text(Some("a")))],
            vec![("id", int(5)), ("name", text(None))],
            vec![("id", int(5)), ("name", text(Some("b")))],
            vec![("name", int(5)), ("id", text(Some("a")))],
            vec![("id", int(5)), ("name", text(Some("a"))), ("new", yes)],
            vec![
                ("id", int(5)),
                ("name", text(Some("a"))),
                (column::REST, text(Some("{\"x\":1}"))),
            ],
        ] {
            assert_ne!(hash(other.clone()), before, "{other:?}");
        }
    }
}
