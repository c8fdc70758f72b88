//! Puts the versions of a record in order: by cursor, in bytes that the server sorts.
//!
//! The ranks are made here and not by the server, which would read some times otherwise than the
//! engine does, and some not at all.

use std::sync::Arc;

use arrow_array::builder::BinaryBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BinaryArray, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use tapline_core::{Batch, Cursor, CursorType, Stage};

use crate::cells::{Cells, ticks, time};
use crate::failure::{Failure, Result};

/// The column with the rank.
pub(crate) const RANK: &str = "_tapline_rank";
/// In seconds. Times before it have texts that no cursor is read from, and so no rank: rows that
/// were stored before there was a stage are ranked by their texts.
const YEAR_ZERO: i64 = -62_167_219_200;

/// `batch` with the rank of each row.
pub(crate) fn ranked(batch: &Batch, stage: &Stage) -> Result<Batch> {
    let records = &batch.records;
    let ranks: ArrayRef = Arc::new(ranks(records, stage));
    let mut fields: Vec<Arc<Field>> = records.schema_ref().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(RANK, DataType::Binary, true)));
    let mut columns = records.columns().to_vec();
    columns.push(ranks);
    let schema = Arc::new(Schema::new(fields));
    let records = RecordBatch::try_new(schema, columns)
        .map_err(|error| Failure::Refused(format!("ranks do not fit: {error}")))?;
    Ok(Batch {
        records,
        ..batch.clone()
    })
}

fn ranks(records: &RecordBatch, stage: &Stage) -> BinaryArray {
    let count = records.num_rows();
    let found = stage.find_cursor(|name| records.column_by_name(name));
    let has_order = stage.cursor_type != CursorType::String;
    let Some((column, inside)) = found.filter(|_| has_order) else {
        return BinaryArray::new_null(count);
    };
    let cells = Cells::new(column.as_ref());
    let mut scratch = String::new();
    let mut of_text = |row: usize| rank(stage, cells.as_ref()?.text(row, &mut scratch)?, inside);
    match (column.data_type(), stage.cursor_type) {
        // Nothing leads into what is no JSON.
        _ if inside.is_some() => collect(count, of_text),
        (DataType::Int64, of) => {
            let numbers = column.as_primitive::<Int64Type>();
            collect(count, |row| {
                let is_there = numbers.is_valid(row);
                let cursor = is_there.then(|| Cursor::of_number(of, numbers.value(row)));
                cursor.flatten()?.rank()
            })
        }
        (DataType::Timestamp(unit, _), CursorType::Timestamp) => {
            let ticks = ticks(column, *unit);
            collect(count, |row| {
                let at = column.is_valid(row).then(|| time(ticks[row], *unit));
                match at?.ok().filter(|at| at.as_second() >= YEAR_ZERO) {
                    Some(at) => Cursor::Timestamp(at).rank(),
                    None => of_text(row),
                }
            })
        }
        _ => collect(count, of_text),
    }
}

fn collect(count: usize, mut rank: impl FnMut(usize) -> Option<[u8; 16]>) -> BinaryArray {
    let mut ranks = BinaryBuilder::with_capacity(count, count * size_of::<[u8; 16]>());
    (0..count).for_each(|row| ranks.append_option(rank(row)));
    ranks.finish()
}

/// The rank of the cursor that is `text`, or stands in the JSON that `text` is.
pub(crate) fn rank(stage: &Stage, text: &str, inside: Option<&str>) -> Option<[u8; 16]> {
    let cursor = match inside {
        None => Cursor::read(stage.cursor_type, text),
        Some(path) => {
            let json: serde_json::Value = serde_json::from_str(text).ok()?;
            let value = path
                .split('.')
                .try_fold(&json, |json, name| json.get(name))?;
            match value {
                serde_json::Value::String(text) => Cursor::read(stage.cursor_type, text),
                number => Cursor::read(stage.cursor_type, &number.to_string()),
            }
        }
    };
    cursor?.rank()
}

#[cfg(test)]
mod tests {
    use arrow_array::{
        Int64Array, StringArray, TimestampMicrosecondArray, TimestampMillisecondArray,
        TimestampNanosecondArray, TimestampSecondArray,
    };
    use tapline_core::TableRef;

    use super::*;

    /// Ranks do not depend on whether a column is of numbers or of their texts.
    #[track_caller]
    fn check(column: impl Array + 'static, cursor_type: CursorType) {
        let stage = Stage {
            table: TableRef::public("t"),
            keys: Vec::new(),
            cursor: "at".to_owned(),
            cursor_type,
            deletions: None,
        };
        let of = |column: ArrayRef| {
            let batch = RecordBatch::try_from_iter_with_nullable([("at", column, true)]).unwrap();
            ranks(&batch, &stage)
        };
        let cells = Cells::new(&column).unwrap();
        let mut scratch = String::new();
        let text = |row| cells.text(row, &mut scratch).map(str::to_owned);
        let texts: StringArray = (0..column.len()).map(text).collect();
        let expected = of(Arc::new(texts));
        assert_eq!(of(Arc::new(column)), expected, "{cursor_type:?}");
    }

    #[test]
    fn numbers_have_the_ranks_of_their_texts() {
        let (year_zero, last) = (YEAR_ZERO, 253_402_207_200);
        let edges = [0, 1, -1, 7, 1_767_323_045, i64::MIN, i64::MAX];
        let seconds = [year_zero - 1, year_zero, last - 1, last, last + 1];
        let all: Vec<Option<i64>> = edges.into_iter().chain(seconds).map(Some).collect();
        let all = [&all[..], &[None]].concat();
        let by = |factor: i64| -> Vec<Option<i64>> {
            let scaled = all.iter().map(|it| it.map(|it| it.saturating_mul(factor)));
            scaled.collect()
        };
        for cursor_type in [
            CursorType::Timestamp,
            CursorType::Integer,
            CursorType::String,
        ] {
            check(Int64Array::from(by(1)), cursor_type);
            check(Int64Array::from(by(1000)), cursor_type);
            check(TimestampSecondArray::from(by(1)), cursor_type);
            check(TimestampMillisecondArray::from(by(1000)), cursor_type);
            check(TimestampMicrosecondArray::from(by(1_000_000)), cursor_type);
            let nanos = TimestampNanosecondArray::from(by(1_000_000_000));
            check(nanos.with_timezone("UTC"), cursor_type);
        }
    }
}
