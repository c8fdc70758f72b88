//! The postgres destination: tables of a PostgreSQL database, 14 or newer.
//!
//! A page is one transaction: its rows by a binary `COPY`, its position, its request and the fence
//! are durable together or not at all. A full load fills a hidden table and is published by a
//! rename in one transaction. A row that the server refuses goes to the rejects, and the page goes
//! on. The writer's session lives on the runtime; a call that is given up is still carried out.

mod bookkeeping;
mod cells;
mod children;
mod columns;
mod copy;
mod destination;
mod encode;
mod failure;
mod generation;
mod keepsakes;
mod kind;
mod name;
mod numeric;
mod page;
mod rank;
mod raw;
mod read;
mod refuse;
mod server;
mod session;
mod stage;
mod table;
mod writer;

pub use destination::PostgresDestination;
pub use name::{column_name, table_name};
pub use read::query;
pub use server::shown;
