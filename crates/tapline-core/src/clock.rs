//! The clock door: wall time, elapsed time, and waiting.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// Time as the engine knows it. The simulator's clock moves only when something sleeps.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Wall time (UTC). It may jump; use [`Clock::elapsed`] for durations.
    fn now(&self) -> Timestamp;

    /// Time since this clock was made; never goes back.
    fn elapsed(&self) -> Duration;

    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);
}

/// Time that stands still, and nothing waits: for tests and benchmarks.
#[derive(Clone, Copy, Debug)]
pub struct Still(pub Timestamp);

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _: Duration) {}
}
