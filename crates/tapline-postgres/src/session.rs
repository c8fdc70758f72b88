//! A connection to the server, set up so that what it says is done is done.

use std::error::Error as _;

use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use crate::address::Address;
use crate::failure::{Failure, Result};

/// What holds for every session, whatever the database's own settings are; those that this
/// server does not know are left out. A commit is written to disk, texts of values are always the
/// same, and the session of a machine that is gone ends within half a minute, with its locks.
const SETTINGS: &str = "
SELECT set_config(name, value, false)
FROM (
    VALUES
        ('search_path', quote_ident($1)),
        ('DateStyle', 'ISO, YMD'),
        ('TimeZone', 'UTC'),
        ('bytea_output', 'hex'),
        ('default_transaction_isolation', 'read committed'),
        ('default_transaction_read_only', $2),
        ('extra_float_digits', '1'),
        ('idle_session_timeout', '0'),
        ('synchronous_commit', coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on')),
        ('tcp_keepalives_count', '3'),
        ('tcp_keepalives_idle', '10'),
        ('tcp_keepalives_interval', '5'),
        ('tcp_user_timeout', '30s')
    UNION ALL
    SELECT * FROM unnest($3, $4)
) AS wanted (name, value)
JOIN pg_catalog.pg_settings USING (name)";

/// What a session may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Whatever its user may.
    ReadWrite,
    /// What changes something fails.
    ReadOnly,
}

/// Ends with the session: with `Ok` if we gave it up.
pub type Driver = JoinHandle<Result<(), tokio_postgres::Error>>;

/// Opens a session whose waits end by `settings`, and which may set more: `("lock_timeout", "0")`.
///
/// # Errors
/// The server cannot be reached, or refuses.
pub async fn open(
    address: &Address,
    mode: Mode,
    settings: &[(&str, &str)],
) -> Result<(Client, Driver)> {
    let connected = address.config.connect(address.tls.connector()?).await;
    let (client, connection) = connected.map_err(|error| not_connected(&error))?;
    let driver = tokio::spawn(connection);
    let read_only = match mode {
        Mode::ReadWrite => "off",
        Mode::ReadOnly => "on",
    };
    let (names, values): (Vec<&str>, Vec<&str>) = settings.iter().copied().unzip();
    let parameters: &[(&(dyn ToSql + Sync), Type)] = &[
        (&address.schema, Type::TEXT),
        (&read_only, Type::TEXT),
        (&names, Type::TEXT_ARRAY),
        (&values, Type::TEXT_ARRAY),
    ];
    client.query_typed(SETTINGS, parameters).await?;
    Ok((client, driver))
}

/// Why there is no session, with what can be done about it.
fn not_connected(error: &tokio_postgres::Error) -> Failure {
    let said = words(error);
    let code = error.code();
    let io = error
        .source()
        .is_some_and(|cause| cause.is::<std::io::Error>());
    Failure::Server(if code == Some(&SqlState::INVALID_CATALOG_NAME) {
        format!("{said}; create it first: tapline makes its tables, not the database")
    } else if code == Some(&SqlState::INVALID_PASSWORD)
        || code == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
    {
        format!("the server lets this user not in: {said}")
    } else if said.ends_with("password missing") {
        "the server asks for a password: write `postgres://USER:${env:PGPASSWORD}@HOST/DATABASE` \
         and set the variable"
            .to_owned()
    } else if said.ends_with("server does not support TLS") {
        "the server does not support TLS, which the address asks for".to_owned()
    } else if said.contains("TLS handshake") {
        format!("{said}; `sslmode=disable` connects without TLS")
    } else if io {
        format!("the server cannot be reached: {said}")
    } else {
        said
    })
}

/// The error with its causes. What the server says stands alone: it is the cause.
pub fn words(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        let hint = said.hint().map(|hint| format!(" ({hint})"));
        return format!("{}{}", said.message(), hint.unwrap_or_default());
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        text.push_str(&format!(": {found}"));
        cause = found.source();
    }
    text
}
