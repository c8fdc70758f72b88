//! The limits that keep a hostile or broken server from taking the machine with it.

use std::time::Duration;

/// Limits of one connection. Every one has a default that an honest API never meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest decoded page body, in bytes.
    pub page_bytes: usize,
    /// Largest ratio of decoded to received bytes, beyond the first 10 MB.
    pub inflate_ratio: u64,
    /// Redirects followed for one request.
    pub hops: u32,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Time without a byte.
    pub idle_timeout: Duration,
    /// Time for one attempt, body included.
    pub request_timeout: Duration,
    /// Attempts for one request.
    pub attempts: u32,
    /// Longest wait between two attempts that is waited out; a longer one pauses the run.
    pub max_wait: Duration,
    /// Columns of a stream, without tapline's own; further fields go to `_tapline_rest`.
    pub columns: usize,
    /// Depth of a page's JSON.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Body, rows and what a destination binds of them stay under 150 MB together.
            page_bytes: 20 * 1024 * 1024,
            inflate_ratio: 100,
            hops: 5,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(300),
            attempts: 5,
            max_wait: Duration::from_secs(300),
            // A table of SQLite holds 2000; some are tapline's own.
            columns: 1990,
            depth: 128,
        }
    }
}
