//! A state store in memory. A lease can be taken away, as a lease that timed out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tapline_core::{
    Clock, Document, Error, ErrorKind, Lease, LogEntry, Result, Secret, StateStore,
};

use super::stage::Stage;
use crate::lock::lock;

/// How often a held lease is tried again.
const POLL: Duration = Duration::from_millis(50);

/// One run's handle on the store.
#[derive(Clone)]
pub(super) struct SimState {
    stage: Stage,
    run: u64,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    documents: BTreeMap<(String, String), Document>,
    /// The last fence of each lease.
    fences: BTreeMap<String, u64>,
    /// The fence under which each lease is held.
    held: BTreeMap<String, u64>,
    logs: BTreeMap<String, Vec<LogEntry>>,
}

impl SimState {
    pub(super) fn new(stage: Stage) -> Self {
        Self {
            stage,
            run: 0,
            memory: Arc::default(),
        }
    }

    /// The handle of another run.
    pub(super) fn of(&self, run: u64) -> Self {
        Self {
            run,
            ..self.clone()
        }
    }

    /// Gives every lease up, though their holders live.
    pub(super) fn expire(&self) {
        lock(&self.memory).held.clear();
    }

    fn try_lease(&self, name: &str, above: u64) -> Option<SimLease> {
        let mut memory = lock(&self.memory);
        if memory.held.contains_key(name) {
            return None;
        }
        let last = memory.fences.entry(name.to_owned()).or_default();
        *last = above.max(*last) + 1;
        let fence = *last;
        memory.held.insert(name.to_owned(), fence);
        self.stage.note(self.run, format!("lease, fence {fence}"));
        Some(SimLease {
            name: name.to_owned(),
            fence,
            memory: self.memory.clone(),
        })
    }
}

struct SimLease {
    name: String,
    fence: u64,
    memory: Arc<Mutex<Memory>>,
}

impl Lease for SimLease {
    fn fence(&self) -> u64 {
        self.fence
    }
}

impl Drop for SimLease {
    fn drop(&mut self) {
        let mut memory = lock(&self.memory);
        if memory.held.get(&self.name) == Some(&self.fence) {
            memory.held.remove(&self.name);
        }
    }
}

#[async_trait]
impl StateStore for SimState {
    async fn get(&self, namespace: &str, key: &str) -> Result<Option<Document>> {
        self.stage.pause().await;
        let key = (namespace.to_owned(), key.to_owned());
        Ok(lock(&self.memory).documents.get(&key).cloned())
    }

    async fn put(
        &self,
        namespace: &str,
        key: &str,
        value: &Value,
        expected: Option<u64>,
    ) -> Result<u64> {
        self.stage.pause().await;
        let key = (namespace.to_owned(), key.to_owned());
        let mut memory = lock(&self.memory);
        let found = memory.documents.get(&key).map(|document| document.version);
        if found != expected {
            let message = format!("at version {found:?}, expected {expected:?}");
            return Err(Error::new(ErrorKind::Conflict, "store state", message));
        }
        let version = expected.unwrap_or(0) + 1;
        let value = value.clone();
        memory.documents.insert(key, Document { value, version });
        Ok(version)
    }

    async fn list(&self, namespace: &str, prefix: &str) -> Result<Vec<(String, Document)>> {
        self.stage.pause().await;
        let memory = lock(&self.memory);
        let wanted = |((space, key), _): &(&(String, String), &Document)| {
            space == namespace && key.starts_with(prefix)
        };
        let found = memory.documents.iter().filter(wanted);
        Ok(found
            .map(|((_, key), document)| (key.clone(), document.clone()))
            .collect())
    }

    async fn lease(&self, name: &str, wait: Duration, above: u64) -> Result<Box<dyn Lease>> {
        let since = self.stage.timeline.now();
        loop {
            self.stage.pause().await;
            if let Some(lease) = self.try_lease(name, above) {
                self.stage.pause().await;
                return Ok(Box::new(lease));
            }
            if self.stage.timeline.now() - since >= wait {
                let message = format!("another run holds {name}");
                return Err(Error::new(ErrorKind::Locked, "take lease", message));
            }
            self.stage.timeline.sleep(POLL).await;
        }
    }

    async fn append(&self, log: &str, entry: &Value) -> Result<u64> {
        self.stage.pause().await;
        let mut memory = lock(&self.memory);
        let log = memory.logs.entry(log.to_owned()).or_default();
        let number = log.last().map_or(0, |last| last.number) + 1;
        log.retain(|entry| entry.number + LogEntry::KEPT > number);
        log.push(LogEntry {
            number,
            at: Clock::now(&self.stage.timeline),
            value: entry.clone(),
        });
        Ok(number)
    }

    async fn tail(&self, log: &str, limit: u32) -> Result<Vec<LogEntry>> {
        self.stage.pause().await;
        let memory = lock(&self.memory);
        let entries = memory.logs.get(log).into_iter().flatten();
        Ok(entries.rev().take(limit as usize).cloned().collect())
    }

    async fn seal(&self, _: &str, _: &Secret) -> Result<bool> {
        Ok(false)
    }

    async fn unseal(&self, _: &str) -> Result<Option<Secret>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::simulator::task::drive_alone;
    use crate::state::{Subject, suite};

    /// A store, and whether a newer tapline has written it.
    struct Shelf {
        state: SimState,
        newer: AtomicBool,
    }

    #[async_trait]
    impl Subject for Shelf {
        async fn open(&self) -> Result<Arc<dyn StateStore>> {
            if self.newer.load(Ordering::SeqCst) {
                let message = "it was written by a newer tapline";
                return Err(Error::new(ErrorKind::State, "open state", message));
            }
            Ok(Arc::new(self.state.clone()))
        }

        async fn age(&self) {
            self.newer.store(true, Ordering::SeqCst);
        }
    }

    #[test]
    fn it_is_a_state_store_like_any_other() {
        let stage = Stage::new(1);
        let make = || Shelf {
            state: SimState::new(stage.clone()),
            newer: AtomicBool::new(false),
        };
        let report = drive_alone(&stage.timeline, suite(make));
        assert!(report.passed(), "{report}");
    }
}
