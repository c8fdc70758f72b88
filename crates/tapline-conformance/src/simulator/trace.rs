//! What happened, in order: the same seed gives the same trace.

use std::fmt;
use std::time::Duration;

/// The events of one simulation; only their number, where they are not written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    is_written: bool,
    count: usize,
    events: Vec<(Duration, u64, String)>,
}

impl Trace {
    pub(super) fn new(is_written: bool) -> Self {
        Self {
            is_written,
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, at: Duration, run: u64, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.is_written {
            self.events.push((at, run, what()));
        }
    }

    /// Number of events.
    pub fn events(&self) -> usize {
        self.count
    }

    /// A number that differs where the events differ (FNV-1a).
    pub fn hash(&self) -> u64 {
        self.to_string()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            })
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, run, what) in &self.events {
            writeln!(f, "{:>10} us  run {run}  {what}", at.as_micros())?;
        }
        Ok(())
    }
}
