//! The state door: what tapline remembers between runs.
//!
//! Four generic pieces: versioned documents (compare-and-set), leases with a rising fence,
//! append-only logs, and sealed secrets. What a document means is the engine's business.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tapline_spec::Secret;

use crate::{Error, Result};

/// Where state lives: embedded (SQLite) or shared (PostgreSQL).
#[async_trait]
pub trait StateStore: Send + Sync {
    /// The document `key` of `namespace`.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn get(&self, namespace: &str, key: &str) -> Result<Option<Document>>;

    /// Stores `value` if the document is still at `expected` (`None`: does not exist), and
    /// returns its new version.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Conflict`] if somebody else changed it.
    async fn put(
        &self,
        namespace: &str,
        key: &str,
        value: &Value,
        expected: Option<u64>,
    ) -> Result<u64>;

    /// The documents of `namespace` whose key starts with `prefix`, by key.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn list(&self, namespace: &str, prefix: &str) -> Result<Vec<(String, Document)>>;

    /// Takes the lease `name`, waiting up to `wait` while another runner holds it. Its fence is
    /// higher than `above`: what it protects may have seen that one, though the store has not, which
    /// was lost or is another one now.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Locked`], naming the holder.
    async fn lease(&self, name: &str, wait: Duration, above: u64) -> Result<Box<dyn Lease>>;

    /// Appends `entry` to `log` and returns its number, from 1. The newest [`LogEntry::KEPT`] are
    /// kept.
    ///
    /// # Errors
    /// The entry is not stored.
    async fn append(&self, log: &str, entry: &Value) -> Result<u64>;

    /// The newest `limit` entries of `log`, newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn tail(&self, log: &str, limit: u32) -> Result<Vec<LogEntry>>;

    /// Stores `secret`, encrypted. `false` if there is no key: then it stays in memory only.
    ///
    /// # Errors
    /// The store cannot be written.
    async fn seal(&self, name: &str, secret: &Secret) -> Result<bool>;

    /// The secret `name`, decrypted.
    ///
    /// # Errors
    /// The key is not the one it was sealed with.
    async fn unseal(&self, name: &str) -> Result<Option<Secret>>;
}

/// The right to run a pipeline. Dropping it gives it up; so does the death of the process. Where
/// that has to be told to a server, others can have it a moment later.
pub trait Lease: Send + Sync {
    /// One higher than any before.
    fn fence(&self) -> u64;

    /// Why it is not held any more, once that is noticed: a connection that is gone, say. Another
    /// runner may hold it then, and its fence keeps ours from writing.
    fn lost(&self) -> Option<Error> {
        None
    }
}

/// A document and its version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Contents.
    pub value: Value,
    /// Counts the changes, from 1.
    pub version: u64,
}

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Number, from 1.
    pub number: u64,
    /// When it was appended.
    pub at: Timestamp,
    /// Contents.
    pub value: Value,
}

impl LogEntry {
    /// Entries of a log that are kept: a store does not grow with the number of runs.
    pub const KEPT: u64 = 1_000;
}

/// What every mark is keyed by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MarkKey {
    /// The pipeline's name.
    pub pipeline: String,
    /// The slice's partition; empty by default.
    pub partition: String,
    /// The stream's name.
    pub stream: String,
}

impl MarkKey {
    /// That of all of a stream, read by `pipeline`.
    pub fn of(pipeline: &str, stream: &str) -> Self {
        Self {
            pipeline: pipeline.to_owned(),
            partition: String::new(),
            stream: stream.to_owned(),
        }
    }

    /// The document key: the three parts with `/` and `%` escaped, joined by `/`.
    pub fn key(&self) -> String {
        let escape = |part: &str| part.replace('%', "%25").replace('/', "%2F");
        [&self.pipeline, &self.partition, &self.stream]
            .map(|part| escape(part))
            .join("/")
    }

    /// What all keys of `pipeline` begin with.
    pub fn prefix(pipeline: &str) -> String {
        let key = Self {
            pipeline: pipeline.to_owned(),
            partition: String::new(),
            stream: String::new(),
        };
        key.key().trim_end_matches('/').to_owned() + "/"
    }

    /// Reads a document key. `None`: it is none.
    pub fn parse(key: &str) -> Option<Self> {
        let unescape = |part: &str| part.replace("%2F", "/").replace("%25", "%");
        let mut parts = key.split('/').map(unescape);
        let key = Self {
            pipeline: parts.next()?,
            partition: parts.next()?,
            stream: parts.next()?,
        };
        parts.next().is_none().then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_were_written() {
        for (pipeline, stream) in [("p", "c.s"), ("a/b%2F%", "x/"), ("", "s")] {
            let key = MarkKey {
                pipeline: pipeline.to_owned(),
                partition: "backfill".to_owned(),
                stream: stream.to_owned(),
            };
            assert_eq!(MarkKey::parse(&key.key()), Some(key.clone()));
            assert!(key.key().starts_with(&MarkKey::prefix(pipeline)));
        }
        assert!(!"pp//s".starts_with(&MarkKey::prefix("p")));
        assert_eq!(MarkKey::parse("p/s"), None);
        assert_eq!(MarkKey::parse("p/a/b/c"), None);
    }
}
