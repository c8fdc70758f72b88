//! The table that people see, and what may be done to it.

use tapline_core::column;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use crate::bookkeeping::{self, Owner};
use crate::columns::{self, Column, Wanted};
use crate::failure::{Failure, Result};
use crate::keepsakes;
use crate::kind::Kind;
use crate::name::{Table, quote};

/// What has the name of a table, by the letter that the server has for it.
const KINDS: [(&str, &str); 8] = [
    ("S", "a sequence"),
    ("c", "a type"),
    ("f", "a foreign table"),
    ("i", "an index"),
    ("m", "a materialized view"),
    ("p", "a partitioned table"),
    ("r", "a table"),
    ("v", "a view"),
];

/// Whether readers find anything under the name of `table`.
pub(crate) async fn is_there(client: &Client, table: &Table) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass($1)
         AND relkind IN ('r', 'p', 'v', 'm', 'f'))";
    let quoted = table.quoted();
    let row = client
        .query_typed_one(sql, &[(&quoted, Type::TEXT)])
        .await?;
    Ok(row.try_get(0)?)
}

/// The runs that have rows in `table`, as readers find it.
pub(crate) async fn runs(client: &Client, table: &Table) -> Result<Vec<Uuid>> {
    let columns = columns::read(client, table).await?;
    if !columns.iter().any(|it| it.name == column::RUN_ID) {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT DISTINCT {} FROM {}", column::RUN_ID, table.quoted());
    let rows = client.query_typed(&sql, &[]).await?;
    let run = |row: &Row| bookkeeping::id("run id", &row.try_get::<_, String>(0)?);
    rows.iter().map(run).collect()
}

/// Refuses what is no table, and for a full load a table of somebody else's.
pub(crate) async fn check(client: &Client, owner: &Owner) -> Result<()> {
    check_kind(client, &owner.table).await?;
    match owner.replace {
        true => check_ours(client, &owner.table).await,
        false => Ok(()),
    }
}

/// Refuses what has the name of `table` and is none.
pub(crate) async fn check_kind(client: &Client, table: &Table) -> Result<()> {
    let sql = "SELECT relkind::text FROM pg_class WHERE oid = to_regclass($1)";
    let row = client
        .query_typed_opt(sql, &[(&table.quoted(), Type::TEXT)])
        .await?;
    let Some(row) = row else {
        return Ok(());
    };
    let kind: &str = row.try_get(0)?;
    if !matches!(kind, "r" | "p") {
        let known = KINDS.iter().find(|(letter, _)| *letter == kind);
        let what = known.map_or("no table", |(_, what)| what);
        return Err(Failure::Refused(format!(
            "{:?} is {what}; rows go only into tables",
            table.name
        )));
    }
    Ok(())
}

/// A full load replaces what tapline wrote, never a table of somebody else's.
async fn check_ours(client: &Client, table: &Table) -> Result<()> {
    let columns = columns::read(client, table).await?;
    let is_marked = columns.iter().any(|c| c.name == column::RUN_ID);
    if columns.is_empty() || is_marked || bookkeeping::has_published(client, table).await? {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "table {:?} was not written by tapline, and a full load would replace it; load into \
         another table, or drop this one",
        table.name
    )))
}

/// Whether nothing hangs on a table that would be lost, or in the way, if another took its place:
/// views, functions, constraints, triggers, policies, partitions, publications.
const IS_PLAIN: &str = "
SELECT relkind = 'r' AND NOT relrowsecurity
    AND NOT EXISTS (SELECT FROM pg_depend
        WHERE refclassid = 'pg_class'::regclass AND refobjid = it.oid AND deptype = 'n')
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = it.oid AND contype <> 'n')
    AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = it.oid)
    AND NOT EXISTS (SELECT FROM pg_inherits WHERE it.oid IN (inhrelid, inhparent))
    AND NOT EXISTS (SELECT FROM pg_publication_rel WHERE prrelid = it.oid)
FROM pg_class AS it WHERE it.oid = to_regclass($1)";

/// Puts the rows of `new` in the place of those of `old`, which need not exist; `new` is gone then.
///
/// A plain table is replaced as a whole, which takes a moment however large it is. If anything
/// hangs on it, the table stays and its rows are replaced: readers see the old ones until the
/// transaction ends.
pub(crate) async fn replace(client: &Client, new: &Table, old: &Table) -> Result<()> {
    let quoted = old.quoted();
    let row = client
        .query_typed_opt(IS_PLAIN, &[(&quoted, Type::TEXT)])
        .await?;
    let is_plain: Option<bool> = row.map(|row| row.try_get(0)).transpose()?;
    if is_plain == Some(false) {
        return replace_rows(client, new, old).await;
    }
    let keepsakes = keepsakes::of(client, old, new).await?;
    client
        .batch_execute(&format!(
            "DROP TABLE IF EXISTS {quoted}; ALTER TABLE {} RENAME TO {}",
            new.quoted(),
            quote(&old.name)
        ))
        .await?;
    keepsakes::give(client, &keepsakes).await
}

async fn replace_rows(client: &Client, new: &Table, old: &Table) -> Result<()> {
    let brought = columns::read(client, new).await?;
    let texts = brought.iter().filter(|it| it.declared == Kind::Text.sql());
    let texts = texts.map(|column| column.name.as_str()).collect();
    let empty = columns::empty(client, new, texts).await?;
    let mut wanted = Vec::new();
    for column in &brought {
        let kind = column.kind()?;
        wanted.push(Wanted {
            field: column.name.clone(),
            column: column.name.clone(),
            kind: (!empty.contains(&column.name)).then_some(kind),
        });
    }
    let (held, _) = columns::fit_to(client, old, wanted).await?;
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for column in brought.iter().filter(|it| !empty.contains(&it.name)) {
        let name = quote(&column.name);
        let to = held.iter().find(|held| held.name == column.name);
        let to = to.map_or_else(|| column.kind(), Column::kind)?;
        values.push(column.kind()?.converted(&name, to));
        names.push(name);
    }
    let (names, values) = (names.join(", "), values.join(", "));
    let (new, old) = (new.quoted(), old.quoted());
    client
        .batch_execute(&format!(
            "DELETE FROM {old}; INSERT INTO {old} ({names}) SELECT {values} FROM {new}; \
             DROP TABLE {new}"
        ))
        .await?;
    Ok(())
}

/// Rows of `table`.
pub(crate) async fn count(client: &Client, table: &Table) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM {}", table.quoted());
    let rows: i64 = client.query_typed_one(&sql, &[]).await?.try_get(0)?;
    Ok(rows.cast_unsigned())
}
