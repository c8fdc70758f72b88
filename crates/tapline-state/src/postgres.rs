//! State in a PostgreSQL database, shared by the runners of many hosts.

mod lease;
mod schema;
mod tables;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tapline_core::{Clock, Document, Error, Lease, LogEntry, Result, Secret, StateStore};
use tapline_postgres::{Address, Driver, Mode};
use tokio::sync::Mutex;
use tokio_postgres::Client;

use self::lease::{Candidate, SessionLease};
use self::schema::TABLES;
use crate::failure::{self, Failure};
use crate::holder;
use crate::seal::{self, SealingKey};

/// How often a held lease is tried again.
const POLL: Duration = Duration::from_millis(50);
/// The schema of the tables, unless the address names another.
const SCHEMA: &str = "tapline";
/// No statement here takes long, and none waits for a lock.
const SETTINGS: [(&str, &str); 2] = [("lock_timeout", "0"), ("statement_timeout", "30s")];

/// State in one schema of a PostgreSQL database. It needs sessions of its own: behind a pooler
/// that lends a session for a transaction, a lease would protect nothing.
pub struct PostgresState {
    address: Address,
    mode: Mode,
    clock: Arc<dyn Clock>,
    client: Mutex<Arc<Client>>,
    key: Option<SealingKey>,
}

impl PostgresState {
    /// Connects to the database at `address` (`postgres://USER:PASSWORD@HOST:PORT/DATABASE`), and
    /// makes schema and tables if need be. Without [`PostgresState::with_key`] no secret is stored.
    ///
    /// # Errors
    /// The address is none, the server cannot be reached or refuses, or a newer tapline has
    /// written the state.
    pub async fn open(address: &Secret, clock: Arc<dyn Clock>) -> Result<Self> {
        const OPERATION: &str = "open state";
        let address = parse(address).map_err(|failure| failure.at(OPERATION))?;
        let opened = async {
            let (mut client, _) = session(&address, Mode::ReadWrite).await?;
            TABLES.take(&mut client, &address.schema).await?;
            Ok(client)
        };
        match opened.await {
            Ok(client) => Ok(Self::new(address, Mode::ReadWrite, clock, client)),
            Err(failure) => Err(at(failure, OPERATION, &address)),
        }
    }

    /// Connects for reading only: nothing is made, and whatever would change it fails. `None` if
    /// there is no state yet.
    ///
    /// # Errors
    /// The address is none, the server cannot be reached or refuses, or a newer tapline has
    /// written the state.
    pub async fn read_only(address: &Secret, clock: Arc<dyn Clock>) -> Result<Option<Self>> {
        const OPERATION: &str = "read state";
        let address = parse(address).map_err(|failure| failure.at(OPERATION))?;
        let opened = async {
            let (client, _) = session(&address, Mode::ReadOnly).await?;
            Ok(TABLES.are_taken(&client).await?.then_some(client))
        };
        match opened.await {
            Ok(client) => Ok(client.map(|it| Self::new(address, Mode::ReadOnly, clock, it))),
            Err(failure) => Err(at(failure, OPERATION, &address)),
        }
    }

    fn new(address: Address, mode: Mode, clock: Arc<dyn Clock>, client: Client) -> Self {
        Self {
            address,
            mode,
            clock,
            client: Mutex::new(Arc::new(client)),
            key: None,
        }
    }

    /// Seals and unseals secrets with `key`.
    #[must_use]
    pub fn with_key(mut self, key: SealingKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Calls `job` with the session, or a new one if it has ended since. What fails on its way is
    /// not repeated: it may have been done.
    async fn call<R>(
        &self,
        operation: &'static str,
        job: impl AsyncFnOnce(&Client) -> failure::Result<R>,
    ) -> Result<R> {
        let done = match self.session().await {
            Ok(client) => job(&client).await,
            Err(failure) => Err(failure),
        };
        done.map_err(|failure| at(failure, operation, &self.address))
    }

    async fn session(&self) -> failure::Result<Arc<Client>> {
        let mut client = self.client.lock().await;
        if client.is_closed() {
            let (new, _) = session(&self.address, self.mode).await?;
            *client = Arc::new(new);
        }
        Ok(Arc::clone(&client))
    }

    /// The lease, or `None` if another held it all the time.
    async fn wait_for(
        &self,
        name: &str,
        wait: Duration,
        above: u64,
    ) -> failure::Result<Option<SessionLease>> {
        let since = self.clock.elapsed();
        let candidate = Candidate::new(&self.address, name).await?;
        while !candidate.try_lock().await? {
            let waited = self.clock.elapsed().saturating_sub(since);
            if waited >= wait {
                return Ok(None);
            }
            self.clock.sleep(POLL.min(wait - waited)).await;
        }
        let holder = holder::of(self.clock.now());
        let lease = candidate
            .take(Arc::clone(&self.clock), &holder, above)
            .await?;
        Ok(Some(lease))
    }
}

fn parse(address: &Secret) -> failure::Result<Address> {
    Ok(Address::parse(address, SCHEMA)?)
}

async fn session(address: &Address, mode: Mode) -> failure::Result<(Client, Driver)> {
    Ok(tapline_postgres::open(address, mode, &SETTINGS).await?)
}

/// `failure`, with the place it is about where that is not the caller's.
fn at(failure: Failure, operation: &'static str, address: &Address) -> Error {
    let is_of_server = matches!(failure, Failure::Server(_) | Failure::Newer { .. });
    let error = failure.at(operation);
    if is_of_server {
        return error.with("state", address);
    }
    error
}

#[async_trait]
impl StateStore for PostgresState {
    async fn get(&self, namespace: &str, key: &str) -> Result<Option<Document>> {
        self.call("read state", async |it| {
            tables::get(it, namespace, key).await
        })
        .await
    }

    async fn put(
        &self,
        namespace: &str,
        key: &str,
        value: &Value,
        expected: Option<u64>,
    ) -> Result<u64> {
        self.call("store state", async |it| {
            tables::put(it, namespace, key, value, expected).await
        })
        .await
        .map_err(|error| error.with("namespace", namespace).with("key", key))
    }

    async fn list(&self, namespace: &str, prefix: &str) -> Result<Vec<(String, Document)>> {
        self.call("list state", async |it| {
            tables::list(it, namespace, prefix).await
        })
        .await
    }

    async fn lease(&self, name: &str, wait: Duration, above: u64) -> Result<Box<dyn Lease>> {
        const OPERATION: &str = "take lease";
        match self.wait_for(name, wait, above).await {
            Ok(Some(lease)) => return Ok(Box::new(lease)),
            Ok(None) => {}
            Err(failure) => return Err(at(failure, OPERATION, &self.address)),
        }
        let holder = self.call(OPERATION, async |it| tables::holder(it, name).await);
        let holder = holder.await?;
        Err(Failure::locked(name, holder).at(OPERATION))
    }

    async fn append(&self, log: &str, entry: &Value) -> Result<u64> {
        let now = self.clock.now();
        self.call("append to log", async |it| {
            tables::append(it, log, now, entry).await
        })
        .await
    }

    async fn tail(&self, log: &str, limit: u32) -> Result<Vec<LogEntry>> {
        self.call("read log", async |it| tables::tail(it, log, limit).await)
            .await
    }

    async fn seal(&self, name: &str, secret: &Secret) -> Result<bool> {
        let sealed = seal::seal(self.key.as_ref(), name, secret);
        let Some(sealed) = sealed.map_err(|failure| failure.at("seal"))? else {
            return Ok(false);
        };
        self.call("seal", async |it| {
            tables::store_secret(it, name, &sealed).await
        })
        .await?;
        Ok(true)
    }

    async fn unseal(&self, name: &str) -> Result<Option<Secret>> {
        let sealed = self.call("unseal", async |it| tables::secret(it, name).await);
        let opened = seal::open(self.key.as_ref(), name, sealed.await?.as_deref());
        opened.map_err(|failure| failure.at("unseal"))
    }
}
