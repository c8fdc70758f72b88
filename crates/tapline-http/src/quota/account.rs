//! One key at one host: takes requests from its ledger, and notes there what the source reports.

use std::time::Duration;

use jiff::Timestamp;
use tapline_core::{Clock, Result, StateStore};
use tokio::sync::Mutex;

use super::chunk::{Chunk, next_size};
use super::ledger::{Book, Shelf};
use super::reported::Reported;
use super::spent::Spent;
use super::window::Window;

/// How often what is left is noted while it is low.
const EVERY: Duration = Duration::from_secs(1);

/// What may be used of any account.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Requests by window, after the share is taken; each at least 1.
    pub(crate) limits: Vec<(Window, u64)>,
    /// How many percent of a reported budget may be used.
    pub(crate) share: u8,
    /// Whether reported budgets count.
    pub(crate) reported: bool,
}

/// The doors of an account.
#[derive(Clone, Copy)]
pub(crate) struct Doors<'a> {
    pub(crate) store: Option<&'a dyn StateStore>,
    pub(crate) clock: &'a dyn Clock,
}

/// One key at one host.
pub(crate) struct Account {
    /// The ledger's key.
    key: String,
    desk: Mutex<Desk>,
}

#[derive(Default)]
struct Desk {
    book: Book,
    /// Whether the ledger was read at all.
    is_open: bool,
    chunk: Option<Chunk>,
    /// Requests of the next chunk.
    size: u64,
    /// When a report was noted in the ledger, by [`Clock::elapsed`].
    noted: Option<Duration>,
}

impl Account {
    pub(crate) fn new(key: String) -> Self {
        Self {
            key,
            desk: Mutex::default(),
        }
    }

    /// Takes one request to a path of the shape that `path` says, or says what it has to wait for.
    pub(crate) async fn take(
        &self,
        rules: &Rules,
        doors: Doors<'_>,
        path: impl Fn() -> String,
    ) -> Result<Option<Spent>> {
        if rules.limits.is_empty() && !rules.reported {
            return Ok(None);
        }
        let shelf = self.shelf(doors);
        let mut desk = self.desk.lock().await;
        if !desk.is_open {
            desk.book.read(&shelf).await?;
            desk.is_open = true;
        }
        let now = doors.clock.now();
        let budgets = &desk.book.ledger.reported;
        if rules.reported && !budgets.is_empty() {
            let spent = budgets.hold(&path(), rules.share, now);
            if spent.is_some() {
                return Ok(spent);
            }
        }
        if rules.limits.is_empty() || desk.chunk.as_mut().is_some_and(|chunk| chunk.use_one(now)) {
            return Ok(None);
        }
        desk.refill(&shelf, rules).await
    }

    /// Notes what an answer from `path` has `reported`: in the ledger where other processes had
    /// better know it.
    pub(crate) async fn note(
        &self,
        rules: &Rules,
        doors: Doors<'_>,
        path: &str,
        reported: Vec<Reported>,
    ) -> Result<()> {
        let mut desk = self.desk.lock().await;
        let (now, elapsed) = (doors.clock.now(), doors.clock.elapsed());
        let soon = now.checked_add(EVERY).unwrap_or(now);
        let budgets = &mut desk.book.ledger.reported;
        let until = |spent: Option<Spent>| spent.map(|spent| spent.until).filter(|at| *at > soon);
        let before = until(budgets.hold(path, rules.share, now));
        budgets.note(path, reported);
        let after = until(budgets.hold(path, rules.share, now));
        let is_later = |before: Timestamp, after: Timestamp| {
            Duration::try_from(after.duration_since(before)).is_ok_and(|later| later > EVERY)
        };
        let is_new = after.is_some_and(|at| before.is_none_or(|before| is_later(before, at)));
        let is_low = budgets.is_low(now) && desk.noted.is_none_or(|at| elapsed >= at + EVERY);
        if !is_new && !is_low {
            return Ok(());
        }
        desk.noted = Some(elapsed);
        let reported = desk.book.ledger.reported.clone();
        let shelf = self.shelf(doors);
        let noting = desk.book.change(&shelf, |ledger| {
            ledger.reported.merge(reported.clone());
            Ok(())
        });
        noting.await.map(|_| ())
    }

    /// Gives back what is left, and counts the rest where it was sent.
    pub(crate) async fn settle(&self, doors: Doors<'_>) -> Result<()> {
        let mut desk = self.desk.lock().await;
        let Some(chunk) = desk.chunk.take() else {
            return Ok(());
        };
        let now = doors.clock.now().as_millisecond();
        let shelf = self.shelf(doors);
        let giving = desk.book.change(&shelf, |ledger| {
            chunk.close(ledger, now);
            Ok(())
        });
        giving.await.map(|_| ())
    }

    fn shelf<'a>(&'a self, doors: Doors<'a>) -> Shelf<'a> {
        Shelf {
            store: doors.store,
            key: &self.key,
            clock: doors.clock,
        }
    }
}

impl Desk {
    /// Takes a new chunk and one request of it.
    async fn refill(&mut self, shelf: &Shelf<'_>, rules: &Rules) -> Result<Option<Spent>> {
        let elapsed = shelf.clock.elapsed();
        let old = &self.chunk;
        let size = next_size(self.size, old.as_ref(), elapsed, rules);
        let taking = self.book.change(shelf, |ledger| {
            let now = shelf.clock.now().as_millisecond();
            if let Some(old) = old {
                old.close(ledger, now);
            }
            Chunk::open(ledger, size, rules, now, elapsed)
        });
        match taking.await? {
            Ok(chunk) => {
                self.chunk = Some(chunk);
                self.size = size;
                Ok(None)
            }
            Err(spent) => Ok(Some(spent)),
        }
    }
}
