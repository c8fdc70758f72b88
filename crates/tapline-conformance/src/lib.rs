//! Suites every destination and plugin must pass, and the fake APIs they are tried against.

pub mod destination;
pub mod fake_api;
mod lock;
mod outcome;
pub mod random;
pub mod state;
