//! The server: where it is, and how a session with it begins.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tapline_core::{Clock, Secret};
use tapline_postgres::{Address, Mode, open};
use tokio_postgres::Client;

use crate::bookkeeping::TABLES;
use crate::failure::Result;

/// The schema of tapline's own tables, unless the address names another.
const SCHEMA: &str = "public";
/// Waits end. A page or a change of a table may take its time, but nobody else's lock may; and a
/// session that does nothing in the middle of a transaction gives its locks up. Rows that a policy
/// would hide are an error: a load that is to replace them must see them.
const SETTINGS: [(&str, &str); 4] = [
    ("idle_in_transaction_session_timeout", "5min"),
    ("lock_timeout", "60s"),
    ("row_security", "off"),
    ("statement_timeout", "30min"),
];
/// How often, and after which pauses, a server is asked that was there a moment ago.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(500);

/// A server and the database on it.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: Address,
    pub(crate) clock: Arc<dyn Clock>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.address)
    }
}

impl Server {
    pub(crate) fn parse(address: &Secret, clock: Arc<dyn Clock>) -> Result<Self> {
        let address = parse(address)?;
        Ok(Self { address, clock })
    }

    /// A new session; tapline's own tables are made if need be.
    pub(crate) async fn connect(&self) -> Result<Client> {
        let (mut client, _) = open(&self.address, Mode::ReadWrite, &SETTINGS).await?;
        TABLES.take(&mut client, &self.address.schema).await?;
        Ok(client)
    }

    /// A new session after one was lost: the server may just be starting again.
    pub(crate) async fn reconnect(&self) -> Result<Client> {
        let mut connected = self.connect().await;
        for _ in 1..ATTEMPTS {
            if connected.is_ok() {
                break;
            }
            self.clock.sleep(PAUSE).await;
            connected = self.connect().await;
        }
        connected
    }
}

pub(crate) fn parse(address: &Secret) -> Result<Address> {
    Ok(Address::parse(address, SCHEMA)?)
}

/// The server, the user and the database of `address`, without a password.
///
/// # Errors
/// It is no address of a PostgreSQL database.
pub fn shown(address: &Secret) -> tapline_core::Result<String> {
    let address = parse(address).map_err(|failure| failure.at("read address"))?;
    Ok(address.to_string())
}
