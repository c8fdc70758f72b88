//! Suites every destination and plugin must pass, the fake APIs they are tried against, and a
//! simulator of everything a run can meet.

pub mod destination;
pub mod fake_api;
pub mod faults;
mod lock;
mod outcome;
pub mod paged;
pub mod random;
pub mod simulator;
pub mod state;
