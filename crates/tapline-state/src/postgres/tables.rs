//! The statements. Each is one transaction, and sent in one message.

use jiff::Timestamp;
use serde_json::Value;
use tapline_core::{Document, LogEntry};
use tapline_postgres::{given, kept};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use crate::failure::{Failure, Result};

type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

pub(crate) async fn get(client: &Client, namespace: &str, key: &str) -> Result<Option<Document>> {
    let sql = "SELECT version, value FROM documents WHERE namespace = $1 AND key = $2";
    let (namespace, key) = (kept(namespace), kept(key));
    let row = client
        .query_typed_opt(sql, &[text(&namespace), text(&key)])
        .await?;
    row.map(|row| document(&row)).transpose()
}

/// One statement decides and stores, so two runners cannot both win: the second waits for the
/// first, and then finds another version.
pub(crate) async fn put(
    client: &Client,
    namespace: &str,
    key: &str,
    value: &Value,
    expected: Option<u64>,
) -> Result<u64> {
    let (kept_namespace, kept_key, value) = (kept(namespace), kept(key), value.to_string());
    let mut parameters = vec![text(&kept_namespace), text(&kept_key), text(&value)];
    let version = expected.map(signed);
    let sql = match &version {
        None => "INSERT INTO documents VALUES ($1, $2, 1, $3) ON CONFLICT DO NOTHING",
        Some(version) => {
            parameters.push((version, Type::INT8));
            "UPDATE documents SET value = $3, version = version + 1
             WHERE namespace = $1 AND key = $2 AND version = $4"
        }
    };
    if client.execute_typed(sql, &parameters).await? == 1 {
        return Ok(expected.unwrap_or(0) + 1);
    }
    let found = get(client, namespace, key).await?;
    Err(Failure::conflict(
        expected,
        found.map(|document| document.version),
    ))
}

pub(crate) async fn list(
    client: &Client,
    namespace: &str,
    prefix: &str,
) -> Result<Vec<(String, Document)>> {
    let sql = "SELECT version, value, key FROM documents
         WHERE namespace = $1 AND key >= $2 AND left(key, length($2)) = $2 ORDER BY key";
    let (namespace, prefix) = (kept(namespace), kept(prefix));
    let rows = client
        .query_typed(sql, &[text(&namespace), text(&prefix)])
        .await?;
    let found = rows
        .iter()
        .map(|row| Ok((given(row.try_get(2)?), document(row)?)));
    found.collect()
}

/// The end of the log is a row of its own: whoever appends waits for the one before, so numbers
/// have no gaps and rise as the entries become visible.
pub(crate) async fn append(
    client: &Client,
    log: &str,
    at: Timestamp,
    entry: &Value,
) -> Result<u64> {
    let sql = "WITH ended AS (
             INSERT INTO log_ends VALUES ($1, 1)
             ON CONFLICT (log) DO UPDATE SET number = log_ends.number + 1 RETURNING number
         ), gone AS (
             DELETE FROM logs USING ended WHERE logs.log = $1 AND logs.number <= ended.number - $4
         )
         INSERT INTO logs SELECT $1, number, $2, $3 FROM ended RETURNING number";
    let (log, at, entry) = (kept(log), at.to_string(), entry.to_string());
    let newest = signed(LogEntry::KEPT);
    let newest = (&newest as _, Type::INT8);
    let parameters = [text(&log), text(&at), text(&entry), newest];
    let row = client.query_typed_one(sql, &parameters).await?;
    Ok(row.try_get::<_, i64>(0)?.cast_unsigned())
}

pub(crate) async fn tail(client: &Client, log: &str, limit: u32) -> Result<Vec<LogEntry>> {
    let sql = "SELECT number, value, at FROM logs WHERE log = $1 ORDER BY number DESC LIMIT $2";
    let (log, limit) = (kept(log), i64::from(limit));
    let parameters = [text(&log), (&limit as _, Type::INT8)];
    let rows = client.query_typed(sql, &parameters).await?;
    rows.iter().map(entry).collect()
}

/// Notes the new holder of a lease and returns its fence, which is higher than `above`. The session
/// holds the lock.
pub(crate) async fn take_lease(
    client: &Client,
    name: &str,
    holder: &str,
    above: u64,
) -> Result<u64> {
    let sql = "INSERT INTO leases VALUES ($1, $3 + 1, $2) ON CONFLICT (name)
         DO UPDATE SET fence = greatest(leases.fence, $3) + 1, holder = excluded.holder
         RETURNING fence";
    let (name, holder, above) = (kept(name), kept(holder), above.cast_signed());
    let parameters = [text(&name), text(&holder), (&above as _, Type::INT8)];
    let row = client.query_typed_one(sql, &parameters).await?;
    Ok(row.try_get::<_, i64>(0)?.cast_unsigned())
}

pub(crate) async fn holder(client: &Client, name: &str) -> Result<Option<String>> {
    let sql = "SELECT holder FROM leases WHERE name = $1";
    let row = client.query_typed_opt(sql, &[text(&kept(name))]).await?;
    Ok(row.map(|row| row.try_get(0).map(given)).transpose()?)
}

pub(crate) async fn store_secret(client: &Client, name: &str, sealed: &[u8]) -> Result<()> {
    let sql = "INSERT INTO secrets VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed";
    let name = kept(name);
    let parameters = [text(&name), (&sealed as _, Type::BYTEA)];
    client.execute_typed(sql, &parameters).await?;
    Ok(())
}

pub(crate) async fn secret(client: &Client, name: &str) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT sealed FROM secrets WHERE name = $1";
    let row = client.query_typed_opt(sql, &[text(&kept(name))]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

fn text<T: ToSql + Sync>(value: &T) -> Parameter<'_> {
    (value, Type::TEXT)
}

fn document(row: &Row) -> Result<Document> {
    let (version, text): (i64, &str) = (row.try_get(0)?, row.try_get(1)?);
    let value = serde_json::from_str(text).map_err(|error| Failure::Damaged(error.to_string()))?;
    Ok(Document {
        value,
        version: version.cast_unsigned(),
    })
}

fn entry(row: &Row) -> Result<LogEntry> {
    let Document { value, version } = document(row)?;
    let at: &str = row.try_get(2)?;
    Ok(LogEntry {
        number: version,
        at: at.parse().map_err(|_| Failure::Damaged(at.to_owned()))?,
        value,
    })
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
