//! How rows become the bytes of a file.

mod csv;
mod jsonl;
pub(crate) mod parquet;
pub(crate) mod raw;

use std::path::Path;

use ::parquet::arrow::ArrowWriter;
use arrow_array::RecordBatch;

use crate::columns::Columns;
use crate::destination::Format;
use crate::disk::{Draft, Whole};
use crate::failure::Result;
use crate::fit::fit;

/// A file with rows that is being written.
pub(crate) struct RowsFile {
    columns: Columns,
    encoder: Encoder,
}

enum Encoder {
    Parquet(Box<ArrowWriter<Draft>>),
    Jsonl(Draft),
    Csv(Draft),
}

impl RowsFile {
    /// Begins the file that will appear at `path`, in a format that holds rows.
    pub(crate) fn create(
        format: Format,
        path: &Path,
        columns: Columns,
        giant: bool,
    ) -> Result<Self> {
        let mut draft = Draft::create(path)?;
        let encoder = match format {
            Format::Parquet => Encoder::Parquet(Box::new(parquet::writer(draft, &columns, giant)?)),
            Format::Jsonl => Encoder::Jsonl(draft),
            Format::Csv | Format::Raw => {
                csv::head(&mut draft, &columns)?;
                Encoder::Csv(draft)
            }
        };
        Ok(Self { columns, encoder })
    }

    /// Adds the rows of `batch`, as rows of the file's columns.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = fit(batch, &self.columns)?;
        match &mut self.encoder {
            Encoder::Parquet(writer) => parquet::write(writer, &batch),
            Encoder::Jsonl(draft) => jsonl::write(draft, &self.columns, &batch),
            Encoder::Csv(draft) => csv::write(draft, &batch),
        }
    }

    /// Keeps in memory as little as it can of the rows that it was given.
    pub(crate) fn settle(&mut self) -> Result<()> {
        match &mut self.encoder {
            Encoder::Parquet(writer) => Ok(writer.flush()?),
            Encoder::Jsonl(_) | Encoder::Csv(_) => Ok(()),
        }
    }

    /// Brings all of it down to the disk.
    pub(crate) fn finish(self) -> Result<Whole> {
        match self.encoder {
            Encoder::Parquet(writer) => writer.into_inner()?.finish(),
            Encoder::Jsonl(draft) | Encoder::Csv(draft) => draft.finish(),
        }
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
