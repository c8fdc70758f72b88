//! The doors to time and CPU, as a process has them.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use tapline_core::{Clock, Compute};

/// The clock of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock {
    made: Instant,
}

impl SystemClock {
    /// A clock whose elapsed time starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the Clock door")]
    pub(crate) fn new() -> Self {
        Self {
            made: Instant::now(),
        }
    }
}

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock door")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.made.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the Clock door")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The runtime's blocking threads. The engine bounds how many jobs are under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThreadPool;

impl Compute for ThreadPool {
    fn execute(&self, job: Box<dyn FnOnce() + Send>) {
        // A panic is seen by whoever waits for the job's result, not here.
        drop(tokio::task::spawn_blocking(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn jobs_run_elsewhere_and_panics_stay_there() {
        assert_eq!(
            tapline_core::compute(&ThreadPool, || 2 + 2).await.unwrap(),
            4
        );
        let failed: tapline_core::Result<()> =
            tapline_core::compute(&ThreadPool, || panic!("on purpose")).await;
        assert!(failed.is_err());
    }

    #[test]
    fn elapsed_never_goes_back() {
        let clock = SystemClock::new();
        let first = clock.elapsed();
        assert!(clock.elapsed() >= first);
    }
}
