//! Parquet, compressed with zstd.
//!
//! A row group stays in memory until it is whole, and each column that has begun to compress keeps
//! what zstd needs for that. So a row group ends early, and pages end by their size alone: then few
//! columns compress before it ends, and the others one after the other.

use std::io::Write;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, Encoding, ZstdLevel};
use ::parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use ::parquet::schema::types::ColumnPath;
use arrow_array::cast::AsArray;
use arrow_array::{Array, OffsetSizeTrait, RecordBatch};
use arrow_schema::DataType;

use crate::columns::Columns;
use crate::failure::Result;
use crate::kind::Kind;

/// Who wrote the file.
const CREATED_BY: &str = concat!("tapline ", env!("CARGO_PKG_VERSION"));
/// What a row group may take in memory.
const ROW_GROUP: usize = 16 * 1024 * 1024;
/// Rows of a row group at most, which are also those of a page.
const ROWS: usize = 1024 * 1024;

/// What the dictionary of a column may take. One of values that are all different is given up early: each
/// of them is looked up for nothing.
const DICTIONARY: usize = 128 * 1024;

/// Bytes of a value that is kept apart.
pub(crate) const GIANT: usize = 1024 * 1024;

/// Whether a value of `batch` is larger than [`GIANT`].
pub(crate) fn is_giant(batch: &RecordBatch) -> bool {
    batch.columns().iter().any(|array| holds_giant(array))
}

fn holds_giant(array: &dyn Array) -> bool {
    match array.data_type() {
        DataType::Utf8 => any_giant(array.as_string::<i32>().value_offsets()),
        DataType::LargeUtf8 => any_giant(array.as_string::<i64>().value_offsets()),
        DataType::Binary => any_giant(array.as_binary::<i32>().value_offsets()),
        DataType::LargeBinary => any_giant(array.as_binary::<i64>().value_offsets()),
        DataType::Struct(_) => array.as_struct().columns().iter().any(|it| holds_giant(it)),
        DataType::List(_) => holds_giant(array.as_list::<i32>().values()),
        _ => false,
    }
}

fn any_giant<O: OffsetSizeTrait>(offsets: &[O]) -> bool {
    let larger = |from: &O, to: &O| to.as_usize() - from.as_usize() > GIANT;
    let (first, last) = (offsets.first(), offsets.last());
    // Mostly all values together are smaller.
    first
        .zip(last)
        .is_some_and(|(first, last)| larger(first, last))
        && offsets.windows(2).any(|pair| larger(&pair[0], &pair[1]))
}

/// A file with rows of `columns`. Values that are `giant` each are not looked at more than needed:
/// dictionaries and statistics would hold them several times over, and so would a data page of the
/// first version, whose values are copied behind its levels before they are compressed.
pub(crate) fn writer<W: Write + Send>(
    file: W,
    columns: &Columns,
    giant: bool,
) -> Result<ArrowWriter<W>> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_data_page_row_count_limit(ROWS)
        .set_dictionary_page_size_limit(DICTIONARY)
        .set_max_row_group_row_count(Some(ROWS))
        .set_created_by(CREATED_BY.to_owned());
    if giant {
        properties = properties
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_encoding(Encoding::PLAIN)
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None);
    }
    // JSON hardly ever repeats itself, and nobody looks for the smallest of it.
    let documents = columns.0.iter().filter(|it| it.kind == Kind::Json);
    for document in documents {
        let path = ColumnPath::new(vec![document.name.clone()]);
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_statistics_enabled(path, EnabledStatistics::None);
    }
    Ok(ArrowWriter::try_new(
        file,
        columns.schema(),
        Some(properties.build()),
    )?)
}

/// Adds the rows of `batch`.
pub(crate) fn write<W: Write + Send>(
    writer: &mut ArrowWriter<W>,
    batch: &RecordBatch,
) -> Result<()> {
    writer.write(batch)?;
    if writer.memory_size() >= ROW_GROUP {
        writer.flush()?;
    }
    Ok(())
}
