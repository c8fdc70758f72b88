//! Panics end here: one that crossed the border would end the runner.
//!
//! What a panic says goes to the host, which knows what is secret in it; here only its place is
//! printed.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::Pin;
use std::sync::Once;
use std::task::{Context, Poll};
use std::thread;

use tapline_abi::failure;

use crate::Error;

/// What `work` returns, or an error with the panic's message.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    caught(work).unwrap_or_else(|payload| Err(panicked(payload)))
}

/// Drops `value`. If that panics the panic is lost, there being nobody to tell.
pub(crate) fn drop_guarded<T>(value: T) {
    if let Err(payload) = caught(|| drop(value)) {
        std::mem::forget(payload);
    }
}

type Payload = Box<dyn Any + Send>;

thread_local! {
    /// How many calls of [`caught`] this thread is in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// What `work` returns, or what it panicked with.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Payload> {
    hush();
    DEPTH.set(DEPTH.get() + 1);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    DEPTH.set(DEPTH.get() - 1);
    outcome
}

/// Prints only the place of panics that are caught here. The hook is this library's own: each has
/// its own standard library.
fn hush() {
    static ONCE: Once = Once::new();
    // A hook cannot be set by a thread that panics.
    if !thread::panicking() {
        ONCE.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |panic| {
                if DEPTH.get() > 0 {
                    print_place(panic);
                } else {
                    before(panic);
                }
            }));
        });
    }
}

fn print_place(panic: &PanicHookInfo<'_>) {
    if let Some(place) = panic.location() {
        // Without stderr, there is nobody to tell.
        let _ = writeln!(io::stderr(), "a connector panicked at {place}");
    }
}

fn panicked(payload: Payload) -> Error {
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
        let poll = caught(|| inner.as_mut().poll(cx))
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
