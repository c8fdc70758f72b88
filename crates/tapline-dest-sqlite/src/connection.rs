//! Opening the file: the settings that make a commit durable and a rename harmless.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::failure::Result;
use crate::stage;

/// How long a transaction waits for another writer of the same file.
const BUSY: Duration = Duration::from_secs(60);

/// Opens `path` for writing.
///
/// WAL with `synchronous=FULL` is fsync'd at every commit. Foreign keys are off because dropping
/// a replaced table would otherwise delete the rows that refer to it. With the legacy form of
/// `ALTER TABLE` a rename leaves views alone: they go on naming the published table.
pub(crate) fn open(path: &Path) -> Result<Connection> {
    let connection = tapline_sqlite::open(path, BUSY)?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON;",
    )?;
    stage::register(&connection)?;
    Ok(connection)
}
