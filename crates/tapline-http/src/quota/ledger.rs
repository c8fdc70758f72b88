//! What is remembered of one key at one host, as a document that processes share.
//!
//! A change is a compare-and-set: whoever was slower reads the document again and decides anew. One
//! that cannot be read (damaged, or of another version) is begun anew: it is there to keep a source
//! from having to refuse, and the source can still do that itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tapline_core::{Clock, Error, ErrorKind, Result, StateStore};

use super::reported::Budgets;
use super::spent::Spent;
use super::window::{Used, Window};
use crate::backoff::random;

/// The documents of all ledgers.
const NAMESPACE: &str = "quota";
/// Version of the document.
const VERSION: u32 = 1;
/// How often a change is tried; each other process that was quicker has made its own meanwhile.
const ATTEMPTS: u32 = 100;
/// Longest pause before a change is tried again.
const PAUSE: Duration = Duration::from_millis(10);

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    version: u32,
    #[serde(default)]
    second: Used,
    #[serde(default)]
    minute: Used,
    #[serde(default)]
    day: Used,
    #[serde(default)]
    pub(crate) reported: Budgets,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            version: VERSION,
            second: Used::default(),
            minute: Used::default(),
            day: Used::default(),
            reported: Budgets::default(),
        }
    }
}

impl Ledger {
    /// What was used of `window`, as far as it matters at `now`.
    pub(crate) fn used(&mut self, window: Window, now: i64) -> &mut Used {
        let used = match window {
            Window::Second => &mut self.second,
            Window::Minute => &mut self.minute,
            Window::Day => &mut self.day,
        };
        used.forget(window, now);
        used
    }
}

/// Where a ledger is kept.
pub(crate) struct Shelf<'a> {
    /// `None`: in this process only.
    pub(crate) store: Option<&'a dyn StateStore>,
    pub(crate) key: &'a str,
    pub(crate) clock: &'a dyn Clock,
}

/// A copy of the ledger, and the version that it is of.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) ledger: Ledger,
    version: Option<u64>,
}

impl Book {
    /// Reads the ledger again; budgets that only this process has seen are kept.
    pub(crate) async fn read(&mut self, shelf: &Shelf<'_>) -> Result<()> {
        let Some(store) = shelf.store else {
            return Ok(());
        };
        let found = store.get(NAMESPACE, shelf.key).await?;
        self.version = found.as_ref().map(|document| document.version);
        let ledger =
            found.and_then(|document| serde_json::from_value::<Ledger>(document.value).ok());
        let ledger = ledger.filter(|ledger| ledger.version == VERSION);
        let mine = std::mem::replace(&mut self.ledger, ledger.unwrap_or_default());
        self.ledger.reported.merge(mine.reported);
        Ok(())
    }

    /// Makes `change` to the ledger, and says what came of it. It decides on a copy that may be old;
    /// before it is believed that a budget is spent, the ledger is read again.
    pub(crate) async fn change<T>(
        &mut self,
        shelf: &Shelf<'_>,
        mut change: impl FnMut(&mut Ledger) -> Result<T, Spent>,
    ) -> Result<Result<T, Spent>> {
        let mut is_fresh = shelf.store.is_none();
        for attempt in 0..ATTEMPTS {
            let mut draft = self.ledger.clone();
            match change(&mut draft) {
                Err(spent) if is_fresh => return Ok(Err(spent)),
                Err(_) => {}
                Ok(done) => match self.put(shelf, draft).await {
                    Ok(()) => return Ok(Ok(done)),
                    Err(error) if error.kind() == ErrorKind::Conflict => {}
                    Err(error) => return Err(error),
                },
            }
            if attempt > 0 {
                shelf.clock.sleep(PAUSE.mul_f64(random())).await;
            }
            self.read(shelf).await?;
            is_fresh = true;
        }
        let message = "other processes changed the ledger of the quota again and again";
        Err(Error::new(ErrorKind::State, "count request", message))
    }

    async fn put(&mut self, shelf: &Shelf<'_>, draft: Ledger) -> Result<()> {
        if let Some(store) = shelf.store {
            let value = serde_json::to_value(&draft).map_err(|error| {
                Error::new(ErrorKind::Internal, "count request", error.to_string())
            })?;
            let version = store
                .put(NAMESPACE, shelf.key, &value, self.version)
                .await?;
            self.version = Some(version);
        }
        self.ledger = draft;
        Ok(())
    }
}
