//! Rows of a batch into a table, ten at a time.

use std::collections::HashMap;
use std::ops::Range;

use arrow_array::RecordBatch;
use rusqlite::Connection;

use crate::cells::Cells;
use crate::columns::{Column, assign, holds};
use crate::failure::{Failure, Result};
use crate::name::quote;

/// Rows of one statement; more were measured to be no faster.
const ROWS: usize = 10;
/// What SQLite is built with.
const MAX_VARIABLES: usize = 32_766;

/// Adds the rows of `batch`. Columns of the table that the batch lacks become NULL.
pub(crate) fn insert(
    connection: &Connection,
    table: &str,
    columns: &[Column],
    batch: &RecordBatch,
) -> Result<()> {
    if batch.num_rows() == 0 {
        return Ok(());
    }
    let names = names(columns, batch)?;
    let cells: Vec<Cells<'_>> = batch
        .columns()
        .iter()
        .filter_map(|array| Cells::new(array.as_ref()))
        .collect();
    let rows = ROWS.min(MAX_VARIABLES / names.len().max(1));
    let whole = batch.num_rows() - batch.num_rows() % rows;
    insert_rows(
        connection,
        &sql(table, &names, rows),
        &cells,
        0..whole,
        rows,
    )?;
    insert_rows(
        connection,
        &sql(table, &names, 1),
        &cells,
        whole..batch.num_rows(),
        1,
    )
}

/// The columns of `batch` in its order; each must be in the table, and wide enough.
fn names(columns: &[Column], batch: &RecordBatch) -> Result<Vec<String>> {
    let by_name: HashMap<&str, &Column> = columns
        .iter()
        .map(|column| (column.name.as_str(), column))
        .collect();
    let mut names = Vec::with_capacity(batch.num_columns());
    for wanted in assign(columns, batch.schema_ref())? {
        let column = by_name.get(wanted.column.as_str());
        let declared = wanted.declared;
        let ready = match (column, declared) {
            (Some(column), Some(declared)) => holds(column, declared)?,
            (column, _) => column.is_some(),
        };
        if !ready {
            return Err(Failure::NotEvolved {
                column: wanted.column,
                wanted: declared
                    .map_or("null", |declared| declared.sql())
                    .to_owned(),
            });
        }
        names.push(wanted.column);
    }
    Ok(names)
}

fn sql(table: &str, names: &[String], rows: usize) -> String {
    let columns: Vec<String> = names.iter().map(|name| quote(name)).collect();
    let row = format!("({})", vec!["?"; names.len()].join(","));
    format!(
        "INSERT INTO {} ({}) VALUES {}",
        quote(table),
        columns.join(","),
        vec![row.as_str(); rows].join(",")
    )
}

fn insert_rows(
    connection: &Connection,
    sql: &str,
    cells: &[Cells<'_>],
    range: Range<usize>,
    rows: usize,
) -> Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut scratch = String::new();
    for first in range.step_by(rows) {
        let mut parameter = 0;
        for row in first..first + rows {
            for cell in cells {
                parameter += 1;
                cell.bind(row, &mut statement, parameter, &mut scratch)?;
            }
        }
        statement.raw_execute()?;
    }
    Ok(())
}
