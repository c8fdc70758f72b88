//! Tables and their version. They only ever move forward, one step after the other, all in one
//! transaction and under a lock, so that two new runners do not both move them.

use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::failure::{Failure, Result};

/// How the tables of one purpose came to be what they are.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// What makes each version of the one before it. Never change a step: add one.
    pub steps: &'static [&'static str],
    /// The table that says which version the others have.
    pub version_table: &'static str,
    /// Serialises those who move the tables of one schema; any number, but always the same.
    pub lock: i32,
}

impl Steps {
    /// Whether the tables are there, at the version we know.
    ///
    /// # Errors
    /// The server does not answer, or the tables are of a newer version.
    pub async fn are_taken(&self, client: &Client) -> Result<bool> {
        Ok(self.version(client).await? == self.known())
    }

    /// Makes the tables what this version needs, in `schema`, which is the first that the session
    /// searches; makes that, too, if it is not there.
    ///
    /// # Errors
    /// The server refuses, or the tables are of a newer version.
    pub async fn take(&self, client: &mut Client, schema: &str) -> Result<()> {
        // Whoever may only use the tables need not be allowed to make any.
        if self.are_taken(client).await? {
            return Ok(());
        }
        let transaction = client.transaction().await?;
        let inside = transaction.client();
        let lock = "SELECT pg_advisory_xact_lock($1, hashtext($2))";
        let place: [(&(dyn ToSql + Sync), Type); 2] =
            [(&self.lock, Type::INT4), (&schema, Type::TEXT)];
        inside.query_typed(lock, &place).await?;
        make_schema(inside, schema).await?;
        // Another runner may have been quicker.
        let found = self.version(inside).await?;
        let table = self.version_table;
        if found == 0 {
            let first = format!(
                "CREATE TABLE {table} (version bigint NOT NULL); INSERT INTO {table} VALUES (0)"
            );
            inside.batch_execute(&first).await?;
        }
        let done = usize::try_from(found).unwrap_or(0);
        for step in self.steps.iter().skip(done) {
            inside.batch_execute(step).await?;
        }
        let note = format!("UPDATE {table} SET version = $1");
        inside
            .query_typed(&note, &[(&self.known(), Type::INT8)])
            .await?;
        Ok(transaction.commit().await?)
    }

    fn known(&self) -> i64 {
        self.steps.len() as i64
    }

    /// The version of the tables, 0 if there are none.
    async fn version(&self, client: &Client) -> Result<i64> {
        let table = self.version_table;
        let sql = format!("SELECT to_regclass('{table}') IS NULL");
        if client.query_typed_one(&sql, &[]).await?.try_get(0)? {
            return Ok(0);
        }
        let sql = format!("SELECT coalesce(max(version), 0) FROM {table}");
        let found: i64 = client.query_typed_one(&sql, &[]).await?.try_get(0)?;
        let known = self.known();
        if found > known {
            return Err(Failure::Newer { found, known });
        }
        Ok(found)
    }
}

/// Makes `schema` if it is not there. Whoever finds it needs no right to make any.
///
/// # Errors
/// The server refuses.
pub async fn make_schema(client: &Client, schema: &str) -> Result<()> {
    let missing = "SELECT to_regnamespace(quote_ident($1)) IS NULL";
    let row = client
        .query_typed_one(missing, &[(&schema, Type::TEXT)])
        .await?;
    if row.try_get(0)? {
        let quoted = schema.replace('"', "\"\"");
        client
            .batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS \"{quoted}\""))
            .await?;
    }
    Ok(())
}
