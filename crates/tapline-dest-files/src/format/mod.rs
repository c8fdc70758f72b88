//! How rows become the bytes of a file.

mod csv;
mod jsonl;
pub(crate) mod parquet;
pub(crate) mod raw;

use arrow_array::RecordBatch;

use crate::columns::Columns;
use crate::destination::Format;
use crate::disk::Draft;
use crate::failure::Result;
use crate::fit::fit;

/// Writes `batches`, as rows of `columns`, in a format that holds rows.
pub(crate) fn write(
    format: Format,
    file: &mut Draft,
    columns: &Columns,
    batches: &[RecordBatch],
) -> Result<()> {
    let fitted = batches.iter().map(|batch| fit(batch, columns));
    match format {
        Format::Parquet => parquet::write(file, columns, fitted),
        Format::Jsonl => jsonl::write(file, columns, fitted),
        Format::Csv | Format::Raw => csv::write(file, columns, fitted),
    }
}

/// The ending of the names of files with rows.
pub(crate) fn extension(format: Format) -> &'static str {
    match format {
        Format::Parquet => "parquet",
        Format::Jsonl => "jsonl",
        Format::Csv | Format::Raw => "csv",
    }
}
