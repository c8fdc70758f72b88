//! The columns of a table: read from the file, fitted to a schema, never converted.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_schema::{Field, Schema};
use rusqlite::Connection;
use tapline_core::SchemaChange;

use crate::declared::Declared;
use crate::failure::{Failure, Result};
use crate::name::{Names, quote};

/// What SQLite is built with.
const MAX_COLUMNS: usize = 2000;
/// SQLite's own names for the key of a row: `CREATE TABLE` may take them, `ADD COLUMN` may not.
pub(crate) const ROWID: [&str; 3] = ["rowid", "oid", "_rowid_"];
/// Where a table is copied to while its types change; gone when the transaction ends.
const REBUILD: &str = "_tapline_rebuild";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// As in `CREATE TABLE`; not always ours, if the table was there before.
    pub(crate) declared: String,
}

/// A column as a schema asks for it.
pub(crate) struct Wanted {
    /// Name of the column in the table.
    pub(crate) column: String,
    /// `None` if it brings only nulls.
    pub(crate) declared: Option<Declared>,
}

/// The columns of `table`; none if there is no such table.
pub(crate) fn read(connection: &Connection, table: &str) -> Result<Vec<Column>> {
    let mut statement = connection.prepare("SELECT name, type FROM pragma_table_info(?1)")?;
    let columns = statement.query_map([table], |row| {
        Ok(Column {
            name: row.get(0)?,
            declared: row.get(1)?,
        })
    })?;
    Ok(columns.collect::<rusqlite::Result<_>>()?)
}

/// Under which name, and as what, each field of `schema` goes into a table with `columns`.
pub(crate) fn assign(columns: &[Column], schema: &Schema) -> Result<Vec<Wanted>> {
    let mut names: Names = columns.iter().map(|column| column.name.as_str()).collect();
    let mut claimed = HashSet::new();
    let place = |field: &Arc<Field>| {
        let column = names.place(field.name());
        if !claimed.insert(column.clone()) {
            let name = field.name();
            return Err(Failure::Refused(format!("two columns are named {name:?}")));
        }
        let declared = Declared::of(field)?;
        Ok(Wanted { column, declared })
    };
    schema.fields().iter().map(place).collect()
}

/// Where the fields of `schema` would go in `table`, and what that column takes. One that tapline did
/// not declare is said to take anything: what becomes of it, [`fit`] says.
pub(crate) fn find(
    connection: &Connection,
    table: &str,
    schema: &Schema,
) -> Result<Vec<Option<Field>>> {
    let columns = read(connection, table)?;
    let wanted = assign(&columns, schema)?.into_iter();
    let found = wanted.map(|wanted| {
        let column = columns.iter().find(|column| column.name == wanted.column)?;
        let declared = Declared::parse(&column.declared).unwrap_or(Declared::Any);
        Some(declared.field(&column.name))
    });
    Ok(found.collect())
}

/// Creates `table`, or adds what it lacks for `schema` and widens what is too narrow.
pub(crate) fn fit(
    connection: &Connection,
    table: &str,
    schema: &Schema,
) -> Result<(Vec<Column>, SchemaChange)> {
    let before = read(connection, table)?;
    let mut after = before.clone();
    let mut change = SchemaChange::default();
    for (field, wanted) in schema.fields().iter().zip(assign(&before, schema)?) {
        match after.iter_mut().find(|column| column.name == wanted.column) {
            Some(column) => {
                if widen(column, &wanted)? {
                    change.widened.push(field.name().clone());
                }
            }
            None => {
                change.added.push(field.name().clone());
                after.push(Column {
                    name: wanted.column,
                    declared: wanted.declared.unwrap_or(Declared::Any).sql().to_owned(),
                });
            }
        }
    }
    check_count(table, after.len())?;
    apply(connection, table, &before, &after, &change)?;
    Ok((after, change))
}

/// Creates `table` with `columns`, or gives it those that it lacks and the types that they have.
pub(crate) fn mirror(connection: &Connection, table: &str, columns: &[Column]) -> Result<()> {
    let before = read(connection, table)?;
    let mut after = before.clone();
    let mut change = SchemaChange::default();
    for wanted in columns {
        match after.iter_mut().find(|column| column.name == wanted.name) {
            Some(column) if column.declared == wanted.declared => {}
            Some(column) => {
                change.widened.push(column.name.clone());
                column.declared.clone_from(&wanted.declared);
            }
            None => after.push(wanted.clone()),
        }
    }
    apply(connection, table, &before, &after, &change)
}

/// Adds those of `columns` to `table` that it lacks.
pub(crate) fn add(
    connection: &Connection,
    table: &str,
    mut present: Vec<Column>,
    columns: Vec<Column>,
) -> Result<Vec<Column>> {
    for column in columns {
        if !present.contains(&column) {
            let table = quote(table);
            connection
                .execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {}", ddl(&column)))?;
            present.push(column);
        }
    }
    Ok(present)
}

/// Whether the type of `column` had to change for `wanted`.
fn widen(column: &mut Column, wanted: &Wanted) -> Result<bool> {
    let Some(declared) = wanted.declared else {
        return Ok(false);
    };
    let joined = held(column)?.join(declared).sql();
    let changed = column.declared != joined;
    column.declared = joined.to_owned();
    Ok(changed)
}

/// Whether the affinity of `column` leaves the values of `wanted` alone.
pub(crate) fn holds(column: &Column, wanted: Declared) -> Result<bool> {
    let held = held(column)?;
    Ok(held.join(wanted) == held)
}

fn held(column: &Column) -> Result<Declared> {
    Declared::parse(&column.declared).ok_or_else(|| {
        Failure::Refused(format!(
            "column {:?} is declared {}, which tapline does not write and which may convert \
             values; load into another table",
            column.name, column.declared
        ))
    })
}

fn check_count(table: &str, count: usize) -> Result<()> {
    match count {
        0 => Err(Failure::Refused(format!("table {table:?} has no columns"))),
        1..=MAX_COLUMNS => Ok(()),
        _ => Err(Failure::Refused(format!(
            "table {table:?} would have {count} columns; sqlite holds {MAX_COLUMNS}"
        ))),
    }
}

fn apply(
    connection: &Connection,
    table: &str,
    before: &[Column],
    after: &[Column],
    change: &SchemaChange,
) -> Result<()> {
    if before.is_empty() {
        return create(connection, table, after);
    }
    let added = &after[before.len()..];
    let hides_rowid = |column: &Column| ROWID.contains(&column.name.to_ascii_lowercase().as_str());
    if !change.widened.is_empty() || added.iter().any(hides_rowid) {
        return rebuild(connection, table, before, after);
    }
    for column in added {
        let table = quote(table);
        connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {}", ddl(column)))?;
    }
    Ok(())
}

fn create(connection: &Connection, table: &str, columns: &[Column]) -> Result<()> {
    let list: Vec<String> = columns.iter().map(ddl).collect();
    let sql = format!("CREATE TABLE {} ({})", quote(table), list.join(", "));
    Ok(connection.execute_batch(&sql)?)
}

fn ddl(column: &Column) -> String {
    format!("{} {}", quote(&column.name), column.declared)
        .trim_end()
        .to_owned()
}

/// SQLite cannot change the type of a column, so the rows are copied, each value as it is stored.
fn rebuild(
    connection: &Connection,
    table: &str,
    before: &[Column],
    after: &[Column],
) -> Result<()> {
    create(connection, REBUILD, after)?;
    // The rows keep their order: it tells the later version of a record from the earlier one.
    let order = rowid(before).unwrap_or("1");
    let names: Vec<String> = before.iter().map(|column| quote(&column.name)).collect();
    let names = names.join(", ");
    connection.execute_batch(&format!(
        "INSERT INTO {REBUILD} ({names}) SELECT {names} FROM {} ORDER BY {order}",
        quote(table)
    ))?;
    replace(connection, REBUILD, table)
}

/// What SQLite calls the number of a row in a table with `columns`; `None` if they have all of its
/// names for that.
pub(crate) fn rowid(columns: &[Column]) -> Option<&'static str> {
    let is_free = |name: &&str| !columns.iter().any(|c| c.name.eq_ignore_ascii_case(name));
    ROWID.into_iter().find(is_free)
}

/// Puts the table `new` in the place of `old`, which need not exist. Indexes and triggers that
/// somebody made on the old table are made again on the new one, where it still has the columns.
pub(crate) fn replace(connection: &Connection, new: &str, old: &str) -> Result<()> {
    let extras = extras(connection, old)?;
    let (new, old) = (quote(new), quote(old));
    connection.execute_batch(&format!(
        "DROP TABLE IF EXISTS {old}; ALTER TABLE {new} RENAME TO {old};"
    ))?;
    for sql in extras {
        if let Err(error) = connection.execute_batch(&sql) {
            tracing::warn!(%sql, %error, "an index or trigger of the replaced table was not made again");
        }
    }
    Ok(())
}

fn extras(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT sql FROM sqlite_schema
         WHERE tbl_name = ?1 AND type IN ('index', 'trigger') AND sql IS NOT NULL",
    )?;
    let extras = statement.query_map([table], |row| row.get(0))?;
    Ok(extras.collect::<rusqlite::Result<_>>()?)
}
