//! The [`Destination`]: one folder of tables.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::{Field, SchemaRef};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tapline_core::{
    Capabilities, Clock, CommitKey, Compute, Destination, Disposition, FoundTable, KeptReject,
    LastCommit, LoadedPages, RejectKey, Result, TableRef, Writer, compute,
};

use crate::disk;
use crate::failure::Failure;
use crate::generation::{self, Owner};
use crate::manifest::Manifest;
use crate::session::{Options, Session};
use crate::table::Table;
use crate::writer::FilesWriter;

/// What the files of a table hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Apache Parquet, typed and compressed.
    Parquet,
    /// One JSON object per line.
    Jsonl,
    /// Comma-separated values with a line of names.
    Csv,
    /// Each body as it came: takes rows with a binary column `body`.
    Raw,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parquet => "parquet",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Raw => "raw",
        })
    }
}

/// When pages become durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitEvery {
    /// Each page on its own, in a file of its own.
    Page,
    /// The pages of one second, or 64 MB of them.
    Group,
}

/// What a [`FilesDestination`] is made of.
#[derive(Clone)]
pub struct FilesConfig {
    /// The folder.
    pub path: PathBuf,
    /// What the files hold.
    pub format: Format,
    /// When pages become durable.
    pub commit: CommitEvery,
    /// Time: how old the pages are that wait.
    pub clock: Arc<dyn Clock>,
    /// Where the work is done that blocks.
    pub compute: Arc<dyn Compute>,
}

/// A folder of tables. Several writers may be at work at once; they commit in turn.
#[derive(Clone)]
pub struct FilesDestination(FilesConfig);

impl FilesDestination {
    /// Opens the folder, and creates it if need be. Blocks for a moment.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn open(config: FilesConfig) -> Result<Self> {
        let opened = disk::create_folder(&config.path);
        opened.map_err(|failure| failure.at("open destination"))?;
        Ok(Self(config))
    }
}

impl fmt::Debug for FilesDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FilesDestination({})", self.0.path.display())
    }
}

#[async_trait]
impl Destination for FilesDestination {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            replace: true,
            merge: false,
            delete: false,
            transactional_position: true,
            nested: self.0.format == Format::Parquet,
            child_tables: false,
        }
    }

    async fn begin(
        &self,
        table: &TableRef,
        schema: SchemaRef,
        disposition: Disposition,
        key: CommitKey,
    ) -> Result<Box<dyn Writer>> {
        let failed = |failure: Failure| failure.at("begin").with("table", &table.name);
        let owner = Owner {
            key,
            replace: replaces(&disposition).map_err(failed)?,
        };
        let options = Options {
            format: self.0.format,
            commit: self.0.commit,
        };
        let (root, named) = (self.0.path.clone(), table.clone());
        let begun = compute(&*self.0.compute, move || {
            Session::begin(&root, named, owner, options, &schema)
        });
        Ok(Box::new(FilesWriter {
            session: Some(begun.await?.map_err(failed)?),
            clock: self.0.clock.clone(),
            compute: self.0.compute.clone(),
            table: table.name.clone(),
        }))
    }

    async fn find(&self, table: &TableRef, pipeline: &str) -> Result<FoundTable> {
        let (root, named, pipeline) = (self.0.path.clone(), table.clone(), pipeline.to_owned());
        let found = compute(&*self.0.compute, move || {
            let table = Table::of(&root, &named);
            Ok(FoundTable {
                is_there: Manifest::highest(&table)?.is_some(),
                fence: table.fence(&pipeline)?,
            })
        });
        let failed = |failure: Failure| failure.at("find").with("table", &table.name);
        found.await?.map_err(failed)
    }

    async fn columns(&self, table: &TableRef, schema: SchemaRef) -> Result<Vec<Option<Field>>> {
        let (root, named) = (self.0.path.clone(), table.clone());
        let found = compute(&*self.0.compute, move || {
            let manifest = Manifest::highest(&Table::of(&root, &named))?;
            let columns = manifest.map(|it| it.schema).unwrap_or_default();
            let names = schema.fields().iter().map(|field| field.name());
            let found = names.map(|name| Some(columns.kind(name)?.field(name)));
            Ok(found.collect())
        });
        let failed = |failure: Failure| failure.at("read columns").with("table", &table.name);
        found.await?.map_err(failed)
    }

    async fn rejects(
        &self,
        table: &TableRef,
        pipeline: &str,
        after: Option<&RejectKey>,
        limit: usize,
    ) -> Result<Vec<KeptReject>> {
        let (root, named, pipeline) = (self.0.path.clone(), table.clone(), pipeline.to_owned());
        let after = after.cloned();
        let found = compute(&*self.0.compute, move || {
            generation::rejects(&Table::of(&root, &named), &pipeline, after.as_ref(), limit)
        });
        let failed = |failure: Failure| failure.at("read rejects").with("table", &table.name);
        found.await?.map_err(failed)
    }

    async fn pages(&self, table: &TableRef, pipeline: &str) -> Result<LoadedPages> {
        let (root, named, pipeline) = (self.0.path.clone(), table.clone(), pipeline.to_owned());
        let found = compute(&*self.0.compute, move || {
            generation::pages(&Table::of(&root, &named), &pipeline)
        });
        let failed = |failure: Failure| failure.at("read the log").with("table", &table.name);
        found.await?.map_err(failed)
    }

    async fn recover(&self, pipeline: &str) -> Result<Vec<LastCommit>> {
        let (root, name, format) = (self.0.path.clone(), pipeline.to_owned(), self.0.format);
        let found = compute(&*self.0.compute, move || {
            let tables = Table::all(&root)?;
            let found = tables
                .iter()
                .map(|table| generation::recover(table, &name, format));
            found.collect::<crate::failure::Result<Vec<_>>>()
        });
        let failed = |failure: Failure| failure.at("recover").with("pipeline", pipeline);
        Ok(agree(found.await?.map_err(failed)?))
    }
}

/// If several runs filled a generation the one with the highest fence knows best. If several
/// tables did, the one that got least far decides: the others ignore what is repeated.
fn agree(tables: Vec<Vec<LastCommit>>) -> Vec<LastCommit> {
    let mut all: BTreeMap<(u64, String), LastCommit> = BTreeMap::new();
    for table in tables {
        let mut best: BTreeMap<(u64, String), LastCommit> = BTreeMap::new();
        for commit in table {
            keep(&mut best, commit, |new, old| {
                (new.key.fence, new.seq) > (old.key.fence, old.seq)
            });
        }
        for commit in best.into_values() {
            keep(&mut all, commit, |new, old| new.seq < old.seq);
        }
    }
    all.into_values().collect()
}

fn keep(
    kept: &mut BTreeMap<(u64, String), LastCommit>,
    commit: LastCommit,
    is_better: impl Fn(&LastCommit, &LastCommit) -> bool,
) {
    let place = (commit.key.generation, commit.slice.clone());
    match kept.get(&place) {
        Some(old) if !is_better(&commit, old) => {}
        _ => {
            kept.insert(place, commit);
        }
    }
}

fn replaces(disposition: &Disposition) -> crate::failure::Result<bool> {
    match disposition {
        Disposition::Append => Ok(false),
        Disposition::Replace => Ok(true),
        Disposition::Merge { .. } => Err(Failure::Refused(
            "the files destination does not merge (known: append, replace)".to_owned(),
        )),
    }
}
