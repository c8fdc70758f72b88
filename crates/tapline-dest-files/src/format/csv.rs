//! CSV as RFC 4180 quotes it, with a line of names first and `\n` at the end of lines.
//!
//! Null is an empty field, an empty text is `""`: PostgreSQL's convention, in which nothing is
//! lost. A field is quoted only where it must be.

use std::io::{self, Write};

use arrow_array::RecordBatch;

use crate::cells::Cells;
use crate::columns::Columns;
use crate::failure::{Failure, Result};

pub(crate) fn write(
    file: &mut impl Write,
    columns: &Columns,
    batches: impl Iterator<Item = Result<RecordBatch>>,
) -> Result<()> {
    let mut line = String::new();
    for (index, column) in columns.0.iter().enumerate() {
        next_field(&mut line, index);
        push_field(&mut line, &column.name);
    }
    end_line(file, &mut line)?;
    for batch in batches {
        rows(file, &batch?, &mut line)?;
    }
    Ok(())
}

fn rows(file: &mut impl Write, batch: &RecordBatch, line: &mut String) -> Result<()> {
    let columns = batch.columns().iter().map(|array| Cells::new(array));
    let columns: Vec<Cells<'_>> = columns.collect::<Result<_>>()?;
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        for (index, cells) in columns.iter().enumerate() {
            next_field(line, index);
            if !cells.is_null(row) {
                cells.read(row, &mut text)?;
                push_field(line, &text);
            }
        }
        end_line(file, line)?;
    }
    Ok(())
}

fn next_field(line: &mut String, index: usize) {
    if index > 0 {
        line.push(',');
    }
}

fn push_field(line: &mut String, text: &str) {
    let special = |letter| matches!(letter, ',' | '"' | '\n' | '\r');
    if !text.is_empty() && !text.contains(special) {
        line.push_str(text);
        return;
    }
    line.push('"');
    for letter in text.chars() {
        if letter == '"' {
            line.push('"');
        }
        line.push(letter);
    }
    line.push('"');
}

fn end_line(file: &mut impl Write, line: &mut String) -> Result<()> {
    line.push('\n');
    let written: io::Result<()> = file.write_all(line.as_bytes());
    line.clear();
    written.map_err(Failure::io("write", "rows".as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let check = |text: &str, expected: &str| {
            let mut line = String::new();
            push_field(&mut line, text);
            assert_eq!(line, expected);
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
