//! Reads the rows of a batch: which versions of which records they are, and whether they are whole.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use tapline_core::{Result, column};
use uuid::Uuid;

use super::failed;
use crate::simulator::records::serial;

/// The numbers of the rows, which are those of `run`.
pub(super) fn read(records: &RecordBatch, run: Uuid) -> Result<Vec<u64>> {
    let column = |name| {
        let column = records.column_by_name(name);
        column.ok_or_else(|| failed("a batch without a column of its records"))
    };
    if records.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let names = column("name")?.as_string_opt::<i32>();
    let runs = column(column::RUN_ID)?.as_string_opt::<i32>();
    let (Some(names), Some(runs)) = (names, runs) else {
        return Err(failed("a column has another type than its records"));
    };
    let (mut text, ids) = (Uuid::encode_buffer(), column("id")?);
    let run = run.hyphenated().encode_lower(&mut text);
    let extra = records.column_by_name("extra");
    let rows = 0..records.num_rows();
    rows.map(|row| {
        if runs.value(row) != run {
            return Err(failed("a row is said to be of another run"));
        }
        let id = number(ids, row);
        let is_whole = id.is_some_and(|id| match id % 5 {
            4 => extra.and_then(|extra| number(extra, row)) == Some(id),
            _ => extra.is_none_or(|extra| extra.is_null(row)),
        });
        let id = id.filter(|_| is_whole).map(i64::cast_unsigned);
        id.and_then(|id| serial(names.value(row), id))
            .ok_or_else(|| failed("a row does not hold what its record does"))
    })
    .collect()
}

/// The whole number in `row`, whatever the type of its column.
fn number(column: &ArrayRef, row: usize) -> Option<i64> {
    if column.is_null(row) {
        return None;
    }
    if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
        return Some(numbers.value(row));
    }
    column.as_string_opt::<i32>()?.value(row).parse().ok()
}
