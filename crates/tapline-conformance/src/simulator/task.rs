//! Runs as tasks on one thread: who goes next is decided by chance, and by nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::future::BoxFuture;

use super::stage::Stage;

/// A future, and what came of it.
pub(super) struct Task<T> {
    future: Option<BoxFuture<'static, T>>,
    woken: Arc<Woken>,
    pub(super) result: Option<T>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<T> Task<T> {
    pub(super) fn new(future: BoxFuture<'static, T>) -> Self {
        Self {
            future: Some(future),
            woken: Arc::new(Woken(AtomicBool::new(true))),
            result: None,
        }
    }

    /// The process dies: the future is dropped where it stands.
    pub(super) fn kill(&mut self) {
        self.future = None;
    }

    pub(super) fn is_over(&self) -> bool {
        self.future.is_none()
    }

    fn is_ready(&self) -> bool {
        !self.is_over() && self.woken.0.load(Ordering::Relaxed)
    }

    fn step(&mut self) {
        self.woken.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(self.woken.clone());
        let Some(future) = &mut self.future else {
            return;
        };
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            self.future = None;
            self.result = Some(result);
        }
    }
}

/// How driving tasks ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driven {
    /// All tasks are over.
    Over,
    /// That many steps were made.
    Steps,
    /// A task waits for something that will never happen.
    Stuck,
}

/// Makes up to `steps` steps of `tasks`.
pub(super) fn drive<T>(stage: &Stage, tasks: &mut [&mut Task<T>], steps: u64) -> Driven {
    let mut made = 0;
    loop {
        if tasks.iter().all(|task| task.is_over()) {
            return Driven::Over;
        }
        if made == steps {
            return Driven::Steps;
        }
        let mut ready: Vec<_> = tasks.iter_mut().filter(|task| task.is_ready()).collect();
        if ready.is_empty() {
            if !stage.timeline.advance() {
                return Driven::Stuck;
            }
            continue;
        }
        let chosen = match ready.len() {
            1 => 0,
            more => stage.below(more as u64) as usize,
        };
        ready[chosen].step();
        made += 1;
    }
}

/// Runs `future` to its end, where nobody else is there.
#[cfg(test)]
pub(super) fn drive_alone<T>(
    timeline: &super::timeline::Timeline,
    future: impl Future<Output = T>,
) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        match future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(result) => return result,
            Poll::Pending => assert!(timeline.advance(), "nothing will ever happen"),
        }
    }
}
