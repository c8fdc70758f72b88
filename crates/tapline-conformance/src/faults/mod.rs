//! Makes one call at a door fail, or the process die in it, before the call's effect or after.
//!
//! A reference run under [`Faults::none`] tells how many calls there are; [`Fault::all`] lists every
//! way in which one of them can go wrong. The wrappers stand around any implementation of
//! a door, so the same enumeration is tried on the simulator's doors and on real ones.

mod doors;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use tapline_core::{Error, ErrorKind, Result};

pub use doors::{FaultyDestination, FaultyState, FaultyTransport};

use crate::lock::lock;

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Index of the call, from 0, over all doors.
    pub call: usize,
    /// On which side of the call's effect.
    pub moment: Moment,
    /// What happens.
    pub kind: Kind,
}

/// On which side of a call's effect something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The call has no effect.
    Before,
    /// The call has its effect, and its answer is lost.
    After,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It returns an error.
    Error,
    /// It never returns: the process is dead.
    Crash,
}

impl Fault {
    /// Everything that can go wrong once in `calls` calls.
    pub fn all(calls: usize) -> impl Iterator<Item = Self> {
        let kinds = [Kind::Error, Kind::Crash];
        let ways = kinds.map(|kind| [Moment::Before, Moment::After].map(|moment| (moment, kind)));
        (0..calls).flat_map(move |call| {
            let ways = ways.into_iter().flatten();
            ways.map(move |(moment, kind)| Self { call, moment, kind })
        })
    }
}

/// Counts the calls of one run, and strikes one of them at most.
#[derive(Debug, Default)]
pub struct Faults {
    target: Option<Fault>,
    calls: Mutex<Vec<&'static str>>,
    crashed: AtomicBool,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// `fault` happens, if the run gets that far.
    pub fn of(fault: Fault) -> Self {
        Self {
            target: Some(fault),
            ..Self::default()
        }
    }

    /// The calls made, by name, in order.
    pub fn calls(&self) -> Vec<&'static str> {
        lock(&self.calls).clone()
    }

    /// The call that was struck, if the run got that far.
    pub fn struck(&self) -> Option<&'static str> {
        let target = self.target?;
        lock(&self.calls).get(target.call).copied()
    }

    /// Runs `run` to its end, or to the crash; `None` then, and nothing of it goes on.
    pub async fn until_crash<T>(&self, run: impl Future<Output = T>) -> Option<T> {
        let mut run = pin!(run);
        poll_fn(|context| match run.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.crashed.load(Ordering::Relaxed) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Makes the call `name`, of the kind of door that fails with `kind`.
    async fn around<T>(
        &self,
        name: &'static str,
        kind: ErrorKind,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let number = {
            let mut calls = lock(&self.calls);
            calls.push(name);
            calls.len() - 1
        };
        match self.target.filter(|fault| fault.call == number) {
            None => call.await,
            Some(fault) => {
                if fault.moment == Moment::After {
                    drop(call.await?);
                }
                self.strike(fault.kind).await;
                Err(Error::new(kind, name, "an injected fault"))
            }
        }
    }

    async fn strike(&self, kind: Kind) {
        if kind == Kind::Crash {
            self.crashed.store(true, Ordering::Relaxed);
            std::future::pending().await
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    async fn call(faults: &Faults, effects: &Mutex<u32>) -> Result<()> {
        let effect = async {
            *lock(effects) += 1;
            Ok(())
        };
        faults.around("call", ErrorKind::State, effect).await
    }

    #[track_caller]
    fn check(fault: Fault, expected: Option<bool>, effects: u32) {
        let faults = Faults::of(fault);
        let counted = Mutex::new(0);
        let run = async {
            let first = call(&faults, &counted).await;
            first.and(call(&faults, &counted).await).is_ok()
        };
        let ended = faults.until_crash(run).now_or_never().unwrap();
        assert_eq!(ended, expected, "{fault:?}");
        assert_eq!(*lock(&counted), effects, "{fault:?}");
    }

    #[test]
    fn a_call_is_struck_before_or_after_its_effect() {
        let fault = |call, moment, kind| Fault { call, moment, kind };
        check(fault(0, Moment::Before, Kind::Error), Some(false), 1);
        check(fault(1, Moment::After, Kind::Error), Some(false), 2);
        check(fault(1, Moment::Before, Kind::Crash), None, 1);
        check(fault(1, Moment::After, Kind::Crash), None, 2);
        check(fault(2, Moment::Before, Kind::Crash), Some(true), 2);
    }

    #[test]
    fn everything_is_listed_once() {
        let all: Vec<Fault> = Fault::all(3).collect();
        assert_eq!(all.len(), 12);
        assert!((1..12).all(|n| !all[..n].contains(&all[n])));
    }
}
