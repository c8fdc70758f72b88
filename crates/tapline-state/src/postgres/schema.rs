//! The tables and their version. They only ever move forward, one step after the other, all in
//! one transaction and under a lock, so that two new runners do not both move them.

use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::failure::{Failure, Result};

/// What makes each version of the one before it. Never change a step: add one.
const STEPS: [&str; 1] = [r#"
CREATE TABLE documents (
    namespace text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
    version bigint NOT NULL, value text NOT NULL,
    PRIMARY KEY (namespace, key)
);
CREATE TABLE log_ends (log text COLLATE "C" PRIMARY KEY, number bigint NOT NULL);
CREATE TABLE logs (
    log text COLLATE "C" NOT NULL, number bigint NOT NULL, at text NOT NULL, value text NOT NULL,
    PRIMARY KEY (log, number)
);
CREATE TABLE leases (
    name text COLLATE "C" PRIMARY KEY, fence bigint NOT NULL, holder text NOT NULL
);
CREATE TABLE secrets (name text COLLATE "C" PRIMARY KEY, sealed bytea NOT NULL);
"#];
const VERSION: i64 = STEPS.len() as i64;
/// Serialises those who move the tables of one schema; the number is any, but always this.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7824, hashtext($1))";

/// Whether the tables are there, at the version we know.
pub(crate) async fn is_current(client: &Client) -> Result<bool> {
    Ok(version(client).await? == VERSION)
}

/// Makes the tables what this version needs, and refuses what a newer one has made.
pub(crate) async fn prepare(client: &mut Client, schema: &str) -> Result<()> {
    // Whoever may only use the tables need not be allowed to make any.
    if is_current(client).await? {
        return Ok(());
    }
    let transaction = client.transaction().await?;
    let inside = transaction.client();
    let name = [(&schema as &(dyn ToSql + Sync), Type::TEXT)];
    inside.query_typed(LOCK, &name).await?;
    let missing = "SELECT to_regnamespace(quote_ident($1)) IS NULL";
    let row = inside.query_typed_one(missing, &name).await?;
    if row.try_get(0)? {
        let quoted = schema.replace('"', "\"\"");
        inside
            .batch_execute(&format!("CREATE SCHEMA \"{quoted}\""))
            .await?;
    }
    // Another runner may have been quicker.
    let found = version(inside).await?;
    if found == 0 {
        let first = "CREATE TABLE schema_version (version bigint NOT NULL);
             INSERT INTO schema_version VALUES (0)";
        inside.batch_execute(first).await?;
    }
    let done = usize::try_from(found).unwrap_or(0);
    for step in STEPS.iter().skip(done) {
        inside.batch_execute(step).await?;
    }
    let note = "UPDATE schema_version SET version = $1";
    inside.query_typed(note, &[(&VERSION, Type::INT8)]).await?;
    Ok(transaction.commit().await?)
}

/// The version of the tables, 0 if there are none.
async fn version(client: &Client) -> Result<i64> {
    let row = client.query_typed_one("SELECT to_regclass('schema_version') IS NULL", &[]);
    if row.await?.try_get(0)? {
        return Ok(0);
    }
    let sql = "SELECT coalesce(max(version), 0) FROM schema_version";
    let found: i64 = client.query_typed_one(sql, &[]).await?.try_get(0)?;
    if found > VERSION {
        return Err(Failure::Newer {
            found,
            known: VERSION,
        });
    }
    Ok(found)
}
