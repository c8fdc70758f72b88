//! The schema of a stream's batches: its own columns, then tapline's.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use tapline_core::column;

/// Marks `field` as JSON kept as text, by Arrow's own extension type.
pub(crate) fn json(field: Field) -> Field {
    let entries = [
        ("ARROW:extension:name", "arrow.json"),
        ("ARROW:extension:metadata", ""),
    ];
    field.with_metadata(entries.map(|(k, v)| (k.to_owned(), v.to_owned())).into())
}

/// The type of the column that says when a row arrived.
pub(crate) fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The schema of batches whose own columns are `fields`.
pub(crate) fn schema(fields: impl Iterator<Item = Field>) -> SchemaRef {
    let added = [
        Field::new(column::RUN_ID, DataType::Utf8, false),
        Field::new(column::REQUEST_ID, DataType::Utf8, false),
        Field::new(column::EXTRACTED_AT, instant(), false),
        json(Field::new(column::REST, DataType::Utf8, true)),
    ];
    Arc::new(Schema::new(fields.chain(added).collect::<Vec<_>>()))
}
