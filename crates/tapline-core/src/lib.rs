//! The nouns of tapline, and the doors through which its engine reaches the world.
//!
//! Everything that moves between the parts of tapline is a value defined here: a [`Page`] of
//! [`Batch`]es, the [`Position`] where the next request starts, the [`Receipt`] a destination
//! gives for rows that are durable, the [`Verdict`] a run can prove. Everything that touches the
//! outside is a trait defined here: [`Source`], [`Transport`], [`Destination`], [`StateStore`],
//! [`Clock`], [`Compute`], [`Hooks`]. The engine knows only these; the crates that implement them
//! know nothing of the engine. That is what lets one simulator stand in for all of the world.

mod backoff;
mod batch;
mod clock;
mod compute;
mod coverage;
mod cursor;
mod destination;
mod doors;
mod error;
mod event;
mod fold;
mod hooks;
mod instant;
mod limits;
mod marks;
mod nested;
mod page;
mod position;
mod progress;
mod query;
mod raw;
mod redact;
mod report;
mod source;
mod state;
mod transport;
mod verdict;
mod window;

pub use backoff::backoff;
pub use batch::{Batch, Reject, RejectForm, RowOp, column};
pub use clock::{Clock, Still};
pub use compute::{Compute, Inline, compute};
pub use coverage::{Coverage, Span};
pub use cursor::{Cursor, Integer};
pub use destination::{
    Capabilities, Commit, CommitKey, Deletions, Destination, Disposition, FoundTable, KeptReject,
    LastCommit, LoadedPage, LoadedPages, Published, Receipt, RejectKey, RejectedRow, SchemaChange,
    Stage, TableRef, Writer,
};
pub use doors::Doors;
pub use error::{Error, ErrorKind, Result, Retry};
pub use event::{Events, RunEvent};
pub use fold::{Fold, Members};
pub use hooks::{CheckReport, HookKind, HookSet, Hooks, NoHooks};
pub use instant::whole_second;
pub use limits::Limits;
pub use marks::{Known, Marks};
pub use nested::{NestedCells, is_json};
pub use page::{Evidence, Page, PageInfo, RequestRecord};
pub use position::Position;
pub use progress::{Seen, SliceProgress, Ties};
pub use query::{Cell, QueryResult};
pub use raw::{KeptPage, RawPage, RawStore};
pub use redact::Redactor;
pub use report::{
    Asked, FailedRequest, Interval, RecordCounts, ResumedFrom, RunReport, SliceCounts,
    WatermarkReport,
};
pub use source::{Finding, PageStream, Resume, Slice, SliceStream, SliceTask, Source, first_slice};
pub use state::{Document, Lease, LogEntry, MarkKey, StateStore};
pub use tapline_spec::{Boundary, CursorType, Param, Params, RecordOrder, Secret, Step};
pub use tokio_util::sync::CancellationToken;
pub use transport::{Body, BodyStream, Exchange, Purpose, Request, Response, Transport, in_ranges};
pub use verdict::{EndSignal, ShortReason, UnknownReason, Verdict};
pub use window::Window;
