//! State in one SQLite file: hands each call to a thread that may block.
//!
//! Documents, logs and sealed secrets are rows. A lease is a lock of the operating system on a
//! file beside the database: it ends with the process that holds it, however that ends, so a
//! dead runner is taken over at once. The fence that goes with it is a counter in the database.

mod database;
mod lease;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tapline_core::{Clock, Document, Lease, LogEntry, Result, Secret, StateStore};

use self::database::Database;
use self::lease::FileLease;
use crate::failure::{self, Failure};
use crate::holder;
use crate::seal::{self, SealingKey};

/// How often a held lease is tried again.
const POLL: Duration = Duration::from_millis(50);

/// State in one SQLite file, shared by the processes of one host.
pub struct SqliteState {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    database: Arc<Mutex<Database>>,
    key: Option<SealingKey>,
}

impl SqliteState {
    /// Opens the file; creates it (mode 0600) and its folder (0700) if need be. Blocks for a
    /// moment. Without [`SqliteState::with_key`] no secret is stored.
    ///
    /// # Errors
    /// The file cannot be opened, is no state file, or a newer tapline has written it.
    pub fn open(path: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Result<Self> {
        let path = path.into();
        let opened = Database::open(&path);
        let failed = |failure: Failure| failure.at("open state").with("path", path.display());
        Ok(Self {
            database: Arc::new(Mutex::new(opened.map_err(failed)?)),
            path,
            clock,
            key: None,
        })
    }

    /// Opens the file for reading only: nothing is made, and whatever would change it fails.
    /// `None` if there is no such file.
    ///
    /// # Errors
    /// The file cannot be read, or a newer tapline has written it.
    pub fn read_only(path: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Result<Option<Self>> {
        let path = path.into();
        if !path.exists() {
            return Ok(None);
        }
        let opened = Database::read_only(&path);
        let failed = |failure: Failure| failure.at("read state").with("path", path.display());
        Ok(Some(Self {
            database: Arc::new(Mutex::new(opened.map_err(failed)?)),
            path,
            clock,
            key: None,
        }))
    }

    /// Seals and unseals secrets with `key`.
    #[must_use]
    pub fn with_key(mut self, key: SealingKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Where the state is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn call<R: Send + 'static>(
        &self,
        operation: &'static str,
        job: impl FnOnce(&Database) -> failure::Result<R> + Send + 'static,
    ) -> Result<R> {
        let database = Arc::clone(&self.database);
        let job = move || {
            // Every job is one transaction, so a panic in another leaves nothing half done.
            let database = database.lock().unwrap_or_else(PoisonError::into_inner);
            job(&database)
        };
        let result = tokio::task::spawn_blocking(job).await;
        let result = result.unwrap_or(Err(Failure::Panicked));
        result.map_err(|failure| failure.at(operation))
    }

    async fn try_lease(&self, name: &str, above: u64) -> Result<Option<FileLease>> {
        let (path, name) = (self.path.clone(), name.to_owned());
        let holder = holder::of(self.clock.now());
        self.call("take lease", move |database| {
            let Some(lock) = lease::try_lock(&path, &name)? else {
                return Ok(None);
            };
            let fence = database.take_lease(&name, &holder, above)?;
            Ok(Some(FileLease { fence, _lock: lock }))
        })
        .await
    }

    async fn locked(&self, name: &str) -> Result<Failure> {
        let name = name.to_owned();
        self.call("take lease", move |database| {
            let holder = database.holder(&name)?;
            Ok(Failure::locked(&name, holder))
        })
        .await
    }
}

#[async_trait]
impl StateStore for SqliteState {
    async fn get(&self, namespace: &str, key: &str) -> Result<Option<Document>> {
        let (namespace, key) = (namespace.to_owned(), key.to_owned());
        self.call("read state", move |database| database.get(&namespace, &key))
            .await
    }

    async fn put(
        &self,
        namespace: &str,
        key: &str,
        value: &Value,
        expected: Option<u64>,
    ) -> Result<u64> {
        let (owned, id, value) = (namespace.to_owned(), key.to_owned(), value.clone());
        self.call("store state", move |database| {
            database.put(&owned, &id, &value, expected)
        })
        .await
        .map_err(|error| error.with("namespace", namespace).with("key", key))
    }

    async fn list(&self, namespace: &str, prefix: &str) -> Result<Vec<(String, Document)>> {
        let (namespace, prefix) = (namespace.to_owned(), prefix.to_owned());
        self.call("list state", move |database| {
            database.list(&namespace, &prefix)
        })
        .await
    }

    async fn lease(&self, name: &str, wait: Duration, above: u64) -> Result<Box<dyn Lease>> {
        let since = self.clock.elapsed();
        loop {
            if let Some(lease) = self.try_lease(name, above).await? {
                return Ok(Box::new(lease));
            }
            let waited = self.clock.elapsed().saturating_sub(since);
            if waited >= wait {
                return Err(self.locked(name).await?.at("take lease"));
            }
            self.clock.sleep(POLL.min(wait - waited)).await;
        }
    }

    async fn append(&self, log: &str, entry: &Value) -> Result<u64> {
        let (log, entry, now) = (log.to_owned(), entry.clone(), self.clock.now());
        self.call("append to log", move |database| {
            database.append(&log, now, &entry)
        })
        .await
    }

    async fn tail(&self, log: &str, limit: u32) -> Result<Vec<LogEntry>> {
        let log = log.to_owned();
        self.call("read log", move |database| database.tail(&log, limit))
            .await
    }

    async fn seal(&self, name: &str, secret: &Secret) -> Result<bool> {
        let sealed = seal::seal(self.key.as_ref(), name, secret);
        let Some(sealed) = sealed.map_err(|failure| failure.at("seal"))? else {
            return Ok(false);
        };
        let name = name.to_owned();
        self.call("seal", move |database| {
            database.store_secret(&name, &sealed)
        })
        .await?;
        Ok(true)
    }

    async fn unseal(&self, name: &str) -> Result<Option<Secret>> {
        let owned = name.to_owned();
        let sealed = self
            .call("unseal", move |database| database.secret(&owned))
            .await?;
        let opened = seal::open(self.key.as_ref(), name, sealed.as_deref());
        opened.map_err(|failure| failure.at("unseal"))
    }
}
