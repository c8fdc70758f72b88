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
    let ours = signed(owner.key.generation);
    drop_stale(connection, owner, |generation| generation != ours)?;
    enter_child(connection, owner, "")
}

/// Drops the hidden tables of `owner`, who has none: another run has left them, and nobody will go on
/// with them.
pub(crate) fn drop_all(connection: &Connection, owner: &Owner) -> Result<()> {
    drop_stale(connection, owner, |_| true)
}

fn drop_stale(
    connection: &Connection,
    owner: &Owner,
    is_stale: impl Fn(i64) -> bool,
) -> Result<()> {
    let all = of_table(connection, owner)?;
    for stale in all.iter().filter(|it| is_stale(it.generation)) {
        bookkeeping::forget_generation(connection, owner, stale.generation)?;
        drop_one(connection, stale)?;
    }
    Ok(())
}

/// The hidden table of the child table `child` of `owner`; of the table itself if that is `""`.
pub(crate) fn enter_child(connection: &Connection, owner: &Owner, child: &str) -> Result<String> {
    let key = &owner.key;
    let mut whole = format!("{}\0{}", key.pipeline, owner.table);
    if !child.is_empty() {
        whole = format!("{whole}\0{child}");
    }
    let hidden = format!("_tapline_gen_{}_{:016x}", key.generation, hash(&whole));
    connection.execute(
        "INSERT INTO _tapline_generations (hidden, pipeline, table_name, generation, child)
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        params![
            hidden,
            key.pipeline,
            owner.table,
            signed(key.generation),
            child
        ],
    )?;
    Ok(hidden)
}

/// A hidden table.
struct Hidden {
    name: String,
    generation: i64,
    /// The child table that it becomes; `""`: the table itself.
    child: String,
}

/// Shows the hidden tables of `owner` in the place of the ones that readers find, and says how the
/// table itself is called.
pub(crate) fn show(connection: &Connection, owner: &Owner) -> Result<String> {
    let shown = visible(connection, &owner.table)?;
    let ours = signed(owner.key.generation);
    let all = of_table(connection, owner)?.into_iter();
    for hidden in all.filter(|it| it.generation == ours) {
        let place = match hidden.child.as_str() {
            "" => shown.clone(),
            child => visible(connection, child)?,
        };
        columns::replace(connection, &hidden.name, &place)?;
        leave(connection, &hidden.name)?;
    }
    Ok(shown)
}

/// Drops the hidden tables and the positions that led to them. What was rejected stays until the next
/// load: it may be why this one was given up.
pub(crate) fn forget(connection: &Connection, owner: &Owner) -> Result<()> {
    let ours = signed(owner.key.generation);
    bookkeeping::forget_positions(connection, owner, ours)?;
    let all = of_table(connection, owner)?;
    let mut ours = all.iter().filter(|it| it.generation == ours);
    ours.try_for_each(|it| drop_one(connection, it))
}

fn drop_one(connection: &Connection, hidden: &Hidden) -> Result<()> {
    leave(connection, &hidden.name)?;
    let drop = format!("DROP TABLE IF EXISTS {}", quote(&hidden.name));
    Ok(connection.execute_batch(&drop)?)
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
fn leave(connection: &Connection, hidden: &str) -> Result<()> {
    connection.execute(
        "DELETE FROM _tapline_generations WHERE hidden = ?1",
        [hidden],
    )?;
    Ok(())
}

fn of_table(connection: &Connection, owner: &Owner) -> Result<Vec<Hidden>> {
    let mut statement = connection.prepare(
        "SELECT hidden, generation, child FROM _tapline_generations
         WHERE pipeline = ?1 AND table_name = ?2",
    )?;
    let hidden = statement.query_map([&owner.key.pipeline, &owner.table], |row| {
        Ok(Hidden {
            name: row.get(0)?,
            generation: row.get(1)?,
            child: row.get(2)?,
        })
    })?;
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
