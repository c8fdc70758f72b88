//! Hidden generations: where a full load collects its rows until it is published.
//!
//! The hidden table is an ordinary one. An unlogged table would be filled faster, but is empty after
//! a crash of the server, while the positions that led to its rows are still there; and to make it
//! an ordinary one takes longer than was won.

use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::bookkeeping::{self, Owner, signed};
use crate::columns;
use crate::failure::Result;
use crate::name::{Table, hash};
use tapline_postgres::kept;

/// The hidden table of `owner`. It may hold rows already, if an earlier run of the same
/// generation was cut short. Other generations of the table are dropped: the caller has checked
/// the fence, so they are older.
pub(crate) async fn enter(client: &Client, owner: &Owner) -> Result<Table> {
    let key = &owner.key;
    let whole = format!("{}\0{}", key.pipeline, owner.table.quoted());
    let hidden = owner.table.beside(&format!(
        "_tapline_gen_{}_{:016x}",
        key.generation,
        hash(&whole)
    ));
    for (name, generation) in of_table(client, owner).await? {
        if name != hidden.name {
            drop_one(client, owner, &owner.table.beside(&name), generation).await?;
        }
    }
    let generation = signed(key.generation);
    if columns::read(client, &hidden).await?.is_empty() {
        // Somebody may have dropped it: then the positions lead to nothing.
        bookkeeping::forget(client, owner, generation).await?;
    }
    let pipeline = kept(&key.pipeline);
    let sql = "INSERT INTO _tapline_generations VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    let parameters: [(&(dyn ToSql + Sync), Type); 5] = [
        (&hidden.schema, Type::TEXT),
        (&hidden.name, Type::TEXT),
        (&pipeline, Type::TEXT),
        (&owner.table.name, Type::TEXT),
        (&generation, Type::INT8),
    ];
    client.execute_typed(sql, &parameters).await?;
    Ok(hidden)
}

/// Drops the hidden table and the positions that led to it.
pub(crate) async fn forget(client: &Client, owner: &Owner, hidden: &Table) -> Result<()> {
    drop_one(client, owner, hidden, signed(owner.key.generation)).await
}

async fn drop_one(client: &Client, owner: &Owner, hidden: &Table, generation: i64) -> Result<()> {
    bookkeeping::forget(client, owner, generation).await?;
    leave(client, hidden).await?;
    let sql = format!("DROP TABLE IF EXISTS {}", hidden.quoted());
    Ok(client.batch_execute(&sql).await?)
}

/// Takes the hidden table off the list; it is published or dropped.
pub(crate) async fn leave(client: &Client, hidden: &Table) -> Result<()> {
    let sql = "DELETE FROM _tapline_generations WHERE table_schema = $1 AND hidden = $2";
    let parameters: [(&(dyn ToSql + Sync), Type); 2] =
        [(&hidden.schema, Type::TEXT), (&hidden.name, Type::TEXT)];
    client.execute_typed(sql, &parameters).await?;
    Ok(())
}

/// The hidden tables of this one, and their numbers.
async fn of_table(client: &Client, owner: &Owner) -> Result<Vec<(String, i64)>> {
    let sql = "SELECT hidden, generation FROM _tapline_generations
         WHERE pipeline = $1 AND table_schema = $2 AND table_name = $3";
    let pipeline = kept(&owner.key.pipeline);
    let parameters: [(&(dyn ToSql + Sync), Type); 3] = [
        (&pipeline, Type::TEXT),
        (&owner.table.schema, Type::TEXT),
        (&owner.table.name, Type::TEXT),
    ];
    let rows = client.query_typed(sql, &parameters).await?;
    let found = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    found.collect()
}

/// Whether the table of `owner` is published: no position is left that a run could go on from, and
/// no hidden table.
pub(crate) async fn is_published(client: &Client, owner: &Owner) -> Result<bool> {
    let hidden = of_table(client, owner).await?;
    let is_hidden = owner.replace && !hidden.is_empty();
    Ok(!is_hidden && !bookkeeping::is_open(client, owner).await?)
}
