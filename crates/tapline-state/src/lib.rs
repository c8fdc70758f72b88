//! The state store: what tapline remembers between runs, in one SQLite file or in a PostgreSQL
//! database that the runners of many hosts share.
//!
//! Both keep documents, logs and sealed secrets as rows. They differ in what a lease is: a lock on
//! a file there, a lock of a session here. Either goes with the process that holds it.

mod failure;
mod holder;
#[cfg(feature = "postgres")]
mod postgres;
mod private;
mod seal;
mod sqlite;

#[cfg(feature = "postgres")]
pub use postgres::PostgresState;
pub use seal::SealingKey;
pub use sqlite::SqliteState;
