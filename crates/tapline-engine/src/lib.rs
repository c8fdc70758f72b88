//! The verbs of tapline.
//!
//! [`run`] is the story: it drives a [`Source`](tapline_core::Source) page by page and keeps each
//! page, with the position of the next, at a [`Destination`](tapline_core::Destination).
//! [`HttpSource`] is how a spec's plan becomes pages: `request` builds what is asked,
//! [`paginate`] says what comes next, `locate` finds the records in a response without
//! building a tree of it, `decode` turns them into Arrow batches, `guard` catches servers that go
//! in circles, and `verdict` judges what all of it proves.
//!
//! Nothing here opens a socket or a file, or looks at a clock: all of that is behind the doors of
//! `tapline-core`.

mod asking;
mod cursor;
pub mod decode;
mod field;
mod flight;
mod form;
mod guard;
pub mod locate;
mod observation;
mod outlook;
pub mod paginate;
mod partition;
mod pending;
mod reader;
mod request;
mod retry;
mod row;
mod rules;
mod run;
pub mod shape;
mod source;
mod status;
mod sync_mode;
mod tally;
mod verdict;
pub mod window;

pub use cursor::{CursorCounts, CursorTracker, Shown, Wanted};
pub use form::PageForm;
pub use outlook::{Outlook, Then, outlook};
pub use partition::PARTITION;
pub use pending::PENDING;
pub use request::base_url;
pub use run::{
    Aim, Asks, Expectations, Outcome, Prospect, Rebuilt, Retried, RunTask, get_marks, history,
    prospect, put_marks, rebuild, retry_rejects, run,
};
pub use source::{HttpSource, HttpSourceConfig};
pub use sync_mode::{StateAction, SyncMode};
