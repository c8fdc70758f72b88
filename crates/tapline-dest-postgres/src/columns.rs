//! The columns of a table: read from the server, fitted to a schema without changing a value.

use std::collections::HashSet;

use arrow_schema::{DataType, Field, Schema};
use tapline_core::SchemaChange;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::failure::{Failure, Result};
use crate::kind::Kind;
use crate::name::{Table, column_name, quote};

/// What a table of PostgreSQL has at most.
const MAX_COLUMNS: usize = 1600;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// As the server says it; not always ours, if the table was there before.
    pub(crate) declared: String,
}

/// A column as a schema asks for it.
pub(crate) struct Wanted {
    /// The field's own name.
    pub(crate) field: String,
    /// Name of the column in the table.
    pub(crate) column: String,
    /// `None` if it brings only nulls.
    pub(crate) kind: Option<Kind>,
}

impl Column {
    /// What the column holds.
    pub(crate) fn kind(&self) -> Result<Kind> {
        Kind::parse(&self.declared).ok_or_else(|| {
            Failure::Refused(format!(
                "column {:?} is declared {}, which tapline does not write and which may convert \
                 values; load into another table",
                self.name, self.declared
            ))
        })
    }
}

/// The columns of `table`; none if there is no such table.
pub(crate) async fn read(client: &Client, table: &Table) -> Result<Vec<Column>> {
    let sql = "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute
         WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
    let rows = client
        .query_typed(sql, &[(&table.quoted(), Type::TEXT)])
        .await?;
    let columns = rows.iter().map(|row| {
        Ok(Column {
            name: row.try_get(0)?,
            declared: row.try_get(1)?,
        })
    });
    columns.collect()
}

/// Under which name, and as what, each field of `schema` goes into a table.
pub(crate) fn assign(schema: &Schema) -> Result<Vec<Wanted>> {
    let mut claimed = HashSet::new();
    let mut place = |field: &Field| {
        let column = column_name(field.name());
        if !claimed.insert(column.clone()) {
            let name = field.name();
            return Err(Failure::Refused(format!("two columns are named {name:?}")));
        }
        Ok(Wanted {
            field: field.name().clone(),
            column,
            kind: Kind::of(field)?,
        })
    };
    let fields = schema.fields().iter();
    fields.map(|field| place(field)).collect()
}

/// Where the fields of `schema` would go in `table`, and what that column takes. One that tapline did
/// not declare is said to take anything: what becomes of it, [`fit`] says.
pub(crate) async fn find(
    client: &Client,
    table: &Table,
    schema: &Schema,
) -> Result<Vec<Option<Field>>> {
    let columns = read(client, table).await?;
    let wanted = assign(schema)?.into_iter();
    let found = wanted.map(|wanted| {
        let column = columns.iter().find(|column| column.name == wanted.column)?;
        let kind = Kind::parse(&column.declared);
        let any = || Field::new(&column.name, DataType::Null, true);
        Some(kind.map_or_else(any, |kind| kind.field(&column.name)))
    });
    Ok(found.collect())
}

/// Creates `table`, or adds what it lacks for `schema` and widens what is too narrow.
pub(crate) async fn fit(
    client: &Client,
    table: &Table,
    schema: &Schema,
) -> Result<(Vec<Column>, SchemaChange)> {
    fit_to(client, table, assign(schema)?).await
}

/// The same for columns that are known already.
pub(crate) async fn fit_to(
    client: &Client,
    table: &Table,
    wanted: Vec<Wanted>,
) -> Result<(Vec<Column>, SchemaChange)> {
    let before = read(client, table).await?;
    let empty = undecided(client, table, &before, &wanted).await?;
    let mut after = before.clone();
    let mut change = SchemaChange::default();
    let mut actions = Vec::new();
    for wanted in wanted {
        match after.iter_mut().find(|column| column.name == wanted.column) {
            Some(column) => {
                let is_empty = empty.contains(&column.name);
                if let Some(action) = widen(column, &wanted, is_empty)? {
                    actions.push(action);
                    change.widened.push(wanted.field);
                }
            }
            None => {
                let kind = wanted.kind.unwrap_or(Kind::Text);
                actions.push(format!(
                    "ADD COLUMN {} {}",
                    quote(&wanted.column),
                    kind.sql()
                ));
                change.added.push(wanted.field);
                after.push(Column {
                    name: wanted.column,
                    declared: kind.sql().to_owned(),
                });
            }
        }
    }
    check_count(table, after.len())?;
    if before.is_empty() {
        create(client, table, &after).await?;
    } else if !actions.is_empty() {
        let sql = format!("ALTER TABLE {} {}", table.quoted(), actions.join(", "));
        client.batch_execute(&sql).await?;
    }
    Ok((after, change))
}

/// Of the text columns of which `wanted` wants something else, those without any value: a column
/// that has seen nothing but nulls has no kind yet, and is declared as text.
async fn undecided(
    client: &Client,
    table: &Table,
    columns: &[Column],
    wanted: &[Wanted],
) -> Result<HashSet<String>> {
    let asked = wanted
        .iter()
        .filter(|wanted| !matches!(wanted.kind, None | Some(Kind::Text)))
        .filter_map(|wanted| columns.iter().find(|column| column.name == wanted.column))
        .filter(|column| column.declared == Kind::Text.sql());
    let asked = asked.map(|column| column.name.as_str()).collect();
    let found = empty(client, table, asked).await?;
    if found.is_empty() {
        return Ok(found);
    }
    // Nobody may add a value between the look and the change.
    let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", table.quoted());
    client.batch_execute(&lock).await?;
    let found = found.iter().map(String::as_str).collect();
    empty(client, table, found).await
}

/// Those of `columns` that hold nothing but nulls.
pub(crate) async fn empty(
    client: &Client,
    table: &Table,
    columns: Vec<&str>,
) -> Result<HashSet<String>> {
    if columns.is_empty() {
        return Ok(HashSet::new());
    }
    let table = table.quoted();
    let any = |name: &&str| {
        let name = quote(name);
        format!("EXISTS (SELECT FROM {table} WHERE {name} IS NOT NULL)")
    };
    let any: Vec<String> = columns.iter().map(any).collect();
    let sql = format!("SELECT ARRAY[{}]", any.join(", "));
    let found: Vec<bool> = client.query_typed_one(&sql, &[]).await?.try_get(0)?;
    let empty = columns.into_iter().zip(found).filter(|(_, any)| !any);
    Ok(empty.map(|(name, _)| name.to_owned()).collect())
}

/// What has to be done for `column` to hold `wanted`; it is changed accordingly.
fn widen(column: &mut Column, wanted: &Wanted, is_empty: bool) -> Result<Option<String>> {
    let Some(kind) = wanted.kind else {
        return Ok(None);
    };
    let held = column.kind()?;
    let joined = if is_empty { kind } else { held.join(kind) };
    if joined == held {
        return Ok(None);
    }
    let (name, sql) = (quote(&column.name), joined.sql());
    let value = match is_empty {
        true => format!("NULL::{sql}"),
        false => held.converted(&name, joined),
    };
    column.declared = sql.to_owned();
    Ok(Some(format!(
        "ALTER COLUMN {name} TYPE {sql} USING {value}"
    )))
}

fn check_count(table: &Table, count: usize) -> Result<()> {
    let name = &table.name;
    match count {
        0 => Err(Failure::Refused(format!("table {name:?} has no columns"))),
        1..=MAX_COLUMNS => Ok(()),
        _ => Err(Failure::Refused(format!(
            "table {name:?} would have {count} columns; postgres holds {MAX_COLUMNS}"
        ))),
    }
}

async fn create(client: &Client, table: &Table, columns: &[Column]) -> Result<()> {
    let ddl = |column: &Column| format!("{} {}", quote(&column.name), column.declared);
    let list: Vec<String> = columns.iter().map(ddl).collect();
    let sql = format!("CREATE TABLE {} ({})", table.quoted(), list.join(", "));
    Ok(client.batch_execute(&sql).await?)
}
