//! The project file: connections, destinations and pipelines, and how it is read.

mod columns;
pub(crate) mod edit;
mod expect;
mod file;
mod load;
mod names;
mod place;
mod quota;
mod raw;
mod schedule;
mod schema;
mod server;
mod shape;
mod share;
mod start;
mod state;
mod sync;
mod value;

pub(crate) use file::{
    Connection, Destination, FileCommit, FileFormat, Pipeline, ProjectFile, Trust,
};
pub(crate) use load::{FILE_NAME, Project};
pub(crate) use names::escape as pointer;
pub(crate) use place::Place;
pub(crate) use raw::RawSettings;
pub(crate) use schema::project_schema;
pub(crate) use state::{DEFAULT_STATE, StatePlace};
pub(crate) use sync::{SyncMode, asks};
pub(crate) use value::Lookup;
