//! The sqlite destination: the embedded default, always built in.
//!
//! One file holds the tables, the log of requests, the rejects and the commits. A commit is one
//! transaction, so a row and the position behind it are durable together or not at all. A full
//! load fills a hidden table and is published by a rename in one transaction. SQLite blocks, so
//! every writer lives on a thread of its own (`worker`).

mod bookkeeping;
mod cells;
mod children;
mod columns;
mod connection;
mod declared;
mod destination;
mod failure;
mod generation;
mod insert;
mod name;
mod read;
mod session;
mod stage;
mod worker;
mod writer;

pub use destination::SqliteDestination;
pub use read::query;
