//! What all simulated doors share: time, chance, the trace, and what they complain of.

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
    complaint: Arc<Mutex<Option<String>>>,
}

impl Stage {
    /// With what happens written down, or only counted.
    pub(super) fn new(seed: u64, is_traced: bool) -> Self {
        Self {
            timeline: Timeline::default(),
            random: Arc::new(Mutex::new(Random::new(seed, 0, 0))),
            trace: Arc::new(Mutex::new(Trace::new(is_traced))),
            complaint: Arc::default(),
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
    pub(super) fn note(&self, run: u64, what: impl FnOnce() -> String) {
        lock(&self.trace).push(self.timeline.now(), run, what);
    }

    /// Says that a rule was broken while a run was going on. The first complaint counts.
    pub(super) fn complain(&self, what: String) {
        lock(&self.complaint).get_or_insert(what);
    }

    /// The first complaint.
    pub(super) fn complaint(&self) -> Option<String> {
        lock(&self.complaint).clone()
    }

    pub(super) fn trace(&self) -> Trace {
        lock(&self.trace).clone()
    }
}
