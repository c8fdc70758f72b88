//! One stream of typed events feeds progress bar, logs, metrics and server-sent events.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use crate::{RunReport, SchemaChange};

/// Something that happened in a run.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunEvent {
    /// The run has its lease and begins.
    Started {
        /// The run.
        run_id: Uuid,
        /// The pipeline's name.
        pipeline: String,
        /// Connector and stream: `mailchimp.members`.
        stream: String,
    },
    /// A slice of a divided stream begins.
    SliceBegun {
        /// Its number in the run, from 1.
        number: u64,
        /// What tells it from the others: `campaignId=42`.
        partition: String,
    },
    /// A page has arrived and is decoded.
    PageRead {
        /// Number of the page in its slice, from 1.
        seq: u64,
        /// Records on it.
        records: u64,
        /// Size of its body.
        bytes: u64,
        /// Records there are in all, if the source says so.
        total: Option<u64>,
    },
    /// A page is durable, and with it those before it that were not yet.
    PageCommitted {
        /// Number of the page in its slice, from 1.
        seq: u64,
        /// Rows accepted since the last such event.
        rows: u64,
    },
    /// The table changed.
    SchemaChanged {
        /// What changed.
        change: SchemaChange,
    },
    /// Nothing is sent for a while.
    Waiting {
        /// Why: `rate limit (429)`, `server error (503)`, `pace`, `quota: 100 requests a minute`.
        reason: String,
        /// How long, in milliseconds.
        for_ms: u64,
        /// The attempt that follows; 1 where it is the first.
        attempt: u32,
    },
    /// Something the operator should know, though the run goes on.
    Warning {
        /// In words.
        message: String,
    },
    /// The run has ended, well or not.
    Finished {
        /// The report.
        report: Box<RunReport>,
    },
}

/// Where events go. Cloning is cheap; emitting never blocks for long and never fails.
#[derive(Clone)]
pub struct Events(Arc<dyn Fn(RunEvent) + Send + Sync>);

impl Events {
    /// Hands every event to `sink`.
    pub fn new(sink: impl Fn(RunEvent) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Ignores every event.
    pub fn none() -> Self {
        Self::new(|_| {})
    }

    /// Tells what happened.
    pub fn emit(&self, event: RunEvent) {
        (self.0)(event);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}
