//! `tapline sql`: one statement that reads, as a table or as JSON.

use serde_json::{Map, Value, json};
use tapline_core::{Cell as SqlCell, Error, ErrorKind, QueryResult};

use crate::app::App;
use crate::cli::SqlArgs;
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::output::Table;
use crate::output::numbers::plural;
use crate::output::table::Cell;
use crate::output::text::list;
use crate::project::{Place, Project};

/// Bytes of a blob that are shown.
const BLOB: usize = 16;

/// Queries a destination.
///
/// # Errors
/// There is no such destination, or the statement is wrong or would do more than read.
pub(crate) async fn sql(app: &App, args: &SqlArgs) -> Result<Exit> {
    let project = app.project()?;
    let name = match &args.destination {
        Some(name) => name,
        None => only_destination(&project)?,
    };
    let result = ask(app, &project, name, &args.query, args.limit).await?;
    show(app, &result, args.limit)
}

/// Asks the destination called `name` for `limit` rows at most.
///
/// # Errors
/// It cannot be asked, or the statement is wrong or would do more than read.
pub(crate) async fn ask(
    app: &App,
    project: &Project,
    name: &str,
    sql: &str,
    limit: usize,
) -> Result<QueryResult> {
    if sql.trim().is_empty() {
        let hint = "give it in quotes, as in `tapline sql 'SELECT 1'`";
        return Err(Failure::usage("there is no statement to run", hint));
    }
    match project.place(name)? {
        Place::Database(path) if path.is_file() => {
            let result = tapline_dest_sqlite::query(&path, sql, limit);
            Ok(result.map_err(|error| error.with("path", path.display()))?)
        }
        Place::Database(path) => {
            let path = path.display();
            let message = format!("the destination `{name}` has no database yet: {path}");
            Err(Failure::usage(message, "`tapline run` makes it"))
        }
        Place::Server(address) => tokio::select! {
            result = tapline_dest_postgres::query(&address, sql, limit) => Ok(result?),
            () = app.cancel.cancelled() => {
                Err(Error::new(ErrorKind::Stopped, "query", "asked to stop").into())
            }
        },
        Place::Folder { path, .. } => Err(Failure::usage(
            format!("the destination `{name}` is a folder of files, which holds no database"),
            format!(
                "the newest file in `{}` names a table's files, for a program that reads them",
                path.join("SCHEMA/TABLE/_manifest").display()
            ),
        )),
    }
}

/// Shows what was found, of `limit` rows at most.
///
/// # Errors
/// Nobody takes it.
pub(crate) fn show(app: &App, result: &QueryResult, limit: usize) -> Result<Exit> {
    if app.screen.is_json() {
        app.screen.json(&document(result))?;
        return Ok(Exit::COMPLETE);
    }
    app.screen.line(table(result).render(app.screen.width()))?;
    if result.truncated {
        let shown = plural(limit as u64, "row");
        app.screen
            .note(format!("only the first {shown}; `--limit N` shows more"));
    }
    Ok(Exit::COMPLETE)
}

fn only_destination(project: &Project) -> Result<&String> {
    let mut names = project.file().destinations.keys();
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(Failure::usage(
            "say which destination to query",
            format!(
                "`--destination NAME`; known: {}",
                list(project.file().destinations.keys().map(String::as_str))
            ),
        )),
    }
}

fn table(result: &QueryResult) -> Table {
    let mut table = Table::new(&result.columns);
    for row in &result.rows {
        table.row(row.iter().map(cell));
    }
    table
}

fn cell(value: &SqlCell) -> Cell {
    match value {
        SqlCell::Null => Cell::Null,
        SqlCell::Boolean(value) => Cell::Text(value.to_string()),
        SqlCell::Integer(number) => Cell::Number(number.to_string()),
        SqlCell::Real(number) => Cell::Number(number.to_string()),
        SqlCell::Text(text) => Cell::Text(text.clone()),
        SqlCell::Blob(bytes) => Cell::Text(hex(bytes)),
    }
}

fn hex(bytes: &[u8]) -> String {
    let shown: String = bytes
        .iter()
        .take(BLOB)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let more = if bytes.len() > BLOB { "…" } else { "" };
    format!("x'{shown}{more}'")
}

/// `{"columns": [...], "rows": [{...}], "truncated": false}`.
fn document(result: &QueryResult) -> Value {
    let rows: Vec<Value> = result
        .rows
        .iter()
        .map(|row| {
            let names = result.columns.iter().cloned();
            Value::Object(names.zip(row.iter().map(json)).collect::<Map<_, _>>())
        })
        .collect();
    json!({ "columns": result.columns, "rows": rows, "truncated": result.truncated })
}

fn json(value: &SqlCell) -> Value {
    match value {
        SqlCell::Null => Value::Null,
        SqlCell::Boolean(value) => json!(value),
        SqlCell::Integer(number) => json!(number),
        SqlCell::Real(number) => json!(number),
        SqlCell::Text(text) => json!(text),
        SqlCell::Blob(bytes) => {
            json!(
                bytes
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>()
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_has_a_cell_and_a_json_value() {
        let cases = [
            (SqlCell::Null, Cell::Null, Value::Null),
            (
                SqlCell::Boolean(true),
                Cell::Text("true".into()),
                json!(true),
            ),
            (SqlCell::Integer(7), Cell::Number("7".into()), json!(7)),
            (SqlCell::Real(1.5), Cell::Number("1.5".into()), json!(1.5)),
            (
                SqlCell::Text("a".into()),
                Cell::Text("a".into()),
                json!("a"),
            ),
            (
                SqlCell::Blob(vec![0, 255]),
                Cell::Text("x'00ff'".into()),
                json!("00ff"),
            ),
        ];
        for (value, shown, written) in cases {
            assert_eq!(cell(&value), shown);
            assert_eq!(json(&value), written);
        }
        assert!(hex(&[1; 99]).ends_with("01…'"));
    }
}
