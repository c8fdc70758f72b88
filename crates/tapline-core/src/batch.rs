//! Records on their way: an Arrow batch, and what is to be done with each of its rows.

use std::sync::Arc;

use arrow_array::RecordBatch;
use serde::{Deserialize, Serialize};

/// Names of the columns and tables that tapline adds to what the source sent.
///
/// The prefix is reserved: a field of a source that begins with it is kept in
/// [`column::REST`](self::column::REST) instead of a column of its own.
pub mod column {
    /// Prefix of everything that is tapline's.
    pub const PREFIX: &str = "_tapline_";
    /// The run that brought the row (UUIDv7, text).
    pub const RUN_ID: &str = "_tapline_run_id";
    /// The request whose response held the row: a row of [`REQUESTS`].
    pub const REQUEST_ID: &str = "_tapline_request_id";
    /// When the response arrived (UTC, microseconds).
    pub const EXTRACTED_AT: &str = "_tapline_extracted_at";
    /// Fields that fit no column, as one JSON object (text), or null.
    pub const REST: &str = "_tapline_rest";
    /// Number of the row among those of its page, from 0; in tables that have child tables, and in
    /// those. With [`RUN_ID`] and [`REQUEST_ID`] it leads from a row to its children.
    pub const ROW: &str = "_tapline_number";
    /// Place of the row among those of the same parent, from 0; in child tables.
    pub const POSITION: &str = "_tapline_position";
    /// Whether the record is deleted; in tables that know of deletions.
    pub const DELETED: &str = "_tapline_deleted";
    /// Table with a row for each request.
    pub const REQUESTS: &str = "_tapline_requests";
    /// Table with a row for each record that could not be kept.
    pub const REJECTS: &str = "_tapline_rejects";
}

/// What is to happen with a row at the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowOp {
    /// Add it.
    Insert,
    /// Change the row with the same keys.
    Update,
    /// Add it, or change the row with the same keys.
    Upsert,
    /// Remove the row with the same keys.
    Delete,
}

/// Rows of one table. The schema may grow from batch to batch; it never loses a column.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The child table whose rows they are; `None`: the table that is written.
    pub child: Option<Arc<str>>,
    /// The rows. JSON kept as text carries the field metadata `ARROW:extension:name = arrow.json`.
    pub records: RecordBatch,
    /// One operation per row; `None` means that every row is inserted.
    pub ops: Option<Vec<RowOp>>,
}

impl Batch {
    /// A batch whose rows are all inserted.
    pub fn insert(records: RecordBatch) -> Self {
        Self {
            child: None,
            records,
            ops: None,
        }
    }

    /// Rows of `batches` that are records, and not parts of one in a child table.
    pub fn count(batches: &[Self]) -> u64 {
        let own = batches.iter().filter(|batch| batch.child.is_none());
        own.map(|batch| batch.rows() as u64).sum()
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.records.num_rows()
    }
}

/// A record that could not be turned into a row. It is kept, so that nothing is lost silently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Index of the record on its page, from 0.
    pub index: u64,
    /// Why it was not accepted.
    pub reason: String,
    /// The record, as JSON.
    pub raw: String,
    /// What `raw` shows.
    #[serde(default)]
    pub form: RejectForm,
}

impl Reject {
    /// Tells of rows, in ascending order, which numbers they have among all rows of a page: those that are
    /// asked for are counted without the rows of `rejects`, which are gone.
    pub fn places(rejects: &[Self]) -> impl FnMut(u64) -> u64 + use<> {
        let gone = rejects.iter().filter(|it| it.form == RejectForm::Row);
        let mut gone: Vec<u64> = gone.map(|it| it.index).collect();
        gone.sort_unstable();
        let mut gone = gone.into_iter().peekable();
        let mut passed = 0;
        move |row| {
            while gone.next_if(|gone| *gone <= row + passed).is_some() {
                passed += 1;
            }
            row + passed
        }
    }
}

/// What is kept of a record that became no row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RejectForm {
    /// The record as received.
    #[default]
    Record,
    /// The row that it would have become.
    Row,
    /// A row of a child table, as the only member of an object, which is called like that table.
    Child,
}

impl RejectForm {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Row => "row",
            Self::Child => "child",
        }
    }

    /// What is written as `name`.
    pub fn parse(name: &str) -> Self {
        match name {
            "row" => Self::Row,
            "child" => Self::Child,
            _ => Self::Record,
        }
    }
}
