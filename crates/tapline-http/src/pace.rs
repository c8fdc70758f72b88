//! The pace of a connection: a pause between two requests, and a common wait after a 429.
//!
//! All transports of a client share one pace. Without that, each stream would have to be told by
//! the server on its own that the connection's quota is used up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tapline_core::{Clock, Events, Request, Response, Result, RunEvent, Transport};

use crate::wait::{is_noticeable, too_long};

/// Says when the next request may start.
pub(crate) struct Pace {
    delay: Duration,
    max_wait: Duration,
    clock: Arc<dyn Clock>,
    events: Events,
    state: Mutex<State>,
}

/// Times as [`Clock::elapsed`] counts them.
#[derive(Default)]
struct State {
    /// Start of the next request, as far as the delay says.
    next: Duration,
    /// No request before this.
    not_before: Duration,
}

impl Pace {
    pub(crate) fn new(
        delay: Duration,
        max_wait: Duration,
        clock: Arc<dyn Clock>,
        events: Events,
    ) -> Self {
        Self {
            delay,
            max_wait,
            clock,
            events,
            state: Mutex::default(),
        }
    }

    /// No request of the connection starts within the next `wait`.
    pub(crate) fn hold(&self, wait: Duration) {
        let until = self.clock.elapsed().saturating_add(wait);
        let mut state = self.state();
        state.not_before = state.not_before.max(until);
    }

    /// Waits for its turn, and says how long that took.
    async fn turn(&self) -> Result<Duration> {
        let mut waited = Duration::ZERO;
        loop {
            let (wait, held) = self.reserve()?;
            if wait.is_zero() {
                return Ok(waited);
            }
            self.tell(wait, held);
            self.clock.sleep(wait).await;
            waited += wait;
            if !self.is_held() {
                return Ok(waited);
            }
        }
    }

    /// Takes the next start: how far off it is, and whether because of a hold. Nothing is taken
    /// beyond a hold that is too long, or whoever asks next would wait for that start.
    fn reserve(&self) -> Result<(Duration, bool)> {
        let now = self.clock.elapsed();
        let mut state = self.state();
        let hold = state.not_before.saturating_sub(now);
        if hold > self.max_wait {
            return Err(too_long(hold, self.clock.now(), self.max_wait));
        }
        let start = now.max(state.next).max(state.not_before);
        state.next = start.saturating_add(self.delay);
        Ok((start.saturating_sub(now), !hold.is_zero()))
    }

    /// Whether a hold came, or is still there, after a wait.
    fn is_held(&self) -> bool {
        let now = self.clock.elapsed();
        self.state().not_before > now
    }

    fn tell(&self, wait: Duration, held: bool) {
        if is_noticeable(wait) {
            self.events.emit(RunEvent::Waiting {
                reason: if held { "rate limit" } else { "pace" }.to_owned(),
                for_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                attempt: 1,
            });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, and two durations cannot be half-written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends at the connection's pace.
pub(crate) struct Paced {
    pub(crate) inner: Arc<dyn Transport>,
    pub(crate) pace: Arc<Pace>,
}

#[async_trait]
impl Transport for Paced {
    async fn send(&self, request: Request) -> Result<Response> {
        let waited = self.pace.turn().await?;
        let mut response = self.inner.send(request).await?;
        response.exchange.waited += waited;
        Ok(response)
    }
}
