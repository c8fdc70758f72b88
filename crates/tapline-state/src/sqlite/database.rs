//! The database: its tables, its version, and the statements on them. All of this blocks.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Row, Transaction, TransactionBehavior, params,
};
use serde_json::Value;
use tapline_core::{Document, LogEntry};
use url::Url;

use crate::failure::{Failure, Result};
use crate::private;

/// Version of the tables below. One higher with every change that an older tapline would not
/// understand.
const VERSION: i64 = 1;
/// How long a statement waits for another process.
const BUSY: Duration = Duration::from_secs(30);
/// WAL with `synchronous=FULL` is fsync'd at every commit: what was stored stays stored.
const SETTINGS: &str = "PRAGMA synchronous = FULL";
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
    namespace TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (namespace, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logs (
    log TEXT NOT NULL, number INTEGER NOT NULL, at TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (log, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases (
    name TEXT PRIMARY KEY, fence INTEGER NOT NULL, holder TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID;
";

pub(crate) struct Database(Connection);

impl Database {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        // Made first, so that it never has another mode; the journals take its mode over.
        drop(private::open(path)?);
        let mut connection = tapline_sqlite::open(path, BUSY)?;
        connection.execute_batch(SETTINGS)?;
        prepare(&mut connection)?;
        Ok(Self(connection))
    }

    /// Even a reader makes journals where there are none, unless it is told that nobody writes.
    /// Then nobody had the file open a moment ago.
    pub(crate) fn read_only(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(reading(path)?, flags)?;
        connection.busy_timeout(BUSY)?;
        refuse_newer(&connection)?;
        Ok(Self(connection))
    }

    pub(crate) fn get(&self, namespace: &str, key: &str) -> Result<Option<Document>> {
        let sql = "SELECT version, value FROM documents WHERE namespace = ?1 AND key = ?2";
        let mut statement = self.0.prepare_cached(sql)?;
        let found = statement
            .query_row([namespace, key], versioned)
            .optional()?;
        found.map(document).transpose()
    }

    /// One statement decides and stores, so two processes cannot both win.
    pub(crate) fn put(
        &self,
        namespace: &str,
        key: &str,
        value: &Value,
        expected: Option<u64>,
    ) -> Result<u64> {
        let changed = match expected {
            None => self.0.execute(
                "INSERT INTO documents VALUES (?1, ?2, 1, ?3) ON CONFLICT DO NOTHING",
                params![namespace, key, value.to_string()],
            )?,
            Some(version) => self.0.execute(
                "UPDATE documents SET value = ?3, version = version + 1
                 WHERE namespace = ?1 AND key = ?2 AND version = ?4",
                params![namespace, key, value.to_string(), signed(version)],
            )?,
        };
        if changed == 1 {
            return Ok(expected.unwrap_or(0) + 1);
        }
        let found = self.get(namespace, key)?.map(|document| document.version);
        Err(Failure::conflict(expected, found))
    }

    pub(crate) fn list(&self, namespace: &str, prefix: &str) -> Result<Vec<(String, Document)>> {
        let mut statement = self.0.prepare_cached(
            "SELECT version, value, key FROM documents
             WHERE namespace = ?1 AND key >= ?2 ORDER BY key",
        )?;
        let mut rows = statement.query([namespace, prefix])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let key: String = row.get(2)?;
            if !key.starts_with(prefix) {
                break;
            }
            found.push((key, document(versioned(row)?)?));
        }
        Ok(found)
    }

    pub(crate) fn append(&self, log: &str, at: Timestamp, entry: &Value) -> Result<u64> {
        let transaction = Transaction::new_unchecked(&self.0, TransactionBehavior::Immediate)?;
        let number: i64 = transaction
            .prepare_cached(
                "INSERT INTO logs SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3
                 FROM logs WHERE log = ?1 RETURNING number",
            )?
            .query_row(params![log, at.to_string(), entry.to_string()], |row| {
                row.get(0)
            })?;
        transaction
            .prepare_cached("DELETE FROM logs WHERE log = ?1 AND number <= ?2")?
            .execute(params![log, number - signed(LogEntry::KEPT)])?;
        transaction.commit()?;
        Ok(number.cast_unsigned())
    }

    pub(crate) fn tail(&self, log: &str, limit: u32) -> Result<Vec<LogEntry>> {
        let mut statement = self.0.prepare_cached(
            "SELECT number, value, at FROM logs WHERE log = ?1 ORDER BY number DESC LIMIT ?2",
        )?;
        let mut rows = statement.query(params![log, limit])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let at: String = row.get(2)?;
            let Document { value, version } = document(versioned(row)?)?;
            entries.push(LogEntry {
                number: version,
                at: at.parse().map_err(|_| Failure::Damaged(at))?,
                value,
            });
        }
        Ok(entries)
    }

    /// Notes the new holder of a lease and returns its fence, which is higher than `above`. The
    /// caller holds the file lock.
    pub(crate) fn take_lease(&self, name: &str, holder: &str, above: u64) -> Result<u64> {
        let fence: i64 = self.0.query_row(
            "INSERT INTO leases VALUES (?1, ?3 + 1, ?2) ON CONFLICT (name)
             DO UPDATE SET fence = max(fence, ?3) + 1, holder = excluded.holder RETURNING fence",
            params![name, holder, above.cast_signed()],
            |row| row.get(0),
        )?;
        Ok(fence.cast_unsigned())
    }

    pub(crate) fn holder(&self, name: &str) -> Result<Option<String>> {
        let sql = "SELECT holder FROM leases WHERE name = ?1";
        Ok(self.0.query_row(sql, [name], |row| row.get(0)).optional()?)
    }

    pub(crate) fn store_secret(&self, name: &str, sealed: &[u8]) -> Result<()> {
        self.0.execute(
            "INSERT INTO secrets VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed",
            params![name, sealed],
        )?;
        Ok(())
    }

    pub(crate) fn secret(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT sealed FROM secrets WHERE name = ?1";
        Ok(self.0.query_row(sql, [name], |row| row.get(0)).optional()?)
    }
}

/// Creates what is missing, and refuses what a newer version has made.
fn prepare(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    if refuse_newer(&transaction)?.is_none() {
        transaction.execute("INSERT INTO schema_version VALUES (?1)", [VERSION])?;
    }
    Ok(transaction.commit()?)
}

/// The version of the tables, if it is noted.
fn refuse_newer(connection: &Connection) -> Result<Option<i64>> {
    let sql = "SELECT max(version) FROM schema_version";
    let found: Option<i64> = connection.query_row(sql, [], |row| row.get(0))?;
    match found {
        Some(found) if found > VERSION => Err(Failure::Newer {
            found,
            known: VERSION,
        }),
        found => Ok(found),
    }
}

/// The address under which the database is only read.
fn reading(path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path).map_err(Failure::io("cannot find the state"))?;
    let url = Url::from_file_path(&absolute);
    let mut url = url.map_err(|()| Failure::Damaged(format!("no path: {}", path.display())))?;
    let has = |end: &str| {
        let mut journal = absolute.as_os_str().to_owned();
        journal.push(end);
        Path::new(&journal).exists()
    };
    let is_open = has("-wal") && has("-shm");
    url.set_query((!is_open).then_some("immutable=1"));
    Ok(url.into())
}

fn versioned(row: &Row<'_>) -> rusqlite::Result<(i64, String)> {
    Ok((row.get(0)?, row.get(1)?))
}

fn document((version, text): (i64, String)) -> Result<Document> {
    let value = serde_json::from_str(&text).map_err(|error| Failure::Damaged(error.to_string()))?;
    Ok(Document {
        value,
        version: version.cast_unsigned(),
    })
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
