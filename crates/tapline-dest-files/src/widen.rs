//! Writes earlier Parquet files again where a column, or a place in nested values, has become text since.
//!
//! This is rare: a type that changes in such a way mostly does so on the first pages. Each file
//! keeps its name and its rows; it is replaced in one step, and doing it twice changes nothing.
//! JSONL and CSV need none of this, for their values stand there as they came.

use std::fs::File;
use std::path::Path;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::columns::Columns;
use crate::disk;
use crate::failure::{Failure, Result};
use crate::fit::fit;
use crate::format::parquet;
use crate::manifest::FileEntry;
use crate::table::Table;

/// What is read at a time, in bytes.
const BATCH: i64 = 1024 * 1024;
/// What is read at a time, in rows at most.
const ROWS: usize = 1024;

/// Makes readers able to unite `files` to a table with these columns.
pub(crate) fn widen(table: &Table, files: &mut [FileEntry], columns: &Columns) -> Result<()> {
    for file in files {
        let path = table.path(&file.path);
        if let Some(bytes) = widen_file(&path, columns)? {
            file.bytes = bytes;
        }
    }
    Ok(())
}

/// The size of the file, if it had to be written again.
fn widen_file(path: &Path, columns: &Columns) -> Result<Option<u64>> {
    let file = File::open(path).map_err(Failure::io("open", path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let held = Columns::of(builder.schema())?;
    if held.unite(columns) {
        return Ok(None);
    }
    let wanted = columns.stored(&held);
    let rows = builder.metadata().file_metadata().num_rows();
    let groups = builder.metadata().row_groups().iter();
    let bytes: i64 = groups.map(|group| group.total_byte_size()).sum();
    let rows_per_batch = usize::try_from(rows.saturating_mul(BATCH) / bytes.max(1));
    let rows_per_batch = rows_per_batch.unwrap_or(ROWS).clamp(1, ROWS);
    let batches = builder.with_batch_size(rows_per_batch).build()?;
    let is_giant = rows_per_batch == 1;
    disk::put(path, |draft| {
        let mut writer = parquet::writer(draft, &wanted, is_giant)?;
        for batch in batches {
            parquet::write(&mut writer, &fit(&batch?, &wanted)?)?;
        }
        writer.close()?;
        Ok(())
    })
    .map(Some)
}
