//! A state store in memory. A lease can be taken away, as a lease that timed out. Whoever reads or
//! moves the marks is seen by a [`Witness`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tapline_core::{
    Clock, Document, Error, ErrorKind, Lease, LogEntry, Marks, Result, Secret, StateStore,
};

use super::flaw::Flaw;
use super::rules::Witness;
use super::stage::Stage;
use crate::lock::lock;

/// How often a held lease is tried again.
const POLL: Duration = Duration::from_millis(50);

/// One run's handle on the store.
#[derive(Clone)]
pub(super) struct SimState {
    stage: Stage,
    run: u64,
    flaw: Option<Flaw>,
    memory: Arc<Mutex<Memory>>,
    witness: Option<Arc<Witness>>,
}

/// Namespace and key of a document.
pub(super) type Key = (String, String);

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
    pub(super) fn new(stage: Stage, flaw: Option<Flaw>) -> Self {
        Self {
            stage,
            run: 0,
            flaw,
            memory: Arc::default(),
            witness: None,
        }
    }

    /// The handle of another run, which `witness` looks at.
    pub(super) fn of(&self, run: u64, witness: Arc<Witness>) -> Self {
        Self {
            run,
            witness: Some(witness),
            ..self.clone()
        }
    }

    /// The marks as they are stored.
    pub(super) fn marks(&self) -> Option<Document> {
        let memory = lock(&self.memory);
        let mut documents = memory.documents.iter();
        let marks = documents.find(|((namespace, _), _)| namespace == Marks::NAMESPACE);
        marks.map(|(_, document)| document.clone())
    }

    /// Damages one of the documents, and returns what it was; nothing, if there is none.
    pub(super) fn corrupt(&self, choice: u64) -> Option<(Key, Document)> {
        let mut memory = lock(&self.memory);
        let there = memory.documents.iter_mut();
        let mut there: Vec<_> = there
            .filter(|(_, document)| !document.value.is_null())
            .collect();
        let count = there.len() as u64;
        let (key, document) = there.get_mut((choice % count.max(1)) as usize)?;
        let before = ((*key).clone(), document.clone());
        document.value = serde_json::json!({ "broken": true });
        Some(before)
    }

    /// Puts a document back that was damaged.
    pub(super) fn restore(&self, (key, document): (Key, Document)) {
        lock(&self.memory).documents.insert(key, document);
    }

    /// Gives every lease up, though their holders live.
    pub(super) fn expire(&self) {
        lock(&self.memory).held.clear();
    }

    /// Plants a bug in marks that are stored.
    fn bend(&self, marks: &mut Value) {
        let parts = marks.get_mut("partitions").and_then(Value::as_object_mut);
        for (_, known) in parts.into_iter().flatten() {
            match self.flaw {
                Some(Flaw::ForgetsTies) => known["ties"] = Value::Array(Vec::new()),
                Some(Flaw::MarksTooFar) => {
                    let newest = known.pointer_mut("/newest/value");
                    if let Some(newest) = newest
                        && let Some(number) = newest.as_str().and_then(|n| n.parse::<i64>().ok())
                    {
                        *newest = Value::String((number + 1).to_string());
                    }
                }
                Some(Flaw::CoversTooMuch) => {
                    if let Some(start) = known.pointer_mut("/coverage/0/start") {
                        *start = Value::Null;
                    }
                }
                _ => {}
            }
        }
    }

    fn try_lease(&self, name: &str, above: u64) -> Option<SimLease> {
        let mut memory = lock(&self.memory);
        if memory.held.contains_key(name) {
            return None;
        }
        let last = memory.fences.entry(name.to_owned()).or_default();
        let is_flawed = self.flaw == Some(Flaw::SameFence) && *last > 0;
        if !is_flawed {
            *last = above.max(*last) + 1;
        }
        let fence = *last;
        memory.held.insert(name.to_owned(), fence);
        self.stage
            .note(self.run, || format!("lease, fence {fence}"));
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
        let of_marks = namespace == Marks::NAMESPACE;
        let key = (namespace.to_owned(), key.to_owned());
        let found = lock(&self.memory).documents.get(&key).cloned();
        if let Some(witness) = self.witness.as_ref().filter(|_| of_marks) {
            witness.recalls(found.as_ref().map(|document| &document.value));
        }
        Ok(found)
    }

    async fn put(
        &self,
        namespace: &str,
        key: &str,
        value: &Value,
        expected: Option<u64>,
    ) -> Result<u64> {
        self.stage.pause().await;
        let of_marks = namespace == Marks::NAMESPACE;
        let key = (namespace.to_owned(), key.to_owned());
        let mut memory = lock(&self.memory);
        let before = memory.documents.get(&key).cloned();
        let found = before.as_ref().map(|document| document.version);
        if found != expected && self.flaw != Some(Flaw::IgnoresVersion) {
            let message = format!("at version {found:?}, expected {expected:?}");
            return Err(Error::new(ErrorKind::Conflict, "store state", message));
        }
        let version = found.unwrap_or(0) + 1;
        let mut value = value.clone();
        if of_marks {
            if self.flaw == Some(Flaw::LosesMarks) {
                return Ok(version);
            }
            self.bend(&mut value);
            if let Some(witness) = &self.witness {
                witness.stores(before.as_ref().map(|document| &document.value), &value);
            }
        }
        self.stage
            .note(self.run, || format!("stores {}/{}: {value}", key.0, key.1));
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
        let stage = Stage::new(1, false);
        let make = || Shelf {
            state: SimState::new(stage.clone(), None),
            newer: AtomicBool::new(false),
        };
        let report = drive_alone(&stage.timeline, suite(make));
        assert!(report.passed(), "{report}");
    }
}
