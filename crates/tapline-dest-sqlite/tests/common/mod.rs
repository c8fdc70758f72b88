//! A folder with one database, read back as the conformance suite wants it.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::{DataType, Schema};
use async_trait::async_trait;
use tapline_conformance::destination::{Subject, TextRows};
use tapline_core::{Cell, Destination, Result, TableRef};
use tapline_dest_sqlite::{SqliteDestination, query};
use tempfile::TempDir;

pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("warehouse.db")
    }

    /// The rows of `table` in the order they were written, as stored.
    pub(crate) fn cells(&self, table: &TableRef, columns: &[&str]) -> Result<Vec<Vec<Cell>>> {
        let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let columns: Vec<String> = columns.iter().map(|name| quote(name)).collect();
        let columns = columns.join(", ");
        let table = match table.schema.as_str() {
            "public" => quote(&table.name),
            schema => quote(&format!("{schema}__{}", table.name)),
        };
        let sql = format!("SELECT {columns} FROM {table} ORDER BY rowid");
        Ok(query(&self.path(), &sql, usize::MAX)?.rows)
    }
}

#[async_trait]
impl Subject for Place {
    fn open(&self) -> Result<Arc<dyn Destination>> {
        Ok(Arc::new(SqliteDestination::open(self.path())?))
    }

    async fn rows(&self, table: &TableRef, schema: &Schema) -> Result<Option<TextRows>> {
        let fields = schema.fields();
        let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
        let rows = match self.cells(table, &names) {
            Err(error) if error.to_string().contains("no such table") => return Ok(None),
            rows => rows?,
        };
        let row = |row: Vec<Cell>| {
            let cells = row.into_iter().zip(fields);
            cells
                .map(|(cell, field)| text(cell, field.data_type()))
                .collect()
        };
        Ok(Some(rows.into_iter().map(row).collect()))
    }
}

pub(crate) fn text(cell: Cell, data_type: &DataType) -> Option<String> {
    match cell {
        Cell::Null => None,
        Cell::Boolean(value) => Some(value.to_string()),
        Cell::Integer(value) if *data_type == DataType::Boolean => Some((value == 1).to_string()),
        Cell::Integer(value) => Some(value.to_string()),
        Cell::Real(value) => Some(value.to_string()),
        Cell::Text(text) => Some(text),
        Cell::Blob(bytes) => Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}
