//! HTTP for tapline: a stack of small transports, each a file, each doing one thing.
//!
//! ```text
//!   Retrying        attempts, Retry-After, backoff; reads pages whole
//!      |
//!   Redirect        hops by our rules ------------+
//!      |                                          | once a hop leaves the origin
//!   Paced           delay and 429 of the           |
//!      |            whole connection              |
//!   Metered         budgets of the key, shared     |
//!      |            with other processes          |
//!   Prepare         the hook, own origins only    |
//!      |                                          |
//!   Auth            credentials, own origins only |
//!      |                                          |
//!   Allow  <--------------------------------------+
//!      |            the list of hosts
//!   Decode          gzip, br, zstd, with caps
//!      |
//!   Hop             reqwest: one request, one response
//! ```
//!
//! The order is the design. Credentials are added so far down that no layer above can keep, show
//! or redirect them, and a foreign hop passes them by. The hook signs what is sent at once, after
//! all waiting, and a request is counted in the window in which it is sent. Nothing reaches a
//! socket but through the list of hosts, and the names on it are checked once more by the addresses
//! that they lead to.
//!
//! A token request starts at Auth and goes straight to Allow: what may be sent again is decided by
//! the error that comes back up to Retrying, so there is no second loop of attempts.
//!
//! Layers know each other only as [`tapline_core::Transport`]. All waiting goes through
//! [`tapline_core::Clock`], except for the time limits of a single attempt, which reqwest keeps.

mod address;
mod allow;
mod auth;
mod backoff;
mod client;
mod decode;
mod hop;
mod origin;
mod pace;
mod place;
mod prepare;
mod quota;
mod redirect;
mod retry;
mod tls;
mod wait;

pub use allow::AllowList;
pub use auth::{TokenStore, sent_secret};
pub use client::{Client, ClientConfig};
pub use origin::Origin;
pub use quota::QuotaConfig;
