//! The destination that a project names, opened.

use std::sync::Arc;

use tapline_core::{Clock, Destination, Result, TableRef};
use tapline_dest_files::{CommitEvery, FilesConfig, FilesDestination, Format};
use tapline_dest_postgres::PostgresDestination;
use tapline_dest_sqlite::SqliteDestination;
use tapline_engine::PageForm;

use crate::doors::Worker;
use crate::project::{self, FileCommit, FileFormat, Place};

/// Opens the destination at `place`.
///
/// # Errors
/// The database or the folder cannot be opened.
pub(super) fn open(place: &Place, clock: Arc<dyn Clock>) -> Result<Arc<dyn Destination>> {
    Ok(match place {
        Place::Database(path) => Arc::new(SqliteDestination::open(path)?),
        Place::Server(address) => Arc::new(PostgresDestination::open(address, clock)?),
        Place::Folder {
            path,
            format,
            commit,
        } => Arc::new(FilesDestination::open(FilesConfig {
            path: path.clone(),
            format: kept(*format),
            commit: match commit {
                FileCommit::Page => CommitEvery::Page,
                FileCommit::Group => CommitEvery::Group,
            },
            clock,
            compute: Arc::new(Worker::new("tapline-files")),
        })?),
    })
}

fn kept(format: FileFormat) -> Format {
    match format {
        FileFormat::Parquet => Format::Parquet,
        FileFormat::Jsonl => Format::Jsonl,
        FileFormat::Csv => Format::Csv,
        FileFormat::Raw => Format::Raw,
    }
}

/// What `wanted` takes.
pub(crate) fn form(wanted: &project::Destination) -> PageForm {
    match wanted {
        project::Destination::Files {
            format: FileFormat::Raw,
            ..
        } => PageForm::Body,
        _ => PageForm::Rows,
    }
}

/// Whether `wanted` can keep one row for each record.
pub(crate) fn merges(wanted: &project::Destination) -> bool {
    match wanted {
        project::Destination::Sqlite { .. } | project::Destination::Postgres { .. } => true,
        project::Destination::Files { .. } => false,
    }
}

/// The table as people find it: SQLite has no schemas, files have a folder for each.
pub(crate) fn shown_table(wanted: &project::Destination, table: &TableRef) -> String {
    let (schema, name) = (&table.schema, &table.name);
    match wanted {
        project::Destination::Files { .. } => format!("{schema}/{name}"),
        project::Destination::Postgres { .. } => tapline_dest_postgres::table_name(table),
        project::Destination::Sqlite { .. } if schema == TableRef::PUBLIC => name.clone(),
        project::Destination::Sqlite { .. } => format!("{schema}__{name}"),
    }
}

/// Where records are that became no row.
pub(crate) fn rejects(wanted: &project::Destination) -> &'static str {
    match wanted {
        project::Destination::Sqlite { .. } | project::Destination::Postgres { .. } => {
            "_tapline_rejects"
        }
        project::Destination::Files { .. } => "_commits of the table's newest folder",
    }
}
