//! The compute door: where CPU work goes, so that it never blocks whoever drives the I/O.

use futures::channel::oneshot;

use crate::{Error, ErrorKind, Result};

/// Runs jobs: on a pool of threads in production, at once in the simulator.
pub trait Compute: Send + Sync {
    /// Runs `job` to its end, now or soon.
    fn execute(&self, job: Box<dyn FnOnce() + Send>);
}

/// Runs every job at once on the caller's thread: for the simulator and for tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inline;

impl Compute for Inline {
    fn execute(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }
}

/// Runs `work` on `door` and waits for its result.
///
/// # Errors
/// [`ErrorKind::Internal`] if the job panicked: the panic stays on its own thread.
pub async fn compute<T: Send + 'static>(
    door: &dyn Compute,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let (done, result) = oneshot::channel();
    door.execute(Box::new(move || {
        // The receiver is gone only if the run was dropped; then nobody wants the result.
        let _ = done.send(work());
    }));
    result
        .await
        .map_err(|_| Error::new(ErrorKind::Internal, "compute", "a job panicked"))
}
