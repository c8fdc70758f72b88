//! The whole stack against real sockets on the loopback, with a clock that only records.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod connection;
mod credentials;
mod decode;
mod hooks;
mod oauth;
mod pace;
mod quota;
mod redirect;
mod retry;
mod rotation;
mod server;
mod setup;
