//! JSON, one object per line, all lines of a file with the same keys.
//!
//! JSON that a column keeps as text goes in as it was received, so a number with 23 digits keeps
//! them; only its line breaks, which can stand nowhere but between its parts, become spaces.

use std::io::Write;

use arrow_array::RecordBatch;
use serde::de::IgnoredAny;

use crate::cells::Cells;
use crate::columns::{Column, Columns};
use crate::failure::{Failure, Result};
use crate::kind::Kind;

pub(crate) fn write(
    file: &mut impl Write,
    columns: &Columns,
    batches: impl Iterator<Item = Result<RecordBatch>>,
) -> Result<()> {
    let mut line = String::new();
    for batch in batches {
        let batch = batch?;
        let fields = columns.0.iter().zip(batch.columns());
        let fields = fields.map(|(column, array)| Field::new(column, array));
        let fields: Vec<Field<'_>> = fields.collect::<Result<_>>()?;
        for row in 0..batch.num_rows() {
            object(&fields, row, &mut line)?;
            let written = file.write_all(line.as_bytes());
            written.map_err(Failure::io("write", "rows".as_ref()))?;
        }
    }
    Ok(())
}

struct Field<'a> {
    /// The name, quoted, with the colon.
    key: String,
    kind: Kind,
    cells: Cells<'a>,
}

impl<'a> Field<'a> {
    fn new(column: &Column, array: &'a dyn arrow_array::Array) -> Result<Self> {
        Ok(Self {
            key: format!("{}:", quoted(&column.name)),
            kind: column.kind,
            cells: Cells::new(array)?,
        })
    }
}

fn object(fields: &[Field<'_>], row: usize, line: &mut String) -> Result<()> {
    let mut text = String::new();
    line.clear();
    for (index, field) in fields.iter().enumerate() {
        line.push(if index == 0 { '{' } else { ',' });
        line.push_str(&field.key);
        if field.cells.is_null(row) {
            line.push_str("null");
        } else {
            field.cells.read(row, &mut text)?;
            line.push_str(&value(field.kind, &text));
        }
    }
    line.push_str(if fields.is_empty() { "{}\n" } else { "}\n" });
    Ok(())
}

fn value(kind: Kind, text: &str) -> String {
    match kind {
        Kind::Boolean | Kind::Int64 | Kind::UInt64 | Kind::Decimal { .. } => text.to_owned(),
        // JSON knows neither NaN nor infinity.
        Kind::Float64 if text.ends_with(|c: char| c.is_ascii_digit()) => text.to_owned(),
        Kind::Json if serde_json::from_str::<IgnoredAny>(text).is_ok() => {
            text.replace(['\n', '\r'], " ")
        }
        _ => quoted(text),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_goes_in_as_it_was_and_everything_else_as_its_type() {
        let check = |kind: Kind, text: &str, expected: &str| {
            assert_eq!(value(kind, text), expected);
        };
        let long = "{\"n\": 12345678901234567890123, \"e\":1e999}";
        check(Kind::Json, long, long);
        check(Kind::Json, "[1,\r\n 2]", "[1,   2]");
        check(Kind::Json, "{broken", "\"{broken\"");
        check(
            Kind::Text,
            "12345678901234567890123",
            "\"12345678901234567890123\"",
        );
        check(Kind::Text, "a\"\n\u{1F600}", "\"a\\\"\\n\u{1F600}\"");
        check(Kind::Int64, "-7", "-7");
        check(Kind::Boolean, "true", "true");
        check(Kind::Float64, "1.5", "1.5");
        check(Kind::Float64, "NaN", "\"NaN\"");
        check(Kind::Float64, "-inf", "\"-inf\"");
        check(Kind::Binary, "00ff", "\"00ff\"");
    }
}
