//! A clock that a test turns, and a store in memory that counts what is asked of it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use tapline_core::{
    Clock, Document, Error, ErrorKind, Lease, LogEntry, Result, Secret, StateStore,
};

/// 2026-01-01T00:00:00Z.
pub(crate) const START: i64 = 1_767_225_600_000;

/// A clock that moves when it is turned, or when something sleeps.
#[derive(Default)]
pub(crate) struct Turned(Mutex<Duration>);

impl Turned {
    pub(crate) fn turn(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    /// Milliseconds since the start.
    pub(crate) fn millis(&self) -> i64 {
        i64::try_from(self.elapsed().as_millis()).unwrap()
    }
}

#[async_trait]
impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(START).unwrap() + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        self.turn(duration);
    }
}

/// A store of documents.
#[derive(Default)]
pub(crate) struct Memory {
    documents: Mutex<BTreeMap<String, Document>>,
    reads: AtomicU64,
    writes: AtomicU64,
    /// Whether writes fail.
    pub(crate) broken: Mutex<bool>,
}

impl Memory {
    /// How often it was read and written.
    pub(crate) fn asked(&self) -> (u64, u64) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (of(&self.reads), of(&self.writes))
    }

    /// Its only document.
    pub(crate) fn only(&self) -> (String, Value) {
        let documents = self.documents.lock().unwrap();
        assert_eq!(documents.len(), 1);
        let (key, document) = documents.first_key_value().unwrap();
        (key.clone(), document.value.clone())
    }

    /// Puts `value` in the place of its only document.
    pub(crate) fn replace(&self, value: Value) {
        let mut documents = self.documents.lock().unwrap();
        documents.first_entry().unwrap().get_mut().value = value;
    }
}

fn unused<T>() -> Result<T> {
    Err(Error::new(
        ErrorKind::Internal,
        "state",
        "no quota needs this",
    ))
}

#[async_trait]
impl StateStore for Memory {
    async fn get(&self, namespace: &str, key: &str) -> Result<Option<Document>> {
        assert_eq!(namespace, "quota");
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(self.documents.lock().unwrap().get(key).cloned())
    }

    async fn put(&self, _: &str, key: &str, value: &Value, expected: Option<u64>) -> Result<u64> {
        if *self.broken.lock().unwrap() {
            return Err(Error::new(
                ErrorKind::State,
                "store state",
                "the disk is full",
            ));
        }
        self.writes.fetch_add(1, Ordering::Relaxed);
        let mut documents = self.documents.lock().unwrap();
        if documents.get(key).map(|document| document.version) != expected {
            return Err(Error::new(
                ErrorKind::Conflict,
                "store state",
                "another version",
            ));
        }
        let (value, version) = (value.clone(), expected.unwrap_or(0) + 1);
        documents.insert(key.to_owned(), Document { value, version });
        Ok(version)
    }

    async fn list(&self, _: &str, _: &str) -> Result<Vec<(String, Document)>> {
        unused()
    }

    async fn lease(&self, _: &str, _: Duration, _: u64) -> Result<Box<dyn Lease>> {
        unused()
    }

    async fn append(&self, _: &str, _: &Value) -> Result<u64> {
        unused()
    }

    async fn tail(&self, _: &str, _: u32) -> Result<Vec<LogEntry>> {
        unused()
    }

    async fn seal(&self, _: &str, _: &Secret) -> Result<bool> {
        unused()
    }

    async fn unseal(&self, _: &str) -> Result<Option<Secret>> {
        unused()
    }
}
