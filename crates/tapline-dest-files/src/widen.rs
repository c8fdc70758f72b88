//! Writes earlier Parquet files again where a column has become text since.
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
    let batches = builder.build()?;
    let fitted = batches.map(|batch| fit(&batch?, &wanted));
    disk::put(path, |draft| parquet::write(draft, &wanted, fitted)).map(Some)
}
