//! A row as the JSON text that is kept of it if the server refuses it.

use arrow_array::RecordBatch;
use arrow_schema::Field;
use serde::de::IgnoredAny;
use tapline_core::column;

use crate::cells::Cells;
use crate::kind::Kind;
use crate::rank::RANK;

/// Columns that are not the source's, and that the rejects have of their own or do not need.
const OWN: [&str; 4] = [
    column::RUN_ID,
    column::REQUEST_ID,
    column::EXTRACTED_AT,
    RANK,
];

/// The fields of `row` that hold something. JSON stands in it as it came, and nothing is lost:
/// U+0000 is written as an escape.
pub(crate) fn json(batch: &RecordBatch, row: usize) -> String {
    let schema = batch.schema_ref();
    let mut text = String::from("{");
    let mut scratch = String::new();
    for (field, array) in schema.fields().iter().zip(batch.columns()) {
        let Some(cells) = Cells::new(array.as_ref()) else {
            continue;
        };
        let value = match cells.text(row, &mut scratch) {
            Some(value) if !OWN.contains(&field.name().as_str()) => value,
            _ => continue,
        };
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&quoted(field.name()));
        text.push(':');
        if cells.is_json_scalar(row) || is_json(field, value) {
            text.push_str(value);
        } else {
            text.push_str(&quoted(value));
        }
    }
    text.push('}');
    text
}

/// The same of a row of the child table `child`, which it is the member of.
pub(crate) fn of_child(child: &str, batch: &RecordBatch, row: usize) -> String {
    format!("{{{}:{}}}", quoted(child), json(batch, row))
}

fn is_json(field: &Field, value: &str) -> bool {
    let is_declared = matches!(Kind::of(field), Ok(Some(Kind::Json | Kind::Jsonb)));
    is_declared && serde_json::from_str::<IgnoredAny>(value).is_ok()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray};
    use arrow_schema::Schema;

    use super::*;

    #[test]
    fn a_row_is_one_json_object_without_what_is_null() {
        let columns: [(&str, ArrayRef); 6] = [
            ("id", Arc::new(Int64Array::from(vec![7]))),
            ("half", Arc::new(Float64Array::from(vec![0.5]))),
            ("odd", Arc::new(Float64Array::from(vec![f64::NAN]))),
            ("name", Arc::new(StringArray::from(vec!["a\0\"b"]))),
            ("note", Arc::new(StringArray::from(vec![None::<&str>]))),
            (
                "json",
                Arc::new(StringArray::from(vec![r#"{"x":"\u0000"}"#])),
            ),
        ];
        let mark = [("ARROW:extension:name".to_owned(), "arrow.json".to_owned())];
        let field = |(name, array): &(&str, ArrayRef)| {
            let field = Field::new(*name, array.data_type().clone(), true);
            match *name {
                "json" => field.with_metadata(HashMap::from(mark.clone())),
                _ => field,
            }
        };
        let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
        let arrays = columns.iter().map(|(_, array)| array.clone()).collect();
        let batch = RecordBatch::try_new(Arc::new(schema), arrays).unwrap();
        assert_eq!(
            json(&batch, 0),
            r#"{"id":7,"half":0.5,"odd":"NaN","name":"a\u0000\"b","json":{"x":"\u0000"}}"#
        );
    }
}
