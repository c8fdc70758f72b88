//! One key at one host: takes allowances from the ledger, and notes what the source reports.
//!
//! A ledger that many processes share costs a write, which is durable, for each change. So a
//! process takes requests from it in chunks: one at first, twice as many where a chunk was gone in
//! under a second. A chunk lasts no longer than the slot in which it is counted; what is left of it
//! is given back with the next one, or at the end. What a killed process had left is lost until its
//! window has passed.

use std::time::Duration;

use jiff::Timestamp;
use tapline_core::{Clock, Result, StateStore};
use tokio::sync::Mutex;

use super::ledger::{Book, Ledger, Shelf};
use super::reported::Reported;
use super::spent::Spent;
use super::window::Window;

/// A chunk that is gone sooner makes the next one larger.
const QUICK: Duration = Duration::from_secs(1);
/// Requests of a chunk at most.
const LARGEST: u64 = 100;
/// A chunk is no more than this part of any limit.
const PART: u64 = 20;
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

/// Requests that the ledger counts as sent.
struct Chunk {
    size: u64,
    left: u64,
    /// When it was taken, by [`Clock::elapsed`].
    taken: Duration,
    /// From when until when it may be used, in milliseconds since 1970.
    from: i64,
    until: i64,
    /// Where it is counted.
    slots: Vec<(Window, i64)>,
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
        if rules.limits.is_empty() || desk.use_one(now) {
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
        let is_new = after.is_some_and(|after| before.is_none_or(|before| after > before + EVERY));
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

    /// Gives back what is left.
    pub(crate) async fn settle(&self, doors: Doors<'_>) -> Result<()> {
        let mut desk = self.desk.lock().await;
        let Some(chunk) = desk.chunk.take().filter(|chunk| chunk.left > 0) else {
            return Ok(());
        };
        let now = doors.clock.now().as_millisecond();
        let shelf = self.shelf(doors);
        let giving = desk.book.change(&shelf, |ledger| {
            chunk.give_back(ledger, now);
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
    /// Uses one request of the chunk, if there is one.
    fn use_one(&mut self, now: Timestamp) -> bool {
        let now = now.as_millisecond();
        match &mut self.chunk {
            Some(chunk) if chunk.left > 0 && (chunk.from..chunk.until).contains(&now) => {
                chunk.left -= 1;
                true
            }
            _ => false,
        }
    }

    /// Takes a new chunk and one request of it.
    async fn refill(&mut self, shelf: &Shelf<'_>, rules: &Rules) -> Result<Option<Spent>> {
        let elapsed = shelf.clock.elapsed();
        let old = &self.chunk;
        let size = next_size(self.size, old.as_ref(), elapsed, rules);
        let taking = self.book.change(shelf, |ledger| {
            let now = shelf.clock.now();
            if let Some(old) = old {
                old.give_back(ledger, now.as_millisecond());
            }
            Chunk::take(ledger, size, rules, now, elapsed)
        });
        match taking.await? {
            Ok(mut chunk) => {
                chunk.left -= 1;
                self.chunk = Some(chunk);
                self.size = size;
                Ok(None)
            }
            Err(spent) => Ok(Some(spent)),
        }
    }
}

/// How large a chunk should be after `last`: as many as were used, or twice as many.
fn next_size(size: u64, last: Option<&Chunk>, elapsed: Duration, rules: &Rules) -> u64 {
    let size = match last {
        Some(last) if last.left > 0 => last.size - last.left,
        Some(last) if elapsed.saturating_sub(last.taken) < QUICK => size.saturating_mul(2),
        _ => size,
    };
    let limits = rules.limits.iter().map(|(_, limit)| limit / PART);
    let most = limits.min().unwrap_or(LARGEST).min(LARGEST);
    size.min(most).max(1)
}

impl Chunk {
    /// Counts up to `size` requests in every window.
    fn take(
        ledger: &mut Ledger,
        size: u64,
        rules: &Rules,
        now: Timestamp,
        taken: Duration,
    ) -> Result<Self, Spent> {
        let at = now.as_millisecond();
        let mut size = size;
        let mut spent: Option<Spent> = None;
        for (window, limit) in &rules.limits {
            let used = ledger.used(*window, at);
            let left = used.left(*limit);
            size = size.min(left);
            if left == 0 {
                let until = used.opens(*window, *limit);
                let until = Timestamp::from_millisecond(until).unwrap_or(now);
                if spent.as_ref().is_none_or(|spent| spent.until < until) {
                    spent = Some(Spent {
                        budget: words(*window, *limit),
                        until,
                    });
                }
            }
        }
        if let Some(spent) = spent {
            return Err(spent);
        }
        let mut chunk = Self {
            size,
            left: size,
            taken,
            from: at,
            until: i64::MAX,
            slots: Vec::new(),
        };
        for (window, _) in &rules.limits {
            let used = ledger.used(*window, at);
            let slot = used.slot(*window, at);
            used.add(slot, size);
            chunk.until = chunk.until.min(window.end(slot));
            chunk.slots.push((*window, slot));
        }
        Ok(chunk)
    }

    fn give_back(&self, ledger: &mut Ledger, now: i64) {
        for (window, slot) in &self.slots {
            ledger.used(*window, now).give_back(*slot, self.left);
        }
    }
}

fn words(window: Window, limit: u64) -> String {
    let requests = if limit == 1 { "request" } else { "requests" };
    format!("{limit} {requests} a {}", window.noun())
}
