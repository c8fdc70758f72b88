//! A value of each record of a batch, as text that can stand in a request.
//!
//! A batch has a column for each member of its records; what is nested is kept there as JSON. A
//! value that fits no column stands in the rest of its record, and is looked for there too.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use serde_json::Value;
use tapline_core::column;

/// A dotted path, followed in each record of a batch.
pub(super) struct Field<'a> {
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
    pub(super) fn of(records: &'a RecordBatch, path: &'a str) -> Self {
        let whole = Column::named(records, path, None);
        let mut inside = path
            .rmatch_indices('.')
            .filter_map(|(dot, _)| Column::named(records, &path[..dot], Some(&path[dot + 1..])));
        Self {
            column: whole.or_else(|| inside.next()),
            rest: Column::named(records, column::REST, Some(path)),
        }
    }

    /// The value in the record number `row`. Empty text, null, an array and an object are none.
    pub(super) fn text(&self, row: usize) -> Option<String> {
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
        let extension = field.metadata().get("ARROW:extension:name");
        Some(Self {
            array: records.column(index),
            is_json: extension.is_some_and(|name| name == "arrow.json"),
            inner,
        })
    }

    fn text(&self, row: usize) -> Option<String> {
        if self.array.is_null(row) {
            return None;
        }
        let value = self.value(row)?;
        let value = match self.inner {
            Some(inner) => walk(&value, inner)?,
            None => &value,
        };
        scalar(value)
    }

    /// The decoder makes no other types; a column of the type `Null` has no values.
    fn value(&self, row: usize) -> Option<Value> {
        match self.array.data_type() {
            DataType::Boolean => Some(self.array.as_boolean().value(row).into()),
            DataType::Int64 => Some(self.array.as_primitive::<Int64Type>().value(row).into()),
            DataType::Float64 => Some(self.array.as_primitive::<Float64Type>().value(row).into()),
            DataType::Utf8 => {
                let text = self.array.as_string::<i32>().value(row);
                let parsed = self.is_json.then(|| serde_json::from_str(text).ok());
                Some(parsed.flatten().unwrap_or_else(|| text.into()))
            }
            _ => None,
        }
    }
}

fn walk<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let mut dots = path.rmatch_indices('.');
    value
        .get(path)
        .or_else(|| dots.find_map(|(dot, _)| walk(value.get(&path[..dot])?, &path[dot + 1..])))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
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
            Arc::new(Float64Array::from(vec![42.0, 0.5])),
            Arc::new(StringArray::from(vec!["dotted", ""])),
            Arc::new(StringArray::from(vec![
                Some(r#"{"id": "x", "deep.er": {"n": 3}, "tags": [1]}"#),
                None,
            ])),
            Arc::new(StringArray::from(vec![None, Some(r#"{"id": "late"}"#)])),
        ];
        RecordBatch::try_new(Arc::new(schema), columns).unwrap()
    }

    #[track_caller]
    fn check(path: &str, expected: [Option<&str>; 2]) {
        let records = records();
        let field = Field::of(&records, path);
        assert_eq!(
            [0, 1].map(|row| field.text(row)),
            expected.map(|text| text.map(str::to_owned))
        );
    }

    #[test]
    fn a_path_leads_to_a_scalar_wherever_it_is_kept() {
        check("id", [Some("7"), Some("late")]);
        check("score", [Some("42.0"), Some("0.5")]);
        check("a.b", [Some("dotted"), None]);
        check("campaign.id", [Some("x"), None]);
        check("campaign.deep.er.n", [Some("3"), None]);
        check("campaign.tags", [None, None]);
        check("campaign", [None, None]);
        check("nowhere.to.be", [None, None]);
    }
}
