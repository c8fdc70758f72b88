//! The destination door: where rows become durable.
//!
//! A run begins a [`Writer`] under a [`CommitKey`], writes pages under ascending [`Commit`]s, and
//! at the end publishes or aborts. The destination stores rows, position and fence together and
//! refuses a fence lower than one it has seen: a runner that lost its lease cannot write.

use std::fmt;

use arrow_schema::{Field, SchemaRef};
use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Batch, CursorType, Error, ErrorKind, Position, RawPage, Reject, RejectForm, RequestRecord,
    Result, SliceProgress,
};

/// A place for tables.
#[async_trait]
pub trait Destination: Send + Sync {
    /// What this destination can do; the conformance suite asks for no more.
    fn capabilities(&self) -> Capabilities;

    /// Opens `table` for one run. With [`Disposition::Replace`] the rows go to a hidden
    /// generation that nobody sees before [`Writer::publish`].
    ///
    /// # Errors
    /// The destination cannot be reached, refuses the schema, or has seen a higher fence
    /// ([`crate::ErrorKind::Locked`]).
    async fn begin(
        &self,
        table: &TableRef,
        schema: SchemaRef,
        disposition: Disposition,
        key: CommitKey,
    ) -> Result<Box<dyn Writer>>;

    /// What there is of `table`, and of earlier runs of `pipeline`, before anything is opened.
    ///
    /// # Errors
    /// The destination cannot be read.
    async fn find(&self, table: &TableRef, pipeline: &str) -> Result<FoundTable>;

    /// For each field of `schema` the column of `table`, as readers find it, where its values would go:
    /// of the type that the column takes, `Null` where it takes any. `None`: there is no such column.
    ///
    /// # Errors
    /// The destination cannot be read.
    async fn columns(&self, table: &TableRef, schema: SchemaRef) -> Result<Vec<Option<Field>>>;

    /// Records of `pipeline` that became no row of `table`: `limit` of them at most, in the order of
    /// their keys, after the one with the key `after`.
    ///
    /// # Errors
    /// The destination cannot be read.
    async fn rejects(
        &self,
        table: &TableRef,
        pipeline: &str,
        after: Option<&RejectKey>,
        limit: usize,
    ) -> Result<Vec<KeptReject>>;

    /// Which pages `pipeline` has loaded into `table`, in the order of their commits, as far as the log
    /// of requests goes back.
    ///
    /// # Errors
    /// The destination cannot be read.
    async fn pages(&self, table: &TableRef, pipeline: &str) -> Result<LoadedPages>;

    /// The last commit of each slice of `pipeline`, for every generation not yet published.
    ///
    /// # Errors
    /// The destination cannot be read.
    async fn recover(&self, pipeline: &str) -> Result<Vec<LastCommit>>;
}

/// One run's hand on one table.
#[async_trait]
pub trait Writer: Send {
    /// Makes the rows, the rejects, the request's row and the position durable in one step; or
    /// takes them, to do so with a later page or with [`Writer::publish`]. The receipt says which.
    /// A commit whose `(slice, seq)` was already made is accepted and changes nothing.
    ///
    /// # Errors
    /// Nothing of this call is durable, nor what earlier calls only took; or a higher fence was
    /// seen.
    async fn write(&mut self, batches: Vec<Batch>, commit: Commit) -> Result<Receipt>;

    /// Adds the columns of `schema` that the table lacks and widens those that changed; called
    /// before the first batch that needs it.
    ///
    /// # Errors
    /// The change would lose values.
    async fn evolve(&mut self, schema: SchemaRef) -> Result<SchemaChange>;

    /// Opens a table of the same schema for rows that are parts of those of this one, the first time
    /// that `child` is named; later as [`Writer::evolve`]. Its rows come in the same commits, and are
    /// hidden, shown and forgotten together with those of this table.
    ///
    /// # Errors
    /// This destination has no child tables, or the change would lose values.
    async fn evolve_child(&mut self, child: &str, schema: SchemaRef) -> Result<SchemaChange> {
        let _ = schema;
        let message = "this destination has no child tables";
        Err(Error::new(ErrorKind::Usage, "open child table", message).with("table", child))
    }

    /// Makes durable what was only taken, so that [`Destination::recover`] finds it. Nothing of a
    /// hidden generation is shown.
    ///
    /// # Errors
    /// What was only taken is lost; what was durable still is.
    async fn flush(&mut self) -> Result<()>;

    /// Shows everything written, durable from now on, in one step. Only a complete run may call
    /// it. [`Destination::recover`] finds nothing of its generation any more, and of a table that
    /// was replaced nothing of any; of other runs that append it still does.
    ///
    /// # Errors
    /// Nothing was shown; what was visible before still is.
    async fn publish(self: Box<Self>) -> Result<Published>;

    /// Forgets the generation: its rows, if they are hidden. Appended rows stay, but nobody goes on
    /// from them.
    ///
    /// # Errors
    /// The hidden rows may still take up space; the next run removes them.
    async fn abort(self: Box<Self>) -> Result<()>;
}

/// What a destination can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Replaces a table in one step.
    pub replace: bool,
    /// Merges by keys.
    pub merge: bool,
    /// Takes rows to delete.
    pub delete: bool,
    /// Stores the position in the transaction of the rows.
    pub transactional_position: bool,
    /// Keeps structs and lists as they are, rather than as JSON text.
    pub nested: bool,
    /// Keeps parts of rows in tables of their own, in the commits of the rows.
    pub child_tables: bool,
}

/// Names a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TableRef {
    /// `public` unless the pipeline says otherwise.
    pub schema: String,
    /// The table's own name.
    pub name: String,
}

impl TableRef {
    /// The schema where raw tables go.
    pub const PUBLIC: &str = "public";

    /// The table `name` of the same schema.
    #[must_use]
    pub fn beside(&self, name: &str) -> Self {
        Self {
            schema: self.schema.clone(),
            name: name.to_owned(),
        }
    }

    /// A table of the schema `public`.
    pub fn public(name: impl Into<String>) -> Self {
        Self {
            schema: Self::PUBLIC.to_owned(),
            name: name.into(),
        }
    }
}

impl fmt::Display for TableRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// What [`Destination::find`] finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FoundTable {
    /// Whether readers find the table, whoever made it.
    pub is_there: bool,
    /// The highest fence that was seen; 0 if none was.
    pub fence: u64,
}

/// What a run does to its table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Rows are added, and visible with their commit.
    Append,
    /// Rows fill a hidden generation that replaces the table when published.
    Replace,
    /// Rows are added, every version of a record, and in the same commit the last version of each
    /// record goes to a table of its own.
    Merge(Stage),
}

impl Disposition {
    /// The same, without taking records for deleted that do not come.
    #[must_use]
    pub fn keeping_absent(mut self) -> Self {
        if let Self::Merge(Stage {
            deletions: Some(deletions),
            ..
        }) = &mut self
        {
            deletions.absent = false;
        }
        self
    }
}

/// A table with one row for each record, beside the one with all versions of it. At every moment it
/// is what the other one says.
///
/// Of two versions the later one is the one with the larger cursor; of versions with the same, or
/// with none, the one that arrived later. One without a cursor is older than one with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The table.
    pub table: TableRef,
    /// Columns that tell one record from another. A row that lacks one of them is in the table of
    /// versions only.
    pub keys: Vec<String>,
    /// Where a row holds its cursor: a column, or a dotted path into one.
    pub cursor: String,
    /// What the cursor holds.
    pub cursor_type: CursorType,
    /// What becomes of records that the source has deleted; `None`: nobody would know.
    pub deletions: Option<Deletions>,
}

/// How deleted records are known, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletions {
    /// A column that says that a record is deleted: by `true`, by the time of it, by anything but
    /// nothing, `false` and zero.
    pub field: Option<String>,
    /// Whether a record that this run does not bring is deleted, once the run is published.
    pub absent: bool,
    /// Whether they stay, with [`column::DELETED`](crate::column::DELETED) true.
    pub soft: bool,
}

/// Under what a run's commits are stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitKey {
    /// The pipeline's name.
    pub pipeline: String,
    /// The run.
    pub run: Uuid,
    /// Number of the generation this run fills.
    pub generation: u64,
    /// Epoch of the lease: a destination refuses one lower than it has seen.
    pub fence: u64,
}

/// One step of a slice: what becomes durable together with the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The slice's partition.
    pub slice: String,
    /// Number of the page in its slice, from 1; ascending.
    pub seq: u64,
    /// Where the next request starts; `None` after the last page.
    pub position: Option<Position>,
    /// What the pages of the slice have shown, this one included.
    pub progress: SliceProgress,
    /// The request that brought the rows.
    pub request: RequestRecord,
    /// Records that became no row.
    pub rejects: Vec<Reject>,
    /// Rejects of earlier commits that are none any more: rows have come of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settles: Vec<RejectKey>,
    /// What the rows were decoded from, where that is to be kept; no destination keeps it itself.
    #[serde(skip)]
    pub raw: Option<RawPage>,
}

/// What tells one reject of a table from all others of the pipeline.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RejectKey {
    /// The run that brought it.
    pub run: Uuid,
    /// The slice's partition.
    pub slice: String,
    /// Number of the page in its slice.
    pub seq: u64,
    /// Index of the record on its page, from 0.
    pub index: u64,
    /// What is kept of it.
    pub form: RejectForm,
}

/// A reject, as a destination keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptReject {
    /// Which one it is.
    #[serde(flatten)]
    pub key: RejectKey,
    /// The request that brought it.
    pub request_id: Uuid,
    /// Why it was not accepted.
    pub reason: String,
    /// What is kept of it, as JSON.
    pub raw: String,
}

/// What [`Destination::pages`] finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadedPages {
    /// Pages that were committed, whatever became of their rows.
    pub pages: Vec<LoadedPage>,
    /// The runs that have rows in the table, as readers find it.
    pub visible: Vec<Uuid>,
}

/// A page that was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadedPage {
    /// The run that brought it.
    pub run: Uuid,
    /// The request.
    pub request: Uuid,
}

impl LoadedPage {
    const METHOD: &str = "REBUILD";
    const SCHEME: &str = "tapline:raw/";

    /// The entry in the log of requests that says that a table was made again of this page at that time.
    pub fn made_again(self, request_id: Uuid, at: Timestamp) -> RequestRecord {
        RequestRecord {
            request_id,
            method: Self::METHOD.to_owned(),
            url: format!("{}{}/{}", Self::SCHEME, self.run, self.request),
            status: 0,
            bytes: 0,
            attempts: 1,
            waited_ms: 0,
            duration_ms: 0,
            received_at: at,
        }
    }

    /// The page that an entry in the log of `run` is about, though a table was made again of it since.
    /// `None`: no source has answered it.
    pub fn of(run: Uuid, request: &RequestRecord) -> Option<Self> {
        if request.status != 0 {
            let request = request.request_id;
            return Some(Self { run, request });
        }
        let (run, request) = request.url.strip_prefix(Self::SCHEME)?.split_once('/')?;
        Some(Self {
            run: run.parse().ok()?,
            request: request.parse().ok()?,
        })
    }
}

/// Proof that a commit is durable (fsync'd), if it says so, and with it all earlier ones of its
/// writer. Nothing may be remembered without one.
#[must_use = "a position may be remembered only with its receipt"]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The commit's number in its slice.
    pub seq: u64,
    /// Whether the rows survive a loss of power.
    pub durable: bool,
    /// Rows accepted, but for those of child tables.
    pub accepted: u64,
    /// Rows the destination refused.
    pub rejected: Vec<RejectedRow>,
}

/// A row the destination refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRow {
    /// Index of the row in its page.
    pub row: u64,
    /// Why.
    pub reason: String,
}

/// What [`Destination::recover`] finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCommit {
    /// Whose it is.
    pub key: CommitKey,
    /// The slice's partition.
    pub slice: String,
    /// Number of the last page stored.
    pub seq: u64,
    /// Where the next request starts; `None` if the slice was read to its end.
    pub position: Option<Position>,
    /// What the pages of the slice have shown.
    #[serde(default)]
    pub progress: SliceProgress,
}

impl Stage {
    /// What has to be the same for the table to be what it was, as text. What a run does not bring is
    /// the business of that run.
    ///
    /// # Errors
    /// None is known: everything in it can be written.
    pub fn settings(&self) -> serde_json::Result<String> {
        let mut same = self.clone();
        if let Some(deletions) = &mut same.deletions {
            deletions.absent = false;
        }
        serde_json::to_string(&same)
    }

    /// Where the cursor is: what `column` finds by name, and the path from there into its JSON. A
    /// column's own name may hold dots; the longest name counts.
    pub fn find_cursor<T>(&self, column: impl Fn(&str) -> Option<T>) -> Option<(T, Option<&str>)> {
        let path = self.cursor.as_str();
        let whole = column(path).map(|found| (found, None));
        whole.or_else(|| {
            let mut dots = path.rmatch_indices('.');
            dots.find_map(|(dot, _)| Some((column(&path[..dot])?, Some(&path[dot + 1..]))))
        })
    }
}

impl Deletions {
    /// What a column holds, as text, of a record that is not deleted, besides null: a list for SQL.
    pub const NO: &str = "'', '0', '0.0', 'false', 'False', 'FALSE'";
}

/// What a publication showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Rows of the table that are now visible.
    pub rows: u64,
}

/// What [`Writer::evolve`] changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaChange {
    /// Columns added.
    pub added: Vec<String>,
    /// Columns whose type became wider.
    pub widened: Vec<String>,
}
