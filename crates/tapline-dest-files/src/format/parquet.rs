//! Parquet, compressed with zstd.

use std::io::Write;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::file::properties::WriterProperties;
use arrow_array::RecordBatch;

use crate::columns::Columns;
use crate::failure::Result;

/// Who wrote the file.
const CREATED_BY: &str = concat!("tapline ", env!("CARGO_PKG_VERSION"));

pub(crate) fn write(
    file: &mut (impl Write + Send),
    columns: &Columns,
    batches: impl Iterator<Item = Result<RecordBatch>>,
) -> Result<()> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(CREATED_BY.to_owned())
        .build();
    let mut writer = ArrowWriter::try_new(file, columns.schema(), Some(properties))?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    writer.close()?;
    Ok(())
}
