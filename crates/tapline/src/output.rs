//! How things look: on a terminal for people, as one JSON document for programs.

pub(crate) mod numbers;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod screen;
pub(crate) mod snippet;
pub(crate) mod state;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod text;

pub(crate) use screen::Screen;
pub(crate) use table::Table;
pub(crate) use text::clean;
