//! Suites every destination and plugin must pass, and the fake APIs they are tried against.

pub mod fake_api;
