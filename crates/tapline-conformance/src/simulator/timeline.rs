//! Simulated time: it moves only when everybody waits.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tapline_core::Clock;

use crate::lock::lock;

/// When the world begins: 2026-01-01.
const BEGINNING: i64 = 1_767_225_600;

/// What is due when. Cloning gives another handle on the same time.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline(Arc<Mutex<Agenda>>);

#[derive(Debug, Default)]
struct Agenda {
    now: Duration,
    /// Tells those apart that are due at the same time; first come, first served.
    next: u64,
    due: BTreeMap<(Duration, u64), Waker>,
}

impl Timeline {
    pub(super) fn now(&self) -> Duration {
        lock(&self.0).now
    }

    /// Goes on to the next moment at which something is due; false if nothing ever will be.
    pub(super) fn advance(&self) -> bool {
        let first = {
            let mut agenda = lock(&self.0);
            let first = agenda.due.pop_first();
            if let Some(((at, _), _)) = &first {
                agenda.now = agenda.now.max(*at);
            }
            first
        };
        let Some((_, waker)) = first else {
            return false;
        };
        waker.wake();
        true
    }

    /// Returns when `duration` is over; at least one other turn is taken before.
    pub(super) async fn wait(&self, duration: Duration) {
        let mut until = None;
        poll_fn(|context| {
            let mut agenda = lock(&self.0);
            let at = *until.get_or_insert_with(|| {
                let at = (agenda.now + duration, agenda.next);
                agenda.next += 1;
                agenda.due.insert(at, context.waker().clone());
                at
            });
            if let Some(waker) = agenda.due.get_mut(&at) {
                waker.clone_from(context.waker());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }
}

#[async_trait]
impl Clock for Timeline {
    fn now(&self) -> Timestamp {
        let beginning = Timestamp::constant(BEGINNING, 0);
        let elapsed = SignedDuration::try_from(Self::now(self)).unwrap_or_default();
        beginning.checked_add(elapsed).unwrap_or(beginning)
    }

    fn elapsed(&self) -> Duration {
        Self::now(self)
    }

    async fn sleep(&self, duration: Duration) {
        self.wait(duration).await;
    }
}
