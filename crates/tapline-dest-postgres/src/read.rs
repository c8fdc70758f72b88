//! Reading for people: one statement that selects, in a session that can do nothing else.
//!
//! The statement becomes that of a cursor, which the server takes only if it selects and changes
//! nothing; the transaction is read-only besides. The cursor gives no more rows than are shown.

use tapline_core::{Cell, Error, ErrorKind, QueryResult, Result, Secret};
use tapline_postgres::{Address, Mode, open, words};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use crate::server::parse;

/// Who asks waits for the answer, but not for ever.
const SETTINGS: [(&str, &str); 2] = [("lock_timeout", "10s"), ("statement_timeout", "5min")];
const OPERATION: &str = "query";

/// Runs one statement that selects, on the database at `address`.
///
/// # Errors
/// The server cannot be reached, or the statement is wrong or would do more than select.
pub async fn query(address: &Secret, sql: &str, limit: usize) -> Result<QueryResult> {
    let address = parse(address).map_err(|failure| failure.at(OPERATION))?;
    let opened = open(&address, Mode::ReadOnly, &SETTINGS).await;
    let unreached = |error: &dyn std::fmt::Display| {
        let error = Error::new(ErrorKind::Destination, OPERATION, error.to_string());
        error.with("destination", &address)
    };
    let (client, _) = opened.map_err(|failure| unreached(&failure))?;
    match run(&client, sql, limit).await {
        Ok(result) => Ok(result),
        Err(error) if error.as_db_error().is_none() => Err(unreached(&words(&error))),
        Err(error) => Err(explain(&client, &address, &error).await),
    }
}

async fn run(
    client: &Client,
    sql: &str,
    limit: usize,
) -> Result<QueryResult, tokio_postgres::Error> {
    client.batch_execute("BEGIN READ ONLY").await?;
    let sql = sql.trim().trim_end_matches(';');
    // One statement only, as this form takes no more.
    let cursor = format!("DECLARE shown NO SCROLL CURSOR FOR {sql}");
    client.execute_typed(&cursor, &[]).await?;
    let fetch = format!("FETCH {} FROM shown", limit.saturating_add(1));
    let columns = client.prepare(&fetch).await?;
    let columns = columns.columns();
    let types: Vec<Type> = columns.iter().map(|it| it.type_().clone()).collect();
    let mut rows = Vec::new();
    for message in client.simple_query(&fetch).await? {
        if let SimpleQueryMessage::Row(row) = message {
            rows.push(cells(&row, &types)?);
        }
    }
    let truncated = rows.len() > limit;
    rows.truncate(limit);
    Ok(QueryResult {
        columns: columns.iter().map(|it| it.name().to_owned()).collect(),
        rows,
        truncated,
    })
}

fn cells(row: &SimpleQueryRow, types: &[Type]) -> Result<Vec<Cell>, tokio_postgres::Error> {
    let cells = types.iter().enumerate();
    let cells = cells.map(|(index, kind)| {
        let text = row.try_get(index)?;
        Ok(text.map_or(Cell::Null, |text| cell(text, kind)))
    });
    cells.collect()
}

/// The value that the server writes as `text`.
fn cell(text: &str, kind: &Type) -> Cell {
    let found = match *kind {
        Type::BOOL => Some(Cell::Boolean(text == "t")),
        Type::INT2 | Type::INT4 | Type::INT8 => text.parse().ok().map(Cell::Integer),
        Type::FLOAT4 | Type::FLOAT8 => text.parse().ok().map(Cell::Real),
        Type::NUMERIC => numeric(text),
        Type::BYTEA => bytes(text).map(Cell::Blob),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => Some(Cell::Text(instant(text))),
        _ => None,
    };
    found.unwrap_or_else(|| Cell::Text(text.to_owned()))
}

/// A number, if one of its types holds it as it is.
fn numeric(text: &str) -> Option<Cell> {
    if let Ok(integer) = text.parse() {
        return Some(Cell::Integer(integer));
    }
    let real: f64 = text.parse().ok()?;
    (real.to_string() == text).then_some(Cell::Real(real))
}

/// The bytes of `\x00ff`.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(byte).collect()
}

/// `2026-01-02T03:04:05.000006Z`, as all destinations write it, of `2026-01-02 03:04:05.000006+00`.
/// The session's zone is UTC.
fn instant(text: &str) -> String {
    let Some((day, time)) = text.split_once(' ').filter(|_| !text.ends_with("BC")) else {
        return text.to_owned();
    };
    let (time, zone) = match time.strip_suffix("+00") {
        Some(time) => (time, "Z"),
        None => (time, ""),
    };
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    format!("{day}T{seconds}.{fraction:0<6}{zone}")
}

/// Adds what helps: the names of the tables if one was not found.
async fn explain(client: &Client, address: &Address, error: &tokio_postgres::Error) -> Error {
    let mut text = words(error);
    let code = error.code();
    if code == Some(&SqlState::SYNTAX_ERROR) {
        text.push_str("; only one statement is taken, and only one that selects");
    }
    if code == Some(&SqlState::UNDEFINED_TABLE) {
        // The transaction has failed; its end is not waited for.
        let _ = client.batch_execute("ROLLBACK").await;
        if let Ok(tables) = tables(client, &address.schema).await {
            text.push_str(&format!(" (known: {})", tables.join(", ")));
        }
    }
    Error::new(ErrorKind::Usage, OPERATION, text)
}

/// The tables and views, each as it is written in a statement.
async fn tables(client: &Client, schema: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    let sql = r"SELECT format(CASE nspname WHEN $1 THEN '%2$I' ELSE '%I.%I' END, nspname, relname)
         FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
         WHERE relkind IN ('r', 'p', 'v', 'm') AND relname NOT LIKE '\_tapline\_gen\_%'
         AND nspname NOT IN ('information_schema', 'pg_catalog', 'pg_toast') ORDER BY 1";
    let rows = client.query_typed(sql, &[(&schema, Type::TEXT)]).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_server_become_what_all_destinations_show() {
        let text = |text: &str| Cell::Text(text.to_owned());
        for (written, kind, expected) in [
            ("t", Type::BOOL, Cell::Boolean(true)),
            ("-7", Type::INT8, Cell::Integer(-7)),
            ("1.5", Type::FLOAT8, Cell::Real(1.5)),
            ("7", Type::NUMERIC, Cell::Integer(7)),
            ("1.5", Type::NUMERIC, Cell::Real(1.5)),
            ("1.50", Type::NUMERIC, text("1.50")),
            (
                "12345678901234567890123",
                Type::NUMERIC,
                text("12345678901234567890123"),
            ),
            ("\\x00ff", Type::BYTEA, Cell::Blob(vec![0, 255])),
            ("{\"a\": 1}", Type::JSONB, text("{\"a\": 1}")),
            (
                "2026-01-02 03:04:05+00",
                Type::TIMESTAMPTZ,
                text("2026-01-02T03:04:05.000000Z"),
            ),
            (
                "2026-01-02 03:04:05.000006",
                Type::TIMESTAMP,
                text("2026-01-02T03:04:05.000006"),
            ),
            (
                "0044-03-15 12:00:00+00 BC",
                Type::TIMESTAMPTZ,
                text("0044-03-15 12:00:00+00 BC"),
            ),
            ("2026-01-02", Type::DATE, text("2026-01-02")),
        ] {
            assert_eq!(cell(written, &kind), expected, "{written} {kind}");
        }
    }
}
