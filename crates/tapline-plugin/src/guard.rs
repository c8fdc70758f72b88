//! Panics end here: one that crossed the border would end the runner.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tapline_abi::failure;

use crate::Error;

/// What `work` returns, or an error with the panic's message.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(panicked(payload)))
}

/// Drops `value`. If that panics the panic is lost, there being nobody to tell.
pub(crate) fn drop_guarded<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        std::mem::forget(payload);
    }
}

fn panicked(payload: Box<dyn Any + Send>) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let error = Error::of_kind(failure::PANIC, format!("the connector panicked: {text}"));
    // Dropping an unknown payload could panic again.
    std::mem::forget(payload);
    error
}

/// A future whose panics become errors, whether it is polled or dropped.
pub(crate) struct Guarded<'a, T>(Option<Inner<'a, T>>);

type Inner<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

impl<'a, T> Guarded<'a, T> {
    pub(crate) fn new(future: impl Future<Output = Result<T, Error>> + Send + 'a) -> Self {
        Self(Some(Box::pin(future)))
    }
}

impl<T> Future for Guarded<'_, T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(inner) = &mut self.0 else {
            return Poll::Ready(Err(Error::new("a finished call was polled again")));
        };
        let poll = catch_unwind(AssertUnwindSafe(|| inner.as_mut().poll(cx)))
            .unwrap_or_else(|payload| Poll::Ready(Err(panicked(payload))));
        if poll.is_ready() {
            drop_guarded(self.0.take());
        }
        poll
    }
}

impl<T> Drop for Guarded<'_, T> {
    fn drop(&mut self) {
        drop_guarded(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }

    fn poll_once<T>(future: Guarded<'_, T>) -> Poll<Result<T, Error>> {
        let mut future = Box::pin(future);
        future
            .as_mut()
            .poll(&mut Context::from_waker(std::task::Waker::noop()))
    }

    #[test]
    fn a_panic_becomes_an_error_with_its_message() {
        let error = guarded::<()>(|| panic!("no {}", "key")).unwrap_err();
        assert_eq!(error.to_string(), "the connector panicked: no key");
        let Poll::Ready(Err(error)) = poll_once::<()>(Guarded::new(async { panic!("in poll") }))
        else {
            panic!("not ready with an error");
        };
        assert_eq!(error.to_string(), "the connector panicked: in poll");
    }

    #[test]
    fn a_panic_while_dropping_ends_here() {
        let cancelled = Guarded::<()>::new(async {
            let _bomb = Bomb;
            std::future::pending().await
        });
        assert!(poll_once(cancelled).is_pending());
        drop_guarded(Bomb);
    }
}
