//! Leases: a lock of a session that does nothing else.
//!
//! The server gives the lock up when the session ends: with the process that holds it, or with its
//! connection. So there is nothing to time out. A holder that lives on without its connection
//! cannot know at once that another one has the lease; the fence keeps it from writing then, and
//! here it is noticed.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ring::digest;
use tapline_core::{Clock, Error, Lease};
use tapline_postgres::{Address, Driver, Mode, words};
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::{session, tables};
use crate::failure::{Failure, Result};

/// How often the server is asked whether it is still there.
const ALIVE: Duration = Duration::from_secs(10);

/// A session in which a lease is, or is going to be, held.
pub(crate) struct Candidate {
    name: String,
    key: i64,
    client: Client,
    driver: Driver,
}

/// A lease of this process; the lock goes with the session.
pub(crate) struct SessionLease {
    name: String,
    fence: u64,
    lost: Arc<OnceLock<String>>,
    alive: JoinHandle<()>,
}

impl Candidate {
    pub(crate) async fn new(address: &Address, name: &str) -> Result<Self> {
        let (client, driver) = session(address, Mode::ReadWrite).await?;
        Ok(Self {
            name: name.to_owned(),
            key: key(&address.schema, name),
            client,
            driver,
        })
    }

    /// Whether the lock is ours now.
    pub(crate) async fn try_lock(&self) -> Result<bool> {
        let sql = "SELECT pg_try_advisory_lock($1)";
        let key = [(&self.key as &(dyn ToSql + Sync), Type::INT8)];
        let row = self.client.query_typed_one(sql, &key).await?;
        Ok(row.try_get(0)?)
    }

    /// The lease, once the lock is ours, with a fence above `above`. The fence is raised in the session that has the lock: if
    /// that is gone, so is this.
    pub(crate) async fn take(
        self,
        clock: Arc<dyn Clock>,
        holder: &str,
        above: u64,
    ) -> Result<SessionLease> {
        let fence = tables::take_lease(&self.client, &self.name, holder, above).await?;
        let lost = Arc::new(OnceLock::new());
        tokio::spawn(watch(self.driver, self.name.clone(), Arc::clone(&lost)));
        Ok(SessionLease {
            name: self.name,
            fence,
            lost,
            alive: tokio::spawn(stay_alive(self.client, clock)),
        })
    }
}

impl Lease for SessionLease {
    fn fence(&self) -> u64 {
        self.fence
    }

    fn lost(&self) -> Option<Error> {
        let lost = Failure::Lost {
            name: self.name.clone(),
            reason: self.lost.get()?.clone(),
        };
        Some(lost.at("keep lease"))
    }
}

impl Drop for SessionLease {
    fn drop(&mut self) {
        // The session goes with its client.
        self.alive.abort();
    }
}

/// Talks to the server now and then: a connection on which nothing is said may be dead for hours
/// before anybody notices.
async fn stay_alive(client: Client, clock: Arc<dyn Clock>) {
    while client.check_connection().await.is_ok() {
        clock.sleep(ALIVE).await;
    }
}

/// Says so when the session ends before it was given up.
async fn watch(driver: Driver, name: String, lost: Arc<OnceLock<String>>) {
    let reason = match driver.await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => words(&error),
        Err(error) => error.to_string(),
    };
    tracing::warn!("the lease {name:?} is lost: {reason}");
    // Only this task ever sets it.
    let _ = lost.set(reason);
}

/// The number of the lock: half of a hash that includes the schema, as locks belong to a database.
fn key(schema: &str, name: &str) -> i64 {
    let written = format!("tapline lease\0{schema}\0{name}");
    let digest = digest::digest(&digest::SHA256, written.as_bytes());
    let mut key = [0; 8];
    key.copy_from_slice(&digest.as_ref()[..8]);
    i64::from_be_bytes(key)
}
