//! Makes a batch one of other columns: matched by name, missing ones null, narrower ones widened.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::DataType;

use crate::cells::Cells;
use crate::columns::Columns;
use crate::failure::Result;
use crate::kind::Kind;

/// `batch` with the columns `wanted`, each wide enough for what the batch holds.
pub(crate) fn fit(batch: &RecordBatch, wanted: &Columns) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let arrays = wanted
        .0
        .iter()
        .map(|column| match batch.column_by_name(&column.name) {
            Some(array) => widen(array, column.kind),
            None => Ok(new_null_array(&column.kind.data_type(), rows)),
        });
    let arrays: Vec<ArrayRef> = arrays.collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        wanted.schema(),
        arrays,
        &options,
    )?)
}

fn widen(array: &ArrayRef, kind: Kind) -> Result<ArrayRef> {
    let wanted = kind.data_type();
    match array.data_type() {
        held if *held == wanted => Ok(ArrayRef::clone(array)),
        DataType::Null => Ok(new_null_array(&wanted, array.len())),
        DataType::LargeUtf8 => Ok(arrow_cast::cast(array, &wanted)?),
        _ if wanted == DataType::Utf8 => as_text(array),
        _ => Ok(arrow_cast::cast(array, &wanted)?),
    }
}

fn as_text(array: &ArrayRef) -> Result<ArrayRef> {
    let cells = Cells::new(array)?;
    let mut scratch = String::new();
    let mut texts = StringBuilder::new();
    for row in 0..array.len() {
        if cells.is_null(row) {
            texts.append_null();
        } else {
            texts.append_value(cells.read(row, &mut scratch)?);
        }
    }
    Ok(Arc::new(texts.finish()))
}
