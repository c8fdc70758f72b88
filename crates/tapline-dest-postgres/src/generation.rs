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
use crate::table;
use tapline_postgres::kept;

/// The hidden table of `owner`. It may hold rows already, if an earlier run of the same
/// generation was cut short. Other generations of the table are dropped: the caller has checked
/// the fence, so they are older.
pub(crate) async fn enter(client: &Client, owner: &Owner) -> Result<Table> {
    let generation = signed(owner.key.generation);
    drop_stale(client, owner, |it| it != generation).await?;
    let hidden = enter_child(client, owner, "").await?;
    if columns::read(client, &hidden).await?.is_empty() {
        // Somebody may have dropped it: then the positions lead to nothing.
        bookkeeping::forget_positions(client, owner, generation).await?;
    }
    Ok(hidden)
}

/// Drops the hidden tables of `owner`, who has none: another run has left them, and nobody will go on
/// with them.
pub(crate) async fn drop_all(client: &Client, owner: &Owner) -> Result<()> {
    drop_stale(client, owner, |_| true).await
}

async fn drop_stale(client: &Client, owner: &Owner, is_stale: impl Fn(i64) -> bool) -> Result<()> {
    for stale in of_table(client, owner).await? {
        if is_stale(stale.generation) {
            bookkeeping::forget_generation(client, owner, stale.generation).await?;
            drop_one(client, &stale).await?;
        }
    }
    Ok(())
}

/// The hidden table of the child table `child` of `owner`; of the table itself if that is `""`.
pub(crate) async fn enter_child(client: &Client, owner: &Owner, child: &str) -> Result<Table> {
    let key = &owner.key;
    let mut whole = format!("{}\0{}", key.pipeline, owner.table.quoted());
    if !child.is_empty() {
        whole = format!("{whole}\0{child}");
    }
    let hidden = owner.table.beside(&format!(
        "_tapline_gen_{}_{:016x}",
        key.generation,
        hash(&whole)
    ));
    let (generation, pipeline) = (signed(key.generation), kept(&key.pipeline));
    let sql = "INSERT INTO _tapline_generations
         (table_schema, hidden, pipeline, table_name, generation, child)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    let parameters: [(&(dyn ToSql + Sync), Type); 6] = [
        (&hidden.schema, Type::TEXT),
        (&hidden.name, Type::TEXT),
        (&pipeline, Type::TEXT),
        (&owner.table.name, Type::TEXT),
        (&generation, Type::INT8),
        (&child, Type::TEXT),
    ];
    client.execute_typed(sql, &parameters).await?;
    Ok(hidden)
}

/// A hidden table.
struct Hidden {
    table: Table,
    generation: i64,
    /// The child table that it becomes; `""`: the table itself.
    child: String,
}

/// Shows the hidden tables of `owner` in the place of the ones that readers find.
pub(crate) async fn show(client: &Client, owner: &Owner) -> Result<()> {
    let ours = signed(owner.key.generation);
    for hidden in of_table(client, owner).await? {
        if hidden.generation == ours {
            let place = match hidden.child.as_str() {
                "" => owner.table.clone(),
                child => owner.table.beside(child),
            };
            table::replace(client, &hidden.table, &place).await?;
            leave(client, &hidden.table).await?;
        }
    }
    Ok(())
}

/// Drops the hidden tables and the positions that led to them. What was rejected stays until the next
/// load: it may be why this one was given up.
pub(crate) async fn forget(client: &Client, owner: &Owner) -> Result<()> {
    let ours = signed(owner.key.generation);
    bookkeeping::forget_positions(client, owner, ours).await?;
    for hidden in of_table(client, owner).await? {
        if hidden.generation == ours {
            drop_one(client, &hidden).await?;
        }
    }
    Ok(())
}

async fn drop_one(client: &Client, hidden: &Hidden) -> Result<()> {
    leave(client, &hidden.table).await?;
    let sql = format!("DROP TABLE IF EXISTS {}", hidden.table.quoted());
    Ok(client.batch_execute(&sql).await?)
}

/// Takes the hidden table off the list; it is published or dropped.
async fn leave(client: &Client, hidden: &Table) -> Result<()> {
    let sql = "DELETE FROM _tapline_generations WHERE table_schema = $1 AND hidden = $2";
    let parameters: [(&(dyn ToSql + Sync), Type); 2] =
        [(&hidden.schema, Type::TEXT), (&hidden.name, Type::TEXT)];
    client.execute_typed(sql, &parameters).await?;
    Ok(())
}

/// The hidden tables of this one and of its child tables.
async fn of_table(client: &Client, owner: &Owner) -> Result<Vec<Hidden>> {
    let sql = "SELECT hidden, generation, child FROM _tapline_generations
         WHERE pipeline = $1 AND table_schema = $2 AND table_name = $3";
    let pipeline = kept(&owner.key.pipeline);
    let parameters: [(&(dyn ToSql + Sync), Type); 3] = [
        (&pipeline, Type::TEXT),
        (&owner.table.schema, Type::TEXT),
        (&owner.table.name, Type::TEXT),
    ];
    let rows = client.query_typed(sql, &parameters).await?;
    let found = rows.iter().map(|row| {
        Ok(Hidden {
            table: owner.table.beside(row.try_get(0)?),
            generation: row.try_get(1)?,
            child: row.try_get(2)?,
        })
    });
    found.collect()
}

/// Whether the table of `owner` is published: no position is left that a run could go on from, and
/// no hidden table.
pub(crate) async fn is_published(client: &Client, owner: &Owner) -> Result<bool> {
    let hidden = of_table(client, owner).await?;
    let is_hidden = owner.replace && !hidden.is_empty();
    Ok(!is_hidden && !bookkeeping::is_open(client, owner).await?)
}
