//! Makes one call at a door fail, or the process die in it, before the call's effect or after.
//!
//! A reference run under [`Faults::none`] tells how many calls there are; [`Fault::all`] lists every
//! way in which one of them can go wrong, [`Fault::outages`] those in which all that follow go wrong
//! as well. The wrappers stand around any implementation of a door, so the same enumeration is tried
//! on the simulator's doors and on real ones. A [`Strike`] is told by name: the disk is full, say.

mod doors;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    /// It returns an error, and so does every later call of the run, at any door.
    Outage,
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

    /// Everything after which nothing works any more in `calls` calls.
    pub fn outages(calls: usize) -> impl Iterator<Item = Self> {
        let moments = [Moment::Before, Moment::After];
        (0..calls).flat_map(move |call| {
            moments.map(|moment| Self {
                call,
                moment,
                kind: Kind::Outage,
            })
        })
    }
}

/// Something that goes wrong with the calls of some names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// The calls that it may happen to.
    pub calls: &'static [&'static str],
    /// How many of those go well before.
    pub spared: u64,
    /// On which side of the call's effect.
    pub moment: Moment,
    /// What the error says.
    pub message: &'static str,
    /// Whether all later ones of those fail, too.
    pub lasts: bool,
}

/// What is to go wrong.
#[derive(Clone, Copy, Debug, Default)]
enum Target {
    #[default]
    Nothing,
    Call(Fault),
    Named(Strike),
}

/// What happens to a call.
struct Hit {
    moment: Moment,
    message: &'static str,
    is_crash: bool,
}

/// Counts the calls of one run, and strikes those that it is told to.
#[derive(Debug, Default)]
pub struct Faults {
    target: Target,
    calls: Mutex<Vec<&'static str>>,
    /// Calls that a strike might have happened to.
    met: AtomicU64,
    struck: AtomicBool,
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
            target: Target::Call(fault),
            ..Self::default()
        }
    }

    /// `strike` happens, if the run gets that far.
    pub fn named(strike: Strike) -> Self {
        Self {
            target: Target::Named(strike),
            ..Self::default()
        }
    }

    /// The calls made, by name, in order.
    pub fn calls(&self) -> Vec<&'static str> {
        lock(&self.calls).clone()
    }

    /// The call that was struck, if the run got that far.
    pub fn struck(&self) -> Option<&'static str> {
        let Target::Call(fault) = self.target else {
            return None;
        };
        lock(&self.calls).get(fault.call).copied()
    }

    /// Whether the run got as far as what was to go wrong.
    pub fn has_struck(&self) -> bool {
        self.struck.load(Ordering::Relaxed)
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
        match self.hit(name, number) {
            None => call.await,
            Some(hit) => {
                self.struck.store(true, Ordering::Relaxed);
                if hit.moment == Moment::After {
                    drop(call.await?);
                }
                if hit.is_crash {
                    self.crashed.store(true, Ordering::Relaxed);
                    return std::future::pending().await;
                }
                Err(Error::new(kind, name, hit.message))
            }
        }
    }

    /// What happens to the call `name`, the one with that `number`.
    fn hit(&self, name: &'static str, number: usize) -> Option<Hit> {
        let (moment, message, is_crash) = match self.target {
            Target::Nothing => return None,
            Target::Call(fault) => {
                let is_later = fault.kind == Kind::Outage && number > fault.call;
                if number != fault.call && !is_later {
                    return None;
                }
                let is_crash = fault.kind == Kind::Crash;
                // What does not work any more has no effect.
                let moment = match is_later {
                    true => Moment::Before,
                    false => fault.moment,
                };
                (moment, "an injected fault", is_crash)
            }
            Target::Named(strike) => {
                if !strike.calls.contains(&name) {
                    return None;
                }
                let spared = self.met.fetch_add(1, Ordering::Relaxed);
                let is_later = spared > strike.spared;
                if spared < strike.spared || (is_later && !strike.lasts) {
                    return None;
                }
                // What has failed once has no effect any more.
                let moment = match is_later {
                    true => Moment::Before,
                    false => strike.moment,
                };
                (moment, strike.message, false)
            }
        };
        Some(Hit {
            moment,
            message,
            is_crash,
        })
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
        check(fault(0, Moment::Before, Kind::Outage), Some(false), 0);
        check(fault(0, Moment::After, Kind::Outage), Some(false), 1);
    }

    #[test]
    fn a_strike_finds_its_calls_by_name() {
        let made = |calls: &'static [&'static str], lasts| {
            let faults = Faults::named(Strike {
                calls,
                spared: 1,
                moment: Moment::After,
                message: "the disk is full",
                lasts,
            });
            let effects = Mutex::new(0);
            let results: Vec<_> = (0..4)
                .map(|_| call(&faults, &effects).now_or_never().unwrap().is_ok())
                .collect();
            (results, *lock(&effects), faults.has_struck())
        };
        assert_eq!(
            made(&["call"], false),
            (vec![true, false, true, true], 4, true)
        );
        assert_eq!(
            made(&["call"], true),
            (vec![true, false, false, false], 2, true)
        );
        assert_eq!(made(&["other"], true), (vec![true; 4], 4, false));
    }

    #[test]
    fn everything_is_listed_once() {
        let all: Vec<Fault> = Fault::all(3).collect();
        assert_eq!(all.len(), 12);
        assert!((1..12).all(|n| !all[..n].contains(&all[n])));
    }
}
