//! Hidden generations: where a full load collects its rows until it is published.

use rusqlite::{Connection, params};
use tapline_core::column;
use uuid::Uuid;

use crate::bookkeeping::{self, Owner, signed};
use crate::columns;
use crate::failure::{Failure, Result};
use crate::name::{Names, hash, quote};

/// The hidden table of `owner`. It may hold rows already, if an earlier run of the same
/// generation was cut short. Other generations of the table are dropped: the caller has checked
/// the fence, so they are older.
pub(crate) fn enter(connection: &Connection, owner: &Owner) -> Result<String> {
    let key = &owner.key;
    let hidden = format!(
        "_tapline_gen_{}_{:016x}",
        key.generation,
        hash(&format!("{}\0{}", key.pipeline, owner.table))
    );
    for stale in of_table(connection, owner)? {
        if stale != hidden {
            forget(connection, owner, &stale)?;
        }
    }
    connection.execute(
        "INSERT INTO _tapline_generations VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![hidden, key.pipeline, owner.table, signed(key.generation)],
    )?;
    Ok(hidden)
}

/// Drops the hidden table and the positions that led to it.
pub(crate) fn forget(connection: &Connection, owner: &Owner, hidden: &str) -> Result<()> {
    connection.execute(
        "DELETE FROM _tapline_commits WHERE pipeline = ?1 AND table_name = ?2 AND published = 0
         AND generation = (SELECT generation FROM _tapline_generations WHERE hidden = ?3)",
        params![owner.key.pipeline, owner.table, hidden],
    )?;
    leave(connection, hidden)?;
    Ok(connection.execute_batch(&format!("DROP TABLE IF EXISTS {}", quote(hidden)))?)
}

/// The runs that have rows in `table`, as readers find it.
pub(crate) fn runs(connection: &Connection, table: &str) -> Result<Vec<Uuid>> {
    let visible = visible(connection, table)?;
    let columns = columns::read(connection, &visible)?;
    if !columns.iter().any(|it| it.name == column::RUN_ID) {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT DISTINCT {} FROM {}",
        column::RUN_ID,
        quote(&visible)
    );
    let mut statement = connection.prepare(&sql)?;
    let runs = statement.query_map([], |row| row.get::<_, String>(0))?;
    runs.map(|run| bookkeeping::id("run id", &run?)).collect()
}

/// Takes the hidden table off the list; it is published or dropped.
pub(crate) fn leave(connection: &Connection, hidden: &str) -> Result<()> {
    connection.execute(
        "DELETE FROM _tapline_generations WHERE hidden = ?1",
        [hidden],
    )?;
    Ok(())
}

fn of_table(connection: &Connection, owner: &Owner) -> Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT hidden FROM _tapline_generations WHERE pipeline = ?1 AND table_name = ?2",
    )?;
    let hidden = statement.query_map([&owner.key.pipeline, &owner.table], |row| row.get(0))?;
    Ok(hidden.collect::<rusqlite::Result<_>>()?)
}

/// Whether the file has the table.
pub(crate) fn is_there(connection: &Connection, table: &str) -> Result<bool> {
    let name = visible(connection, table)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
    Ok(connection.query_row(sql, [name], |row| row.get(0))?)
}

/// The name that `table` has in the file, or gets if it is not there yet.
pub(crate) fn visible(connection: &Connection, table: &str) -> Result<String> {
    let mut statement = connection
        .prepare("SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view')")?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let found: Vec<(String, String)> = found.collect::<rusqlite::Result<_>>()?;
    let mut names: Names = found.iter().map(|(name, _)| name.as_str()).collect();
    let name = names.place(table);
    if found
        .iter()
        .any(|(other, kind)| *other == name && kind == "view")
    {
        return Err(Failure::Refused(format!(
            "{name:?} is a view; rows go only into tables"
        )));
    }
    Ok(name)
}
