//! The embedded state store: what tapline remembers between runs, in one SQLite file.
//!
//! Documents, logs and sealed secrets are rows. A lease is a lock of the operating system on a
//! file beside the database: it ends with the process that holds it, however that ends, so a
//! dead runner is taken over at once. The fence that goes with it is a counter in the database.

mod database;
mod failure;
mod lease;
mod private;
mod seal;
mod store;

pub use seal::SealingKey;
pub use store::SqliteState;
