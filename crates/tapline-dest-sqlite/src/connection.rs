//! Opening the file: the settings that make a commit durable and a rename harmless.

use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use crate::failure::Result;
use crate::stage;

/// How long a transaction waits for another writer of the same file.
const BUSY: Duration = Duration::from_secs(60);
/// How often, and after what time, it is tried to make the file what it has to be.
const TRIES: u32 = 500;
const PAUSE: Duration = Duration::from_millis(20);

/// Opens `path` for writing.
///
/// WAL with `synchronous=FULL` is fsync'd at every commit. Foreign keys are off because dropping
/// a replaced table would otherwise delete the rows that refer to it. With the legacy form of
/// `ALTER TABLE` a rename leaves views alone: they go on naming the published table.
pub(crate) fn open(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    log_ahead(&connection)?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON;",
    )?;
    stage::register(&connection)?;
    Ok(connection)
}

/// Turns the log ahead on. Where two make the file at one time, each is in the way of the other, and SQLite
/// does not wait for that.
fn log_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let mut tried = 0;
    loop {
        let done = connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()));
        let code = done
            .as_ref()
            .err()
            .and_then(rusqlite::Error::sqlite_error_code);
        if code != Some(ErrorCode::DatabaseBusy) || tried == TRIES {
            return done;
        }
        tried += 1;
        thread::sleep(PAUSE);
    }
}
