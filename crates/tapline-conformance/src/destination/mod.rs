//! What every destination must do, as named cases that any crate can run on its own.
//!
//! A case that asks for a capability the destination does not claim is skipped. The suite reads
//! tables back through the subject, in the text forms that [`Subject::rows`] fixes.

mod children;
mod commits;
mod fixture;
mod generations;
mod log;
mod schema;
mod stages;
mod values;

use std::sync::Arc;

use arrow_schema::Schema;
use async_trait::async_trait;
use futures::future::BoxFuture;
use tapline_core::{Capabilities, Destination, Result, TableRef};

pub use crate::outcome::{Failure, Outcome, SuiteReport, Verdict};

/// The rows of a table as texts; `None` is null.
pub type TextRows = Vec<Vec<Option<String>>>;

/// An empty place for tables that can be opened more than once, and read back.
#[async_trait]
pub trait Subject: Send + Sync {
    /// A further handle on the same place, as a new process would have.
    ///
    /// # Errors
    /// The place cannot be opened.
    fn open(&self) -> Result<Arc<dyn Destination>>;

    /// What a reader sees of `table`: the columns of `schema`, in that order, rows in the order
    /// they were written; `None` if there is no such table.
    ///
    /// As text: booleans `true` and `false`; whole numbers as digits; floats in their shortest
    /// form (`1.5`, `3`); instants `2026-01-02T03:04:05.000006Z`; dates `2026-01-02`; bytes in
    /// lower-case hexadecimal; texts, decimals and JSON as they are.
    ///
    /// # Errors
    /// The place cannot be read.
    async fn rows(&self, table: &TableRef, schema: &Schema) -> Result<Option<TextRows>>;
}

type Run = for<'a> fn(&'a dyn Subject) -> BoxFuture<'a, Outcome>;
type Needs = fn(&Capabilities) -> bool;

const ANY: Needs = |_| true;
const REPLACE: Needs = |can| can.replace;
const POSITION: Needs = |can| can.transactional_position;
const RESUME: Needs = |can| can.replace && can.transactional_position;
const MERGE: Needs = |can| can.merge;
const CHILDREN: Needs = |can| can.child_tables;

const CASES: [(&str, Needs, Run); 37] = [
    ("values of every type come back", ANY, |s| {
        Box::pin(values::round_trip(s))
    }),
    ("columns are matched by name", ANY, |s| {
        Box::pin(values::by_name(s))
    }),
    ("odd names", ANY, |s| Box::pin(values::odd_names(s))),
    ("evolve adds columns", ANY, |s| Box::pin(schema::adds(s))),
    ("evolve widens and loses nothing", ANY, |s| {
        Box::pin(schema::widens(s))
    }),
    ("append fits the table it finds", ANY, |s| {
        Box::pin(schema::fits_existing(s))
    }),
    ("appended rows are visible with their commit", ANY, |s| {
        Box::pin(commits::visible(s))
    }),
    ("a repeated commit changes nothing", ANY, |s| {
        Box::pin(commits::repeated(s))
    }),
    ("the next run starts counting again", ANY, |s| {
        Box::pin(commits::next_run(s))
    }),
    ("what is there is found", ANY, |s| {
        Box::pin(commits::found(s))
    }),
    ("a lower fence is refused", ANY, |s| {
        Box::pin(commits::fenced(s))
    }),
    ("an empty page stores its position", POSITION, |s| {
        Box::pin(commits::empty_page(s))
    }),
    (
        "recover finds the last commit of each slice",
        POSITION,
        |s| Box::pin(commits::recovered(s)),
    ),
    ("a generation is hidden until published", REPLACE, |s| {
        Box::pin(generations::hidden(s))
    }),
    ("publish replaces", REPLACE, |s| {
        Box::pin(generations::replaced(s))
    }),
    ("abort leaves the old table", REPLACE, |s| {
        Box::pin(generations::aborted(s))
    }),
    ("two tables of one pipeline", REPLACE, |s| {
        Box::pin(generations::two_tables(s))
    }),
    ("a killed writer is resumed", RESUME, |s| {
        Box::pin(generations::resumed(s))
    }),
    ("what is kept is recovered", RESUME, |s| {
        Box::pin(generations::kept(s))
    }),
    ("a killed append is resumed", POSITION, |s| {
        Box::pin(commits::resumed(s))
    }),
    (
        "appending runs are resumed each for itself",
        POSITION,
        |s| Box::pin(commits::beside(s)),
    ),
    (
        "an aborted append leaves rows, and nothing to resume",
        POSITION,
        |s| Box::pin(commits::aborted(s)),
    ),
    ("a stale generation is dropped", RESUME, |s| {
        Box::pin(generations::stale(s))
    }),
    ("rejects are found, and settled by a commit", ANY, |s| {
        Box::pin(log::rejects(s))
    }),
    ("a full load replaces the rejects as well", REPLACE, |s| {
        Box::pin(log::replaced_rejects(s))
    }),
    ("columns are found where fields would go", ANY, |s| {
        Box::pin(log::columns(s))
    }),
    ("the log knows the pages of a table", ANY, |s| {
        Box::pin(log::pages(s))
    }),
    ("the log knows the pages of a full load", REPLACE, |s| {
        Box::pin(log::replaced(s))
    }),
    (
        "child rows are in the commits of their table",
        CHILDREN,
        |s| Box::pin(children::appended(s)),
    ),
    ("child tables are shown with their table", CHILDREN, |s| {
        Box::pin(children::replaced(s))
    }),
    ("child tables get columns of their own", CHILDREN, |s| {
        Box::pin(children::evolved(s))
    }),
    ("a stage holds the latest versions", MERGE, |s| {
        Box::pin(stages::latest(s))
    }),
    ("a record that is deleted leaves the stage", MERGE, |s| {
        Box::pin(stages::deleted(s))
    }),
    ("a record that is absent leaves the stage", MERGE, |s| {
        Box::pin(stages::absent(s))
    }),
    ("a stage is made of what is there", MERGE, |s| {
        Box::pin(stages::made_anew(s))
    }),
    ("a stage grows with its table", MERGE, |s| {
        Box::pin(stages::grows(s))
    }),
    ("a stage takes no table of others", MERGE, |s| {
        Box::pin(stages::foreign(s))
    }),
];

/// Runs every case, each on an empty place from `make`.
pub async fn suite<S: Subject>(make: impl Fn() -> S) -> SuiteReport {
    suite_of(make, |_| true).await
}

/// Runs the cases whose name is `wanted`.
pub(crate) async fn suite_of<S: Subject>(
    make: impl Fn() -> S,
    wanted: impl Fn(&str) -> bool,
) -> SuiteReport {
    let mut report = SuiteReport::default();
    for (name, needs, run) in CASES.into_iter().filter(|(name, _, _)| wanted(name)) {
        let subject = make();
        let outcome = match subject.open() {
            Ok(destination) if !needs(&destination.capabilities()) => None,
            Ok(_) => Some(run(&subject).await),
            Err(error) => Some(Err(error.into())),
        };
        report.add(name, outcome);
    }
    report
}
