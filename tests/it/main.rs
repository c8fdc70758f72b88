//! tapline tried as it is used: the installed binary, real plugins, real servers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]
#![expect(
    clippy::print_stdout,
    reason = "figures are read from what a test prints"
)]

mod azurite;
mod capped;
mod clock;
mod datasette;
mod demo;
mod disk;
mod faults;
mod files;
mod full_load;
mod guide;
mod histories;
mod hostile;
mod incremental;
mod json_server;
mod kills;
mod mediawiki;
mod mistakes;
mod moto;
mod nginx;
mod oauth;
mod pagination;
mod partitions;
mod pauses;
mod plan;
mod plugins;
#[cfg(unix)]
mod postgres;
#[cfg(unix)]
mod postgres_destination;
#[cfg(unix)]
mod postgres_runs;
#[cfg(unix)]
mod postgres_state;
mod prism;
mod quota;
mod rate_limit;
mod readers;
mod reading;
mod reference;
mod resume;
mod secrets;
mod server;
mod shapes;
mod signer;
mod state;
mod streams;
mod support;
mod sync_mode;
mod three_ways;
mod tidy;
mod validate;
mod windows;
