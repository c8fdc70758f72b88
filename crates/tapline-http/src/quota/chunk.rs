//! Requests that a process has taken from the ledger, to be sent within a few seconds.
//!
//! A ledger that many processes share costs a write, which is durable, for each change. So a
//! process takes several requests at once: one at first, twice as many where they are gone quickly.
//! With the next chunk, or at the end, its place in the ledger is taken by what was really sent, and
//! when; what was not is given back. What a killed process had left is lost until its window has
//! passed.
//!
//! Whoever keeps to any limit counts in every window, so that others find there what they limit.

use std::time::Duration;

use jiff::Timestamp;

use super::account::Rules;
use super::ledger::Ledger;
use super::spent::Spent;
use super::window::Window;

/// How long a chunk lasts.
const LASTS: Duration = Duration::from_secs(4);
/// A chunk that is gone sooner makes the next one larger.
const QUICK: Duration = Duration::from_secs(2);
/// Requests of a chunk at most.
const LARGEST: u64 = 100;
/// Requests that the ledger counts as if all were sent at the end of the chunk's time.
pub(crate) struct Chunk {
    size: u64,
    /// When it was taken, by [`tapline_core::Clock::elapsed`].
    taken: Duration,
    /// From when until when it may be used, in milliseconds since 1970.
    from: i64,
    until: i64,
    /// When its requests were sent.
    sent: Vec<i64>,
}

/// How large a chunk should be after `last`: as many as were used, or twice as many.
pub(crate) fn next_size(size: u64, last: Option<&Chunk>, elapsed: Duration, rules: &Rules) -> u64 {
    let size = match last {
        Some(last) if last.left() > 0 => last.size - last.left(),
        Some(last) if elapsed.saturating_sub(last.taken) < QUICK => size.saturating_mul(2),
        _ => size,
    };
    let limits = rules.limits.iter();
    let parts = limits.map(|(window, limit)| window.part(*limit));
    let most = parts.min().unwrap_or(LARGEST).min(LARGEST);
    size.min(most).max(1)
}

impl Chunk {
    /// Takes up to `size` requests, as many as every limit has left, and uses one of them.
    pub(crate) fn open(
        ledger: &mut Ledger,
        size: u64,
        rules: &Rules,
        now: i64,
        taken: Duration,
    ) -> Result<Self, Spent> {
        let mut size = size;
        let mut latest: Option<(i64, Window, u64)> = None;
        for (window, limit) in &rules.limits {
            let used = ledger.used(*window, now);
            let left = used.left(*limit);
            size = size.min(left);
            let opens = (used.opens(*window, *limit), *window, *limit);
            if left == 0 && latest.is_none_or(|latest| latest.0 < opens.0) {
                latest = Some(opens);
            }
        }
        if let Some((opens, window, limit)) = latest {
            return Err(Spent {
                budget: words(window, limit),
                until: Timestamp::from_millisecond(opens).unwrap_or(Timestamp::MAX),
            });
        }
        let lasts = i64::try_from(LASTS.as_millis()).unwrap_or(i64::MAX);
        let chunk = Self {
            size,
            taken,
            from: now,
            until: now.saturating_add(lasts),
            sent: vec![now],
        };
        for window in Window::ALL {
            ledger.used(window, now).add(window.slot(chunk.until), size);
        }
        Ok(chunk)
    }

    /// Uses one of them, if there is one that may be sent now.
    pub(crate) fn use_one(&mut self, now: Timestamp) -> bool {
        let now = now.as_millisecond();
        let is_there = self.left() > 0 && (self.from..self.until).contains(&now);
        if is_there {
            self.sent.push(now);
        }
        is_there
    }

    fn left(&self) -> u64 {
        self.size.saturating_sub(self.sent.len() as u64)
    }

    /// Puts what was sent into the place of what was taken.
    pub(crate) fn close(&self, ledger: &mut Ledger, now: i64) {
        for window in Window::ALL {
            let used = ledger.used(window, now);
            used.give_back(window.slot(self.until), self.size);
            for at in &self.sent {
                used.add(window.slot(*at), 1);
            }
            used.forget(window, now);
        }
    }
}

fn words(window: Window, limit: u64) -> String {
    let requests = if limit == 1 { "request" } else { "requests" };
    format!("{limit} {requests} a {}", window.noun())
}
