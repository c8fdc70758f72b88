//! The doors to time and CPU, as a process has them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::mpsc::{self, SendError, Sender};
use std::thread;
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

type Job = Box<dyn FnOnce() + Send>;

/// One thread that does one job after the other. The runtime's blocking threads would take turns,
/// and the allocator would keep for each of them what the largest page once needed.
///
/// It starts with its first job and ends after its last, once this is dropped.
#[derive(Debug)]
pub(crate) struct Worker {
    name: &'static str,
    jobs: OnceLock<Sender<Job>>,
}

impl Worker {
    /// A worker whose thread is called `name`.
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            jobs: OnceLock::new(),
        }
    }

    fn start(&self) -> Sender<Job> {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let thread = thread::Builder::new().name(self.name.to_owned());
        let started = thread.spawn(move || inbox.into_iter().for_each(guarded));
        if let Err(error) = started {
            tracing::warn!(
                "no thread {}, its work is done elsewhere: {error}",
                self.name
            );
        }
        jobs
    }
}

/// Does `job`. A panic is seen by whoever waits for its result; the jobs after it are not to blame.
fn guarded(job: Job) {
    let _ = catch_unwind(AssertUnwindSafe(job));
}

impl Compute for Worker {
    fn execute(&self, job: Job) {
        let jobs = self.jobs.get_or_init(|| self.start());
        if let Err(SendError(job)) = jobs.send(job) {
            // There is no thread: slow is better than not at all.
            guarded(job);
        }
    }
}

#[cfg(test)]
mod tests {
    use tapline_core::compute;

    use super::*;

    #[tokio::test]
    async fn jobs_run_on_one_thread_and_panics_stay_there() {
        let worker = Worker::new("tapline-test");
        let place = || {
            let thread = thread::current();
            (thread.id(), thread.name().map(str::to_owned))
        };
        let (first, name) = compute(&worker, place).await.unwrap();
        assert_eq!(name.as_deref(), Some("tapline-test"));
        assert_ne!(first, thread::current().id());
        let failed: tapline_core::Result<()> = compute(&worker, || panic!("on purpose")).await;
        assert!(failed.is_err());
        assert_eq!(compute(&worker, place).await.unwrap(), (first, name));
    }

    #[test]
    fn elapsed_never_goes_back() {
        let clock = SystemClock::new();
        let first = clock.elapsed();
        assert!(clock.elapsed() >= first);
    }
}
