//! The time of real servers.

#![expect(
    clippy::disallowed_methods,
    reason = "what a real server takes, it takes in real time"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use tapline_core::Clock;

/// The real clock.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(RealClock(Instant::now()))
}

#[derive(Debug)]
struct RealClock(Instant);

#[async_trait]
impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
