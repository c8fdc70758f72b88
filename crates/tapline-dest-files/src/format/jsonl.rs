//! JSON, one object per line, all lines of a file with the same keys.
//!
//! JSON that a column keeps as text goes in as it was received, so a number with 23 digits keeps
//! them; only its line breaks, which can stand nowhere but between its parts, become spaces.

use std::io::{self, Write};

use arrow_array::RecordBatch;
use serde::de::IgnoredAny;

use crate::cells::Cells;
use crate::columns::{Column, Columns};
use crate::failure::{Failure, Result};
use crate::kind::Kind;

/// Writes a line for each row of `batch`, which has the `columns`.
pub(crate) fn write(file: &mut impl Write, columns: &Columns, batch: &RecordBatch) -> Result<()> {
    let fields = columns.0.iter().zip(batch.columns());
    let fields = fields.enumerate().map(|(index, (column, array))| {
        let opening = if index == 0 { '{' } else { ',' };
        Field::new(opening, column, array)
    });
    let fields: Vec<Field<'_>> = fields.collect::<Result<_>>()?;
    let end = if fields.is_empty() { "{}\n" } else { "}\n" };
    let mut scratch = String::new();
    for row in 0..batch.num_rows() {
        for field in &fields {
            field.write(file, row, &mut scratch)?;
        }
        file.write_all(end.as_bytes()).map_err(failed)?;
    }
    Ok(())
}

fn failed(error: io::Error) -> Failure {
    Failure::io("write", "rows".as_ref())(error)
}

struct Field<'a> {
    /// The name, quoted, with what stands before it and the colon.
    key: String,
    kind: Kind,
    cells: Cells<'a>,
}

impl<'a> Field<'a> {
    fn new(opening: char, column: &Column, array: &'a dyn arrow_array::Array) -> Result<Self> {
        let name = serde_json::Value::from(column.name.as_str());
        Ok(Self {
            key: format!("{opening}{name}:"),
            kind: column.kind.clone(),
            cells: Cells::new(array)?,
        })
    }

    fn write(&self, file: &mut impl Write, row: usize, scratch: &mut String) -> Result<()> {
        file.write_all(self.key.as_bytes()).map_err(failed)?;
        if self.cells.is_null(row) {
            return file.write_all(b"null").map_err(failed);
        }
        value(file, &self.kind, self.cells.read(row, scratch)?).map_err(failed)
    }
}

fn value(file: &mut impl Write, kind: &Kind, text: &str) -> io::Result<()> {
    match kind {
        Kind::Boolean | Kind::Int64 | Kind::UInt64 | Kind::Decimal { .. } => {
            file.write_all(text.as_bytes())
        }
        // JSON knows neither NaN nor infinity.
        Kind::Float64 if text.ends_with(|c: char| c.is_ascii_digit()) => {
            file.write_all(text.as_bytes())
        }
        Kind::Json if serde_json::from_str::<IgnoredAny>(text).is_ok() => one_line(file, text),
        _ => Ok(serde_json::to_writer(file, text)?),
    }
}

fn one_line(file: &mut impl Write, text: &str) -> io::Result<()> {
    for (index, part) in text.split(['\n', '\r']).enumerate() {
        if index > 0 {
            file.write_all(b" ")?;
        }
        file.write_all(part.as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_goes_in_as_it_was_and_everything_else_as_its_type() {
        let check = |kind: Kind, text: &str, expected: &str| {
            let mut line = Vec::new();
            value(&mut line, &kind, text).unwrap();
            assert_eq!(String::from_utf8(line).unwrap(), expected);
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
