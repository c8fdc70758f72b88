//! What people have made of a table, and what has to be made again on the table that takes its
//! place: rights, comments, indexes, the owner.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::failure::Result;
use crate::name::Table;

/// One statement each, in the order in which they are carried out: who gives the table away may not
/// be allowed to do the rest.
const STATEMENTS: &str = "
WITH it AS (SELECT oid, relowner, relacl FROM pg_class WHERE oid = to_regclass($1)),
    new AS (SELECT relowner, relacl FROM pg_class WHERE oid = to_regclass($2))
SELECT statement FROM (
    SELECT 0 AS step, format('REVOKE ALL ON TABLE %s FROM %s', $1,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END)
        AS statement
    FROM it, new, aclexplode(new.relacl) WHERE grantee <> new.relowner
    UNION ALL
    SELECT 1, format('GRANT %s ON TABLE %s TO %s%s', privilege_type, $1,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
        CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM it, aclexplode(relacl) WHERE grantee <> relowner
    UNION ALL
    SELECT 1, format('GRANT %s (%I) ON TABLE %s TO %s%s', privilege_type, attname, $1,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
        CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM it JOIN pg_attribute ON attrelid = it.oid, aclexplode(attacl) WHERE NOT attisdropped
    UNION ALL
    SELECT 2, CASE objsubid
        WHEN 0 THEN format('COMMENT ON TABLE %s IS %L', $1, description)
        ELSE format('COMMENT ON COLUMN %s.%I IS %L', $1, attname, description) END
    FROM it JOIN pg_description ON objoid = it.oid AND classoid = 'pg_class'::regclass
    LEFT JOIN pg_attribute ON attrelid = it.oid AND attnum = objsubid
    UNION ALL
    SELECT 3, pg_get_indexdef(indexrelid) FROM it JOIN pg_index ON indrelid = it.oid
    JOIN pg_class AS index ON index.oid = indexrelid WHERE NOT starts_with(index.relname, '_tapline_key_')
    UNION ALL
    SELECT 4, format('ALTER TABLE %s OWNER TO %I', $1, pg_get_userbyid(relowner))
    FROM it WHERE pg_get_userbyid(relowner) <> current_user
) AS keepsakes ORDER BY step";

/// What has to be made again of `old` once `new` has its place; nothing, if there is no such table.
/// What `new` has got by the way, such as rights that are given to every table, it has to lose.
pub(crate) async fn of(client: &Client, old: &Table, new: &Table) -> Result<Vec<String>> {
    let (old, new) = (old.quoted(), new.quoted());
    let rows = client
        .query_typed(STATEMENTS, &[(&old, Type::TEXT), (&new, Type::TEXT)])
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Makes again what can be: a column may be gone, or an index no longer unique.
pub(crate) async fn give(client: &Client, keepsakes: &[String]) -> Result<()> {
    for statement in keepsakes {
        client.batch_execute("SAVEPOINT keepsake").await?;
        let end = match client.batch_execute(statement).await {
            Ok(()) => "RELEASE keepsake",
            Err(error) if client.is_closed() => return Err(error.into()),
            Err(error) => {
                let error = tapline_postgres::words(&error);
                tracing::warn!(%statement, %error, "something of the replaced table was not made again");
                "ROLLBACK TO keepsake; RELEASE keepsake"
            }
        };
        client.batch_execute(end).await?;
    }
    Ok(())
}
