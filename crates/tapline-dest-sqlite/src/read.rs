//! Reading for people: one `SELECT` on a connection that can do nothing else.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use tapline_core::{Cell, Error, ErrorKind, QueryResult, Result};

/// How long a reader waits; in WAL mode only recovery after a crash makes it.
const BUSY: Duration = Duration::from_secs(10);
/// Pragmas that only tell.
const PRAGMAS: [&str; 5] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
];

/// Runs one statement that reads. It blocks: call it on a thread that may.
///
/// The file is opened read-only, and an authorizer refuses everything but reading: no `ATTACH`,
/// no `PRAGMA` that sets something, no extension.
///
/// # Errors
/// The file is missing, or the statement is wrong or would do more than read.
pub fn query(path: &Path, sql: &str, limit: usize) -> Result<QueryResult> {
    let connection = open(path)
        .map_err(|error| failed(ErrorKind::Destination, &error).with("path", path.display()))?;
    run(&connection, sql, limit).map_err(|error| explain(&connection, &error))
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.authorizer(Some(authorize))?;
    Ok(connection)
}

fn run(connection: &Connection, sql: &str, limit: usize) -> rusqlite::Result<QueryResult> {
    let mut statement = connection.prepare(sql)?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let width = columns.len();
    let mut rows = Vec::new();
    let mut cursor = statement.query([])?;
    let mut truncated = false;
    while let Some(row) = cursor.next()? {
        truncated = rows.len() == limit;
        if truncated {
            break;
        }
        rows.push(cells(row, width)?);
    }
    Ok(QueryResult {
        columns,
        rows,
        truncated,
    })
}

fn cells(row: &Row<'_>, width: usize) -> rusqlite::Result<Vec<Cell>> {
    (0..width)
        .map(|index| row.get_ref(index).map(cell))
        .collect()
}

/// Bytes that are not UTF-8, in a text, are shown as U+FFFD.
fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(value) => Cell::Integer(value),
        ValueRef::Real(value) => Cell::Real(value),
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
    }
}

fn authorize(context: AuthContext<'_>) -> Authorization {
    let allowed = match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => {
            !function_name.eq_ignore_ascii_case("load_extension")
        }
        AuthAction::Pragma { pragma_name, .. } => PRAGMAS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(pragma_name)),
        _ => false,
    };
    if allowed {
        Authorization::Allow
    } else {
        Authorization::Deny
    }
}

/// Adds what helps: the names of the tables if one was not found.
fn explain(connection: &Connection, error: &rusqlite::Error) -> Error {
    let text = error.to_string();
    if text.contains("not authorized") || text.contains("prohibited") {
        return failed(
            ErrorKind::Usage,
            &format!("{text}; only reading is allowed"),
        );
    }
    match tables(connection) {
        Ok(tables) if text.contains("no such table") => {
            let known = tables.join(", ");
            failed(ErrorKind::Usage, &format!("{text} (known: {known})"))
        }
        _ => failed(ErrorKind::Usage, &text),
    }
}

fn failed(kind: ErrorKind, message: &dyn fmt::Display) -> Error {
    Error::new(kind, "query", message.to_string())
}

fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT name FROM sqlite_schema
         WHERE type IN ('table', 'view') AND name NOT GLOB '_tapline_gen_*'
         AND name NOT GLOB 'sqlite_*' ORDER BY name",
    )?;
    statement.query_map([], |row| row.get(0))?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.db");
        let connection = crate::connection::open(&path).unwrap();
        let sql = "CREATE TABLE members (id INTEGER, name TEXT);
                   INSERT INTO members VALUES (1, 'a'), (2, NULL), (3, x'00ff');";
        connection.execute_batch(sql).unwrap();
        (folder, path)
    }

    #[test]
    fn values_keep_their_types_and_the_limit_shows() {
        let (_folder, path) = sample();
        let result = query(&path, "SELECT id, name FROM members ORDER BY id", 2).unwrap();
        assert_eq!(result.columns, ["id", "name"]);
        assert_eq!(result.rows[0], [Cell::Integer(1), Cell::Text("a".into())]);
        assert_eq!(result.rows[1], [Cell::Integer(2), Cell::Null]);
        assert!(result.truncated);
        let all = query(&path, "SELECT name FROM members WHERE id = 3", 9).unwrap();
        assert_eq!(all.rows, [[Cell::Blob(vec![0, 255])]]);
        assert!(!all.truncated);
    }

    #[test]
    fn nothing_but_reading_is_possible() {
        let (folder, path) = sample();
        let attach = format!("ATTACH '{}' AS x", folder.path().join("x.db").display());
        for sql in [
            attach.as_str(),
            "INSERT INTO members VALUES (4, 'd')",
            "DELETE FROM members",
            "DROP TABLE members",
            "CREATE TEMP TABLE t (a)",
            "CREATE TABLE t (a)",
            "BEGIN",
            "PRAGMA writable_schema = 1",
            "PRAGMA journal_mode = DELETE",
            "SELECT load_extension('x')",
            "VACUUM INTO 'copy.db'",
            "SELECT 1; DROP TABLE members",
        ] {
            let error = query(&path, sql, 1).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{sql}: {error}");
        }
        assert!(!folder.path().join("x.db").exists());
        assert_eq!(
            query(&path, "SELECT 1 FROM members", 9).unwrap().rows.len(),
            3
        );
        for sql in [
            "PRAGMA table_info(members)",
            "SELECT * FROM pragma_table_list",
        ] {
            query(&path, sql, 9).unwrap();
        }
    }

    #[test]
    fn a_missing_table_names_the_known_ones() {
        let (_folder, path) = sample();
        let error = query(&path, "SELECT * FROM member", 1).unwrap_err();
        assert!(error.to_string().contains("(known: members)"), "{error}");
    }
}
