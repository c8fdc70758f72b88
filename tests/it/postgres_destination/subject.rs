//! An empty database of a server, read back as the conformance suite wants it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_schema::Schema;
use async_trait::async_trait;
use tapline_conformance::destination::{Subject, TextRows};
use tapline_core::{
    Cell, Commit, CommitKey, Destination, Position, RequestRecord, Result, Secret, SliceProgress,
    TableRef,
};
use tapline_dest_postgres::{PostgresDestination, column_name, query, table_name};
use uuid::Uuid;

use crate::clock::clock;
use crate::postgres::Postgres;

/// A database, made by whoever asks first.
pub(crate) struct Place<'a> {
    pub(crate) server: &'a Postgres,
    pub(crate) database: String,
}

impl<'a> Place<'a> {
    pub(crate) fn new(server: &'a Postgres) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let database = format!("d{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let made = std::thread::scope(|scope| {
            let make = format!("CREATE DATABASE {database}");
            scope.spawn(move || server.select(&make)).join()
        });
        made.unwrap();
        Self { server, database }
    }

    pub(crate) fn address(&self) -> Secret {
        self.server.address(&self.database)
    }

    /// The rows of `table` in the order they were written.
    pub(crate) async fn cells(&self, table: &TableRef, columns: &[&str]) -> Result<Vec<Vec<Cell>>> {
        let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let columns: Vec<String> = columns
            .iter()
            .map(|name| quote(&column_name(name)))
            .collect();
        let table = table_name(table);
        let (schema, name) = table.split_once('.').unwrap();
        let sql = format!(
            "SELECT {} FROM {}.{} ORDER BY ctid",
            columns.join(", "),
            quote(schema),
            quote(name)
        );
        Ok(query(&self.address(), &sql, 1_000_000).await?.rows)
    }

    /// What somebody else sees or does: the first column, as text.
    pub(crate) async fn ask(&self, sql: &str) -> Vec<String> {
        self.server.ask_in(&self.database, sql).await
    }
}

#[async_trait]
impl Subject for Place<'_> {
    fn open(&self) -> Result<Arc<dyn Destination>> {
        let destination = PostgresDestination::open(&self.address(), clock())?;
        Ok(Arc::new(destination))
    }

    async fn rows(&self, table: &TableRef, schema: &Schema) -> Result<Option<TextRows>> {
        let fields = schema.fields();
        let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
        let rows = match self.cells(table, &names).await {
            Err(error) if error.to_string().contains("does not exist") => return Ok(None),
            rows => rows?,
        };
        let row = |row: Vec<Cell>| row.into_iter().map(text).collect();
        Ok(Some(rows.into_iter().map(row).collect()))
    }
}

/// The run `number` of `pipeline`, filling the generation of the same number.
pub(crate) fn key(pipeline: &str, number: u64) -> CommitKey {
    CommitKey {
        pipeline: pipeline.into(),
        run: Uuid::from_u128(number.into()),
        generation: number,
        fence: number,
    }
}

/// The page `seq` of the only slice.
pub(crate) fn commit(seq: u64) -> Commit {
    Commit {
        slice: String::new(),
        seq,
        position: Some(Position::Offset(seq)),
        progress: SliceProgress::default(),
        request: RequestRecord {
            request_id: Uuid::from_u128(77),
            method: "GET".into(),
            url: "http://h/?key=***".into(),
            status: 200,
            bytes: 2,
            attempts: 3,
            waited_ms: 4,
            duration_ms: 5,
            received_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        },
        rejects: Vec::new(),
        settles: Vec::new(),
        raw: None,
    }
}

pub(crate) fn text(cell: Cell) -> Option<String> {
    match cell {
        Cell::Null => None,
        Cell::Boolean(value) => Some(value.to_string()),
        Cell::Integer(value) => Some(value.to_string()),
        Cell::Real(value) => Some(value.to_string()),
        Cell::Text(text) => Some(text),
        Cell::Blob(bytes) => Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}
