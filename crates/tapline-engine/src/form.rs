//! What a page becomes: the rows its records make, or one row with the body as it came.

use std::sync::Arc;

use arrow_array::{ArrayRef, LargeBinaryArray, RecordBatch, StringArray};
use arrow_buffer::{Buffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use tapline_core::{Batch, Error, ErrorKind, Result, column};

use crate::decode::{Stamp, instant};

/// What a page becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageForm {
    /// A row for each record.
    #[default]
    Rows,
    /// One row: the body as it was received, in the column `body`, and the source's name for what
    /// it is, in `content_type`. Its records are counted as ever, so that the verdict means the
    /// same; a body that is not JSON is one record.
    Body,
}

/// The schema of pages in the form [`PageForm::Body`].
pub(crate) fn body_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("body", DataType::LargeBinary, false),
        Field::new("content_type", DataType::Utf8, true),
        Field::new(column::RUN_ID, DataType::Utf8, false),
        Field::new(column::REQUEST_ID, DataType::Utf8, false),
        Field::new(column::EXTRACTED_AT, instant(), false),
    ]))
}

/// The only row of a page in the form [`PageForm::Body`].
pub(crate) fn body_row(body: &Bytes, content_type: &str, stamp: &Stamp) -> Result<Batch> {
    let content_type = Some(content_type).filter(|name| !name.is_empty());
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(LargeBinaryArray::new(
            OffsetBuffer::from_lengths([body.len()]),
            Buffer::from(body.clone()),
            None,
        )),
        Arc::new(StringArray::from(vec![content_type])),
    ];
    columns.extend(stamp.columns(1));
    let records = RecordBatch::try_new(body_schema(), columns);
    records
        .map(Batch::insert)
        .map_err(|error| Error::new(ErrorKind::Internal, "keep body", error.to_string()))
}
