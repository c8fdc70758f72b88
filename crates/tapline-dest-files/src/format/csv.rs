//! CSV as RFC 4180 quotes it, with a line of names first and `\n` at the end of lines.
//!
//! Null is an empty field, an empty text is `""`: PostgreSQL's convention, in which nothing is
//! lost. A field is quoted only where it must be.

use std::io::{self, Write};

use arrow_array::RecordBatch;

use crate::cells::Cells;
use crate::columns::Columns;
use crate::failure::{Failure, Result};

/// Writes the line of names.
pub(crate) fn head(file: &mut impl Write, columns: &Columns) -> Result<()> {
    let mut write = || {
        for (index, column) in columns.0.iter().enumerate() {
            separate(file, index)?;
            field(file, &column.name)?;
        }
        file.write_all(b"\n")
    };
    write().map_err(failed)
}

/// Writes a line for each row of `batch`.
pub(crate) fn write(file: &mut impl Write, batch: &RecordBatch) -> Result<()> {
    let columns = batch.columns().iter().map(|array| Cells::new(array));
    let columns: Vec<Cells<'_>> = columns.collect::<Result<_>>()?;
    let mut scratch = String::new();
    for row in 0..batch.num_rows() {
        for (index, cells) in columns.iter().enumerate() {
            separate(file, index).map_err(failed)?;
            if !cells.is_null(row) {
                field(file, cells.read(row, &mut scratch)?).map_err(failed)?;
            }
        }
        file.write_all(b"\n").map_err(failed)?;
    }
    Ok(())
}

fn failed(error: io::Error) -> Failure {
    Failure::io("write", "rows".as_ref())(error)
}

fn separate(file: &mut impl Write, index: usize) -> io::Result<()> {
    match index {
        0 => Ok(()),
        _ => file.write_all(b","),
    }
}

fn field(file: &mut impl Write, text: &str) -> io::Result<()> {
    let special = |letter: &u8| matches!(letter, b',' | b'"' | b'\n' | b'\r');
    if !text.is_empty() && !text.as_bytes().iter().any(special) {
        return file.write_all(text.as_bytes());
    }
    file.write_all(b"\"")?;
    for part in text.split_inclusive('"') {
        file.write_all(part.as_bytes())?;
        if part.ends_with('"') {
            file.write_all(b"\"")?;
        }
    }
    file.write_all(b"\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let check = |text: &str, expected: &str| {
            let mut line = Vec::new();
            field(&mut line, text).unwrap();
            assert_eq!(String::from_utf8(line).unwrap(), expected);
        };
        check("plain", "plain");
        check(" a b ", " a b ");
        check("", "\"\"");
        check("a,b", "\"a,b\"");
        check("say \"x\"", "\"say \"\"x\"\"\"");
        check("two\r\nlines", "\"two\r\nlines\"");
        check("=1+1", "=1+1");
    }
}
