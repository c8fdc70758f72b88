//! Simulated time: it moves only when everybody waits. What the clock on the wall says may be
//! something else.

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
pub(super) const BEGINNING: i64 = 1_767_225_600;

/// What is due when. Cloning gives another handle on the same time.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline(Arc<Mutex<Agenda>>);

#[derive(Debug, Default)]
struct Agenda {
    now: Duration,
    /// Tells those apart that are due at the same time; first come, first served.
    next: u64,
    due: BTreeMap<(Duration, u64), Waker>,
    wall: Wall,
}

/// How the clock on the wall goes wrong.
#[derive(Clone, Copy, Debug, Default)]
struct Wall {
    /// Seconds that it is ahead.
    ahead: i64,
    /// Where it stands still.
    still: Option<Duration>,
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

    /// Lets `duration` pass, while nobody waits.
    pub(super) fn pass(&self, duration: Duration) {
        lock(&self.0).now += duration;
    }

    /// Puts the clock on the wall that many seconds forward, or back.
    pub(super) fn jump(&self, seconds: i64) {
        lock(&self.0).wall.ahead += seconds;
    }

    /// Stops the clock on the wall.
    pub(super) fn stall(&self) {
        let mut agenda = lock(&self.0);
        agenda.wall.still = Some(agenda.now);
    }

    /// Sets the clock on the wall right.
    pub(super) fn mend(&self) {
        lock(&self.0).wall = Wall::default();
    }

    /// Seconds since 1970, as time really is.
    pub(super) fn second(&self) -> i64 {
        BEGINNING + self.now().as_secs().cast_signed()
    }

    /// Seconds since 1970, as the clock on the wall shows them.
    pub(super) fn now_on_the_wall(&self) -> i64 {
        let now = Clock::now(self).as_nanosecond().div_euclid(1_000_000_000);
        i64::try_from(now).unwrap_or(i64::MIN)
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
        let agenda = lock(&self.0);
        let beginning = Timestamp::constant(BEGINNING, 0);
        let elapsed = agenda.wall.still.unwrap_or(agenda.now);
        let elapsed = SignedDuration::try_from(elapsed).unwrap_or_default();
        let ahead = SignedDuration::from_secs(agenda.wall.ahead);
        beginning.checked_add(elapsed + ahead).unwrap_or(beginning)
    }

    fn elapsed(&self) -> Duration {
        Self::now(self)
    }

    async fn sleep(&self, duration: Duration) {
        self.wait(duration).await;
    }
}
