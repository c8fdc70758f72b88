//! What `tapline.yaml` may say. The JSON Schema is made from these types; closed objects
//! throughout, so that no misspelt key is ever ignored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use tapline_core::TableRef;

use super::expect::Expect;
use super::quota::Quota;
use super::raw::RawSettings;
use super::schedule::Schedule;
use super::shape::SchemaSettings;
use super::state::DEFAULT_STATE;
use super::sync::Sync;
use super::value::Value;

/// A tapline project.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProjectFile {
    /// Version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    #[expect(
        dead_code,
        reason = "the schema checks it; there is one version so far"
    )]
    version: u32,
    /// Where tapline remembers what it did: `sqlite:` and a path, or, for the runners of many hosts,
    /// `postgres://USER:${env:NAME}@HOST/DATABASE`.
    #[serde(default = "default_state")]
    pub(crate) state: String,
    /// Credentials and base parameters for a connector, by name.
    #[serde(default)]
    pub(crate) connections: BTreeMap<String, Connection>,
    /// Where records go, by name.
    #[serde(default)]
    pub(crate) destinations: BTreeMap<String, Destination>,
    /// What is moved, by name.
    #[serde(default)]
    pub(crate) pipelines: BTreeMap<String, Pipeline>,
}

fn default_state() -> String {
    format!("sqlite:{DEFAULT_STATE}")
}

/// Credentials and base parameters for a connector.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Connection {
    /// A plugin by name, `rest` with a spec file per stream, or the path of a spec file.
    pub(crate) connector: String,
    /// How to sign in.
    pub(crate) auth: Option<Auth>,
    /// Parameters for every stream.
    #[serde(default)]
    pub(crate) params: BTreeMap<String, Value>,
    /// Spec files by stream, for the connector `rest`.
    #[serde(default)]
    pub(crate) streams: BTreeMap<String, PathBuf>,
    /// Origins that requests may go to, besides the connector's own host.
    #[serde(default)]
    pub(crate) allow_hosts: Vec<String>,
    /// How much of the source's quota is used.
    #[serde(default)]
    pub(crate) quota: Quota,
    /// Needed for a plugin that does not stand beside the program.
    pub(crate) trust: Option<Trust>,
}

/// How to sign in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Auth {
    /// Which of the connector's ways to sign in; may be left out if there is only one.
    pub(crate) spec_name: Option<String>,
    /// Its parameters.
    #[serde(default)]
    pub(crate) params: BTreeMap<String, Value>,
}

/// How far a plugin is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Trust {
    /// It runs inside this process, like tapline's own code.
    InProcess,
}

/// Where records go.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Destination {
    /// A SQLite file.
    Sqlite {
        /// The database file.
        path: PathBuf,
    },
    /// A PostgreSQL database.
    Postgres {
        /// `postgres://USER:${env:NAME}@HOST/DATABASE`.
        url: String,
        /// When pages become durable.
        #[serde(default)]
        #[expect(
            dead_code,
            reason = "there is one way so far, which may be written down"
        )]
        commit: TableCommit,
    },
    /// A folder of files.
    Files {
        /// The folder.
        path: PathBuf,
        /// What the files hold.
        format: FileFormat,
        /// When pages become durable; `group` unless given.
        #[serde(default)]
        commit: FileCommit,
    },
}

impl Destination {
    /// Where it is, as written, if that is in the file system.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Sqlite { path } | Self::Files { path, .. } => Some(path),
            Self::Postgres { .. } => None,
        }
    }

    /// What is written there: `sqlite`, `postgres`, or the format of files.
    pub(crate) fn format(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres { .. } => "postgres",
            Self::Files { format, .. } => match format {
                FileFormat::Parquet => "parquet",
                FileFormat::Jsonl => "jsonl",
                FileFormat::Csv => "csv",
                FileFormat::Raw => "raw",
            },
        }
    }
}

/// What the files of a table hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FileFormat {
    /// Typed columns, compressed.
    Parquet,
    /// One JSON object per line.
    Jsonl,
    /// Comma-separated values with a line of names.
    Csv,
    /// Each response body as it came.
    Raw,
}

/// When pages become durable in files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FileCommit {
    /// Each page on its own, in a file of its own.
    Page,
    /// The pages of one second, or 64 MB of them.
    #[default]
    Group,
}

/// When pages become durable in tables of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TableCommit {
    /// Each page on its own, in one transaction.
    #[default]
    Page,
}

/// What is moved, where to, and how.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pipeline {
    /// What is read.
    pub(crate) source: PipelineSource,
    /// Where it goes.
    pub(crate) destination: PipelineDestination,
    /// How old and new records come together; `full_load` unless given.
    #[serde(default)]
    pub(crate) sync: Sync,
    /// What becomes of rows before they are kept.
    #[serde(default)]
    pub(crate) schema: SchemaSettings,
    /// Keeps the pages as they came.
    pub(crate) raw: Option<RawSettings>,
    /// What is expected of each run.
    #[serde(default)]
    pub(crate) expect: Expect,
    /// When it runs, under a scheduler; `run` ignores it.
    pub(crate) schedule: Option<Schedule>,
}

/// What a pipeline reads.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PipelineSource {
    /// A connection of this project.
    pub(crate) connection: String,
    /// A stream of its connector.
    pub(crate) stream: String,
    /// Parameters of the stream; they win over those of the connection.
    #[serde(default)]
    pub(crate) params: BTreeMap<String, Value>,
    /// Requests that may be on their way at the same time: for the slices of the stream, and for
    /// its pages where their place does not depend on the page before (OFFSET, PAGE, RANGE). 1
    /// unless given. Memory grows with it.
    #[schemars(range(min = 1, max = 64))]
    pub(crate) concurrency: Option<u16>,
}

/// Where a pipeline writes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PipelineDestination {
    /// A destination of this project.
    pub(crate) name: String,
    /// The table.
    pub(crate) table: String,
    /// Schema of the raw table; `public` unless given.
    pub(crate) schema: Option<String>,
    /// Schema of the table with the latest versions; `staged` unless given.
    pub(crate) staged_schema: Option<String>,
    /// Name of the table with the latest versions; that of `table` unless given.
    pub(crate) staged_table: Option<String>,
}

impl PipelineDestination {
    /// The schema of tables with the latest versions.
    const STAGED: &str = "staged";

    /// The table that is filled.
    pub(crate) fn table(&self) -> TableRef {
        let schema = self.schema.as_deref().unwrap_or(TableRef::PUBLIC);
        TableRef {
            schema: schema.to_owned(),
            name: self.table.clone(),
        }
    }

    /// The table with the latest versions.
    pub(crate) fn staged(&self) -> TableRef {
        let schema = self.staged_schema.as_deref().unwrap_or(Self::STAGED);
        TableRef {
            schema: schema.to_owned(),
            name: self.staged_table.as_ref().unwrap_or(&self.table).clone(),
        }
    }
}
