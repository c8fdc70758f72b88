//! Puts the versions of a record in order: by cursor, in bytes that the server sorts.
//!
//! The ranks are made here and not by the server, which would read some times otherwise than the
//! engine does, and some not at all.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use tapline_core::{Batch, Cursor, Stage};

use crate::cells::Cells;
use crate::failure::{Failure, Result};

/// The column with the rank.
pub(crate) const RANK: &str = "_tapline_rank";

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
    let found = stage.find_cursor(|name| records.column_by_name(name));
    let cells = found.and_then(|(column, inside)| Some((Cells::new(column.as_ref())?, inside)));
    let mut scratch = String::new();
    let rows = 0..records.num_rows();
    let ranks = rows.map(|row| {
        let (cells, inside) = cells.as_ref()?;
        rank(stage, cells.text(row, &mut scratch)?, *inside)
    });
    let ranks: Vec<Option<[u8; 16]>> = ranks.collect();
    ranks
        .iter()
        .map(|rank| rank.as_ref().map(|it| it.as_slice()))
        .collect()
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
