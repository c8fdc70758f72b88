//! The [`Destination`]: one database of a server.

use std::sync::Arc;

use arrow_schema::{Field, SchemaRef};
use async_trait::async_trait;
use tapline_core::{
    Capabilities, Clock, CommitKey, Destination, Disposition, Error, FoundTable, KeptReject,
    LastCommit, LoadedPages, RejectKey, Result, Secret, TableRef, Writer,
};

use crate::bookkeeping::{self, Owner};
use crate::columns;
use crate::failure::Failure;
use crate::name::Table;
use crate::server::Server;
use crate::session::Session;
use crate::table;
use crate::writer::PostgresWriter;

/// A database of tables. Any number of writers may be at work at once, each in its own session.
#[derive(Clone, Debug)]
pub struct PostgresDestination {
    server: Server,
}

impl PostgresDestination {
    /// The database at `address` (`postgres://USER:PASSWORD@HOST:PORT/DATABASE`). Nobody is asked
    /// yet: every call opens a session of its own.
    ///
    /// # Errors
    /// The address is none.
    pub fn open(address: &Secret, clock: Arc<dyn Clock>) -> Result<Self> {
        let server = Server::parse(address, clock);
        let server = server.map_err(|failure| failure.at("open destination"))?;
        Ok(Self { server })
    }
}

impl PostgresDestination {
    /// The error of `failure`, while `doing` something with `table`.
    fn failed(&self, failure: Failure, doing: &'static str, table: &TableRef) -> Error {
        let error = failure.at(doing).with("table", &table.name);
        error.with("destination", &self.server.address)
    }
}

#[async_trait]
impl Destination for PostgresDestination {
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
        let begun = async {
            let owner = Owner {
                key,
                table: Table::of(table)?,
                replace: disposition == Disposition::Replace,
            };
            let stage = match disposition {
                Disposition::Merge(stage) => Some(stage),
                Disposition::Append | Disposition::Replace => None,
            };
            Session::begin(self.server.clone(), owner, stage, schema).await
        };
        match begun.await {
            Ok(session) => Ok(Box::new(PostgresWriter::new(session, &table.name))),
            Err(failure) => Err(self.failed(failure, "begin", table)),
        }
    }

    async fn find(&self, table: &TableRef, pipeline: &str) -> Result<FoundTable> {
        let found = async {
            let named = Table::of(table)?;
            let client = self.server.connect().await?;
            let (is_there, fence) = futures::try_join!(
                table::is_there(&client, &named),
                bookkeeping::fence(&client, pipeline)
            )?;
            Ok(FoundTable {
                is_there,
                fence: fence.unwrap_or(0),
            })
        };
        found
            .await
            .map_err(|failure| self.failed(failure, "find", table))
    }

    async fn columns(&self, table: &TableRef, schema: SchemaRef) -> Result<Vec<Option<Field>>> {
        let found = async {
            let named = Table::of(table)?;
            columns::find(&self.server.connect().await?, &named, &schema).await
        };
        found
            .await
            .map_err(|failure| self.failed(failure, "read columns", table))
    }

    async fn rejects(
        &self,
        table: &TableRef,
        pipeline: &str,
        after: Option<&RejectKey>,
        limit: usize,
    ) -> Result<Vec<KeptReject>> {
        let found = async {
            let named = Table::of(table)?;
            let client = self.server.connect().await?;
            bookkeeping::rejects(&client, (pipeline, &named), after, limit).await
        };
        found
            .await
            .map_err(|failure| self.failed(failure, "read rejects", table))
    }

    async fn pages(&self, table: &TableRef, pipeline: &str) -> Result<LoadedPages> {
        let found = async {
            let named = Table::of(table)?;
            let client = self.server.connect().await?;
            Ok(LoadedPages {
                pages: bookkeeping::pages(&client, pipeline, &named).await?,
                visible: table::runs(&client, &named).await?,
            })
        };
        found
            .await
            .map_err(|failure| self.failed(failure, "read the log", table))
    }

    async fn recover(&self, pipeline: &str) -> Result<Vec<LastCommit>> {
        let recovered = async {
            let client = self.server.connect().await?;
            bookkeeping::recover(&client, pipeline).await
        };
        let failed = |failure: Failure| {
            let error = failure.at("recover").with("pipeline", pipeline);
            error.with("destination", &self.server.address)
        };
        recovered.await.map_err(failed)
    }
}
