//! The doors of one run, held together.

use std::sync::Arc;

use crate::{Clock, Compute, Destination, Source, StateStore};

/// Everything outside that a run may touch. The source holds its own transport.
#[derive(Clone)]
pub struct Doors {
    /// What is read.
    pub source: Arc<dyn Source>,
    /// Where rows go.
    pub destination: Arc<dyn Destination>,
    /// What is remembered.
    pub state: Arc<dyn StateStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// CPU.
    pub compute: Arc<dyn Compute>,
}
