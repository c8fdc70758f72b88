//! The [`Destination`]: one SQLite file.

use std::fs;
use std::path::{Path, PathBuf};

use arrow_schema::{Field, SchemaRef};
use async_trait::async_trait;
use rusqlite::Connection;
use tapline_core::{
    Capabilities, CommitKey, Destination, Disposition, FoundTable, KeptReject, LastCommit,
    LoadedPages, RejectKey, Result, TableRef, Writer,
};

use crate::bookkeeping::{self, Owner};
use crate::columns;
use crate::connection;
use crate::failure::Failure;
use crate::generation;
use crate::name;
use crate::session::Session;
use crate::worker::Worker;
use crate::writer::SqliteWriter;

/// A file of tables. Several writers may be at work at once; SQLite lets them commit in turn.
#[derive(Clone, Debug)]
pub struct SqliteDestination {
    path: PathBuf,
}

impl SqliteDestination {
    /// Opens the file, and creates it and its folder if need be. Blocks for a moment.
    ///
    /// # Errors
    /// The file cannot be created or is no SQLite database.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let opened = create(&path);
        opened.map_err(|failure| failure.at("open destination").with("path", path.display()))?;
        Ok(Self { path })
    }
}

impl SqliteDestination {
    /// Reads something of `table` on a thread of its own, and says that it was `doing` so if it cannot.
    async fn look<R: Send + 'static>(
        &self,
        table: &TableRef,
        doing: &'static str,
        look: impl FnOnce(&Connection, &str) -> crate::failure::Result<R> + Send + 'static,
    ) -> Result<R> {
        let path = self.path.clone();
        let found = async {
            let named = name::table(table)?;
            let worker = Worker::start(move || connection::open(&path)).await?;
            let job = move |connection: &mut Connection| look(connection, &named);
            worker.call(job).await
        };
        let failed = |failure: Failure| failure.at(doing).with("table", &table.name);
        found.await.map_err(failed)
    }
}

fn create(path: &Path) -> crate::failure::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|cause| Failure::Io {
            path: folder.display().to_string(),
            cause,
        })?;
    }
    bookkeeping::create_tables(&connection::open(path)?)
}

#[async_trait]
impl Destination for SqliteDestination {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            replace: true,
            merge: true,
            delete: false,
            transactional_position: true,
            nested: false,
            child_tables: true,
        }
    }

    async fn begin(
        &self,
        table: &TableRef,
        schema: SchemaRef,
        disposition: Disposition,
        key: CommitKey,
    ) -> Result<Box<dyn Writer>> {
        let path = self.path.clone();
        let begun = async {
            let owner = Owner {
                key,
                table: name::table(table)?,
                schema: table.schema.clone(),
                replace: disposition == Disposition::Replace,
            };
            let stage = match disposition {
                Disposition::Merge(stage) => Some(stage),
                Disposition::Append | Disposition::Replace => None,
            };
            Worker::start(move || Session::begin(&path, owner, stage, &schema)).await
        };
        let failed = |failure: Failure| failure.at("begin").with("table", &table.name);
        Ok(Box::new(SqliteWriter {
            worker: begun.await.map_err(failed)?,
            table: table.name.clone(),
        }))
    }

    async fn find(&self, table: &TableRef, pipeline: &str) -> Result<FoundTable> {
        let pipeline = pipeline.to_owned();
        self.look(table, "find", move |connection, named| {
            Ok(FoundTable {
                is_there: generation::is_there(connection, named)?,
                fence: bookkeeping::fence(connection, &pipeline)?.unwrap_or(0),
            })
        })
        .await
    }

    async fn columns(&self, table: &TableRef, schema: SchemaRef) -> Result<Vec<Option<Field>>> {
        self.look(table, "read columns", move |connection, named| {
            let visible = generation::visible(connection, named)?;
            columns::find(connection, &visible, &schema)
        })
        .await
    }

    async fn rejects(
        &self,
        table: &TableRef,
        pipeline: &str,
        after: Option<&RejectKey>,
        limit: usize,
    ) -> Result<Vec<KeptReject>> {
        let (pipeline, after) = (pipeline.to_owned(), after.cloned());
        self.look(table, "read rejects", move |connection, named| {
            bookkeeping::rejects(connection, (&pipeline, named), after.as_ref(), limit)
        })
        .await
    }

    async fn pages(&self, table: &TableRef, pipeline: &str) -> Result<LoadedPages> {
        let pipeline = pipeline.to_owned();
        self.look(table, "read the log", move |connection, named| {
            Ok(LoadedPages {
                pages: bookkeeping::pages(connection, &pipeline, named)?,
                visible: generation::runs(connection, named)?,
            })
        })
        .await
    }

    async fn recover(&self, pipeline: &str) -> Result<Vec<LastCommit>> {
        let path = self.path.clone();
        let name = pipeline.to_owned();
        let recovered = async {
            let worker = Worker::start(move || connection::open(&path)).await?;
            worker
                .call(move |connection| bookkeeping::recover(connection, &name))
                .await
        };
        let failed = |failure: Failure| failure.at("recover").with("pipeline", pipeline);
        recovered.await.map_err(failed)
    }
}
