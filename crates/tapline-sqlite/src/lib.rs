//! An SQLite file that several processes write to, as both the state store and the destination open it.

use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, Result};

/// How often, and after what time, it is tried to make the file what it has to be.
const TRIES: u32 = 500;
const PAUSE: Duration = Duration::from_millis(20);

/// Opens `path` for writing, and makes it if need be, with its log ahead (WAL). A transaction waits so long
/// for another writer, `busy`. Blocks for a moment.
///
/// # Errors
/// The file cannot be opened, or is none of SQLite's.
pub fn open(path: &Path, busy: Duration) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(busy)?;
    log_ahead(&connection)?;
    Ok(connection)
}

/// Turns the log ahead on. Where two make the file at one time, each is in the way of the other, and SQLite
/// does not wait for that.
fn log_ahead(connection: &Connection) -> Result<()> {
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
