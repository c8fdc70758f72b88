//! Bodies as they came: one file for each page, every byte unchanged.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema};

use crate::failure::{Failure, Result};

/// The column with the bytes.
const BODY: &str = "body";
/// The column with what the source calls them.
const CONTENT_TYPE: &str = "content_type";

/// File name endings by content type. Nothing the source sends ever becomes part of a name.
const EXTENSIONS: [(&str, &str); 12] = [
    ("application/json", "json"),
    ("application/x-ndjson", "jsonl"),
    ("application/jsonl", "jsonl"),
    ("application/xml", "xml"),
    ("text/xml", "xml"),
    ("text/csv", "csv"),
    ("text/html", "html"),
    ("text/plain", "txt"),
    ("application/pdf", "pdf"),
    ("application/zip", "zip"),
    ("application/gzip", "gz"),
    ("application/vnd.apache.parquet", "parquet"),
];

/// Refuses a schema whose rows are no bodies.
pub(crate) fn check(schema: &Schema) -> Result<()> {
    let body = schema.field_with_name(BODY).map(|field| field.data_type());
    match body {
        Ok(DataType::Binary | DataType::LargeBinary) => Ok(()),
        _ => Err(Failure::Refused(format!(
            "the format raw keeps bodies, and these rows have no binary column {BODY:?}"
        ))),
    }
}

/// The body in `row` of `batch`, and the ending of its file's name.
pub(crate) fn body(batch: &RecordBatch, row: usize) -> Result<(&[u8], &'static str)> {
    let bodies = batch.column_by_name(BODY);
    let bytes = bodies.and_then(|bodies| match bodies.data_type() {
        _ if bodies.is_null(row) => None,
        DataType::Binary => Some(bodies.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Some(bodies.as_binary::<i64>().value(row)),
        _ => None,
    });
    let bytes = bytes.ok_or_else(|| Failure::Refused("a row has no body".to_owned()))?;
    let types = batch.column_by_name(CONTENT_TYPE);
    let types = types.and_then(|types| types.as_string_opt::<i32>());
    let content_type = types.filter(|types| types.is_valid(row));
    Ok((
        bytes,
        extension(content_type.map_or("", |types| types.value(row))),
    ))
}

fn extension(content_type: &str) -> &'static str {
    let essence = content_type.split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    let known = EXTENSIONS.iter().find(|(name, _)| *name == essence);
    match known {
        Some((_, extension)) => extension,
        None if essence.ends_with("+json") => "json",
        None if essence.ends_with("+xml") => "xml",
        None => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_follows_the_content_type() {
        let check = |content_type: &str, expected: &str| {
            assert_eq!(extension(content_type), expected, "{content_type}");
        };
        check("application/json", "json");
        check("Application/JSON; charset=utf-8", "json");
        check("application/hal+json", "json");
        check("text/csv;header=present", "csv");
        check("application/../../x", "bin");
        check("", "bin");
    }
}
