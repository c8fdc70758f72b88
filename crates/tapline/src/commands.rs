//! The commands, each in its own file.

pub(crate) mod backfill;
pub(crate) mod check;
pub(crate) mod connectors;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod gather;
pub(crate) mod init;
pub(crate) mod job;
pub(crate) mod plan;
pub(crate) mod preview;
pub(crate) mod rebuild;
pub(crate) mod rejects;
pub(crate) mod run;
pub(crate) mod spec;
pub(crate) mod sql;
pub(crate) mod state;
pub(crate) mod sync_mode;
pub(crate) mod try_plugin;
pub(crate) mod validate;
