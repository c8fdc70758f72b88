//! A value of each record of a batch, as text that can stand in a request.
//!
//! A batch has a column for each member of its records; what is nested is kept there as JSON. A
//! value that fits no column stands in the rest of its record, and is looked for there too.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use tapline_core::{column, is_json};

use crate::decode::explode::member;
use crate::decode::text;

/// A dotted path, followed in each record of a batch.
pub(crate) struct Field<'a> {
    column: Option<Column<'a>>,
    rest: Option<Column<'a>>,
}

/// The column that a path leads into, and the path from there on.
struct Column<'a> {
    array: &'a ArrayRef,
    is_json: bool,
    inner: Option<&'a str>,
}

impl<'a> Field<'a> {
    /// The field of `records` at `path`. A member's own name may hold dots.
    pub(crate) fn of(records: &'a RecordBatch, path: &'a str) -> Self {
        let whole = Column::named(records, path, None);
        let mut inside = path
            .rmatch_indices('.')
            .filter_map(|(dot, _)| Column::named(records, &path[..dot], Some(&path[dot + 1..])));
        Self {
            column: whole.or_else(|| inside.next()),
            rest: Column::named(records, column::REST, Some(path)),
        }
    }

    /// Whether there is a column that it leads into, or a value in the rest of one of `rows` records.
    pub(crate) fn is_there(&self, rows: usize) -> bool {
        let in_rest = |rest: &Column<'_>| (0..rows).any(|row| rest.text(row).is_some());
        self.column.is_some() || self.rest.as_ref().is_some_and(in_rest)
    }

    /// The value in the record number `row`, if it stands in a column of whole numbers.
    pub(crate) fn number(&self, row: usize) -> Option<i64> {
        let column = self.column.as_ref()?;
        let is_number = *column.array.data_type() == DataType::Int64 && column.inner.is_none();
        let is_there = is_number && !column.array.is_null(row);
        is_there.then(|| column.array.as_primitive::<Int64Type>().value(row))
    }

    /// The value in the record number `row`, numbers as the source wrote them where that is kept.
    /// Empty text, null, an array and an object are none.
    pub(crate) fn text(&self, row: usize) -> Option<Cow<'a, str>> {
        let columns = [&self.column, &self.rest];
        columns
            .into_iter()
            .flatten()
            .find_map(|column| column.text(row))
            .filter(|text| !text.is_empty())
    }
}

impl<'a> Column<'a> {
    fn named(records: &'a RecordBatch, name: &str, inner: Option<&'a str>) -> Option<Self> {
        let (index, field) = records.schema_ref().column_with_name(name)?;
        Some(Self {
            array: records.column(index),
            is_json: is_json(field),
            inner,
        })
    }

    /// The decoder makes no other types; a column of the type `Null` has no values.
    fn text(&self, row: usize) -> Option<Cow<'a, str>> {
        if self.array.is_null(row) {
            return None;
        }
        match self.array.data_type() {
            DataType::Utf8 => {
                let text = self.array.as_string::<i32>().value(row);
                match (self.is_json, self.inner) {
                    (true, Some(inner)) => scalar(walk(text.trim(), inner)?),
                    (true, None) => scalar(text.trim()),
                    (false, None) => Some(text.into()),
                    (false, Some(_)) => None,
                }
            }
            _ if self.inner.is_some() => None,
            DataType::Boolean => Some(self.array.as_boolean().value(row).to_string().into()),
            DataType::Int64 => {
                let number = self.array.as_primitive::<Int64Type>().value(row);
                Some(number.to_string().into())
            }
            DataType::Float64 => {
                let number = self.array.as_primitive::<Float64Type>().value(row);
                Some(serde_json::Value::from(number).to_string().into())
            }
            _ => None,
        }
    }
}

/// What is at `path` in the JSON `value`, as written there.
fn walk<'v>(value: &'v str, path: &str) -> Option<&'v str> {
    let mut dots = path.rmatch_indices('.');
    member(value, path)
        .or_else(|| dots.find_map(|(dot, _)| walk(member(value, &path[..dot])?, &path[dot + 1..])))
}

/// What the JSON `value` says, if it is neither null nor nested.
fn scalar(value: &str) -> Option<Cow<'_, str>> {
    match value.as_bytes().first()? {
        b'"' if value.contains('\\') => text::unescaped(value).map(Cow::Owned),
        b'"' => Some(text::inner(value).into()),
        b'{' | b'[' | b'n' => None,
        _ => Some(value.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, Int64Array, StringArray};
    use arrow_schema::Schema;

    use super::*;

    fn records() -> RecordBatch {
        let json = |name: &str| {
            arrow_schema::Field::new(name, DataType::Utf8, true).with_metadata(
                [("ARROW:extension:name".to_owned(), "arrow.json".to_owned())].into(),
            )
        };
        let plain = |name: &str, kind| arrow_schema::Field::new(name, kind, true);
        let schema = Schema::new(vec![
            plain("id", DataType::Int64),
            plain("score", DataType::Float64),
            plain("a.b", DataType::Utf8),
            json("campaign"),
            json(column::REST),
        ]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![Some(7), None])),
            Arc::new(Float64Array::from(vec![Some(42.0), None])),
            Arc::new(StringArray::from(vec!["dotted", ""])),
            Arc::new(StringArray::from(vec![
                Some(r#"{"id": "x", "deep.er": {"n": 3}, "tags": [1]}"#),
                None,
            ])),
            Arc::new(StringArray::from(vec![
                None,
                Some(r#"{"id": 99999999999999999999999, "score": "l\u0061te"}"#),
            ])),
        ];
        RecordBatch::try_new(Arc::new(schema), columns).unwrap()
    }

    #[track_caller]
    fn check(path: &str, expected: [Option<&str>; 2]) {
        let records = records();
        let field = Field::of(&records, path);
        assert_eq!(
            [0, 1].map(|row| field.text(row)),
            expected.map(|text| text.map(Cow::Borrowed))
        );
    }

    #[test]
    fn a_path_leads_to_a_scalar_wherever_it_is_kept() {
        check("id", [Some("7"), Some("99999999999999999999999")]);
        check("score", [Some("42.0"), Some("late")]);
        check("a.b", [Some("dotted"), None]);
        check("campaign.id", [Some("x"), None]);
        check("campaign.deep.er.n", [Some("3"), None]);
        check("campaign.tags", [None, None]);
        check("campaign", [None, None]);
        check("nowhere.to.be", [None, None]);
    }
}
