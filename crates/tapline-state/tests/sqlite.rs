//! The published suite, and what is particular to a store in one file.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::json;
use tapline_conformance::state::{Subject, suite};
use tapline_core::{Clock, ErrorKind, Result, Secret, StateStore};
use tapline_state::{SealingKey, SqliteState};

/// A clock that moves only when something sleeps.
#[derive(Default)]
struct TestClock(AtomicU64);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }

    async fn sleep(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

fn open(path: &Path) -> Result<SqliteState> {
    SqliteState::open(path, Arc::new(TestClock::default()))
}

struct Place {
    folder: tempfile::TempDir,
    key: Option<u8>,
}

impl Place {
    fn new(key: Option<u8>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, key }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("project/.tapline/state.db")
    }
}

#[async_trait]
impl Subject for Place {
    async fn open(&self) -> Result<Arc<dyn StateStore>> {
        let store = open(&self.path())?;
        Ok(match self.key {
            None => Arc::new(store),
            Some(byte) => Arc::new(store.with_key(key(byte))),
        })
    }

    async fn age(&self) {
        let connection = rusqlite::Connection::open(self.path()).unwrap();
        let sql = "UPDATE schema_version SET version = 99";
        connection.execute_batch(sql).unwrap();
    }
}

fn key(byte: u8) -> SealingKey {
    SealingKey::from_base64(&Secret::new(STANDARD.encode([byte; 32]))).unwrap()
}

#[tokio::test]
async fn conforms() {
    for key in [None, Some(1)] {
        let report = suite(|| Place::new(key)).await;
        print!("{report}");
        assert!(report.passed(), "{report}");
    }
}

#[tokio::test]
async fn a_secret_needs_the_key_it_was_sealed_with() {
    let place = Place::new(None);
    let sealed = open(&place.path()).unwrap().with_key(key(1));
    assert!(sealed.seal("crm", &Secret::new("t0ken")).await.unwrap());
    let bytes = std::fs::read(place.path()).unwrap();
    assert!(!bytes.windows(5).any(|window| window == b"t0ken"));

    let without = open(&place.path()).unwrap();
    let error = without.unseal("crm").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    let other = open(&place.path()).unwrap().with_key(key(2));
    let error = other.unseal("crm").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State, "{error}");
}

#[tokio::test]
async fn a_held_lease_names_its_holder_after_the_wait() {
    let place = Place::new(None);
    let clock = Arc::new(TestClock::default());
    let store = SqliteState::open(place.path(), clock.clone()).unwrap();
    let _held = store.lease("p", Duration::ZERO, 0).await.unwrap();
    let second = store.lease("p", Duration::from_millis(120), 0).await;
    let error = second.err().unwrap().to_string();
    let pid = std::process::id();
    assert!(
        error.contains(&format!("held by process {pid} on ")),
        "{error}"
    );
    assert!(error.contains("since 1970-01-01T00:00:00Z"), "{error}");
    assert_eq!(clock.elapsed(), Duration::from_millis(120));
}

#[tokio::test]
async fn state_of_a_newer_version_is_refused_with_its_file() {
    let place = Place::new(None);
    drop(open(&place.path()).unwrap());
    place.age().await;
    let error = open(&place.path()).err().unwrap().to_string();
    assert!(error.contains("state.db"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_state() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new(None);
    let store = open(&place.path()).unwrap();
    let _lease = store.lease("p", Duration::ZERO, 0).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let path = place.path();
    let folder = path.parent().unwrap();
    assert_eq!(mode(folder), 0o700);
    let files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_reader_leaves_nothing_behind_and_sees_what_is_not_yet_in_the_file() {
    let place = Place::new(None);
    let read_only = || SqliteState::read_only(place.path(), Arc::new(TestClock::default()));
    assert!(read_only().unwrap().is_none());
    assert!(!place.path().parent().unwrap().exists());

    let store = open(&place.path()).unwrap();
    store.append("runs/p", &json!(1)).await.unwrap();
    let reader = read_only().unwrap().unwrap();
    let entry = &reader.tail("runs/p", 9).await.unwrap()[0];
    assert_eq!(entry.value, json!(1), "it is in the journal only");
    assert!(reader.append("runs/p", &json!(2)).await.is_err());
    drop((reader, store));

    let reader = read_only().unwrap().unwrap();
    assert_eq!(reader.tail("runs/p", 9).await.unwrap().len(), 1);
    let folder = std::fs::read_dir(place.path().parent().unwrap()).unwrap();
    assert_eq!(folder.count(), 1, "no journals");
}
