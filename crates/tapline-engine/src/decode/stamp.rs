//! Where the rows of a page come from.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray, TimestampMicrosecondArray};
use jiff::Timestamp;
use uuid::Uuid;

/// What every row of a page carries, so that it can be traced to its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The run.
    pub run_id: Uuid,
    /// The request.
    pub request_id: Uuid,
    /// When the response had arrived.
    pub extracted_at: Timestamp,
}

impl Stamp {
    /// The columns for `rows` rows, in the order of the schema.
    pub(crate) fn columns(&self, rows: usize) -> [ArrayRef; 3] {
        let micros = vec![self.extracted_at.as_microsecond(); rows];
        let instants = TimestampMicrosecondArray::from(micros).with_timezone("UTC");
        [
            ids(self.run_id, rows),
            ids(self.request_id, rows),
            Arc::new(instants),
        ]
    }
}

fn ids(id: Uuid, rows: usize) -> ArrayRef {
    let text = id.to_string();
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(
        text, rows,
    )))
}
