//! A thread that owns something that blocks, and takes jobs for it.
//!
//! Dropping the worker ends the thread after the job at hand. A call whose future is dropped is
//! still carried out, so the thing is never left in the middle of a transaction.

use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;

use crate::failure::{Failure, Result};

type Job<T> = Box<dyn FnOnce(&mut T) + Send>;

pub(crate) struct Worker<T> {
    jobs: mpsc::Sender<Job<T>>,
}

impl<T: 'static> Worker<T> {
    /// Starts a thread and makes its thing there.
    pub(crate) async fn start(make: impl FnOnce() -> Result<T> + Send + 'static) -> Result<Self> {
        let (jobs, inbox) = mpsc::channel::<Job<T>>();
        let (made, ready) = oneshot::channel();
        let thread = thread::Builder::new().name("tapline-sqlite".to_owned());
        let body = move || {
            let thing = make();
            let (report, thing) = match thing {
                Ok(thing) => (Ok(()), Some(thing)),
                Err(failure) => (Err(failure), None),
            };
            // Nobody listens if the caller gave up; then no jobs come either.
            let _ = made.send(report);
            if let Some(mut thing) = thing {
                inbox.into_iter().for_each(|job| job(&mut thing));
            }
        };
        thread.spawn(body).map_err(|_| Failure::Gone)?;
        ready.await.map_err(|_| Failure::Gone)??;
        Ok(Self { jobs })
    }

    /// Runs `job` on the thread.
    pub(crate) async fn call<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut T) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        let (done, answer) = oneshot::channel();
        let job: Job<T> = Box::new(move |thing| {
            let _ = done.send(job(thing));
        });
        self.jobs.send(job).map_err(|_| Failure::Gone)?;
        answer.await.map_err(|_| Failure::Gone)?
    }
}
