//! What all simulated doors share: time, chance and the trace.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::timeline::Timeline;
use super::trace::Trace;
use crate::lock::lock;
use crate::random::Random;

/// Longest time a door takes for one step.
const STEP_MICROS: u64 = 5_000;

#[derive(Clone)]
pub(super) struct Stage {
    pub(super) timeline: Timeline,
    random: Arc<Mutex<Random>>,
    trace: Arc<Mutex<Trace>>,
}

impl Stage {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            timeline: Timeline::default(),
            random: Arc::new(Mutex::new(Random::new(seed, 0, 0))),
            trace: Arc::default(),
        }
    }

    /// A number below `limit`.
    pub(super) fn below(&self, limit: u64) -> u64 {
        lock(&self.random).below(limit)
    }

    /// Lets a random time pass, and others have their turn.
    pub(super) async fn pause(&self) {
        let micros = self.below(STEP_MICROS);
        self.timeline.wait(Duration::from_micros(micros)).await;
    }

    /// Writes down what `run` did.
    pub(super) fn note(&self, run: u64, what: impl Into<String>) {
        lock(&self.trace).push(self.timeline.now(), run, what.into());
    }

    pub(super) fn trace(&self) -> Trace {
        lock(&self.trace).clone()
    }
}
