//! A PostgreSQL server as both the state store and the destination see it: where it is, a session
//! in which what is done is done, and tables that move forward by steps.

mod address;
mod failure;
mod session;
mod steps;
mod text;
mod tls;

pub use address::Address;
pub use failure::{Failure, Result};
pub use session::{Driver, Mode, open, words};
pub use steps::{Steps, make_schema};
pub use text::{given, kept};
