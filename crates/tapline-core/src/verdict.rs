//! What a run can prove about what it fetched.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The answer to "did I get everything?".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "reason", rename_all = "lowercase")]
pub enum Verdict {
    /// The pagination's own end signal was seen, and no evidence contradicts it.
    Complete(EndSignal),
    /// There is evidence of missing records.
    Short(ShortReason),
    /// The run ended without an end signal.
    Unknown(UnknownReason),
}

impl Verdict {
    /// Only a complete run may publish, move a watermark or delete.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Complete(_))
    }

    /// `complete`, `short` or `unknown`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Complete(_) => "complete",
            Self::Short(_) => "short",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete(signal) => write!(f, "complete: {signal}"),
            Self::Short(reason) => write!(f, "short: {reason}"),
            Self::Unknown(reason) => write!(f, "unknown: {reason}"),
        }
    }
}

/// How a source says "that was all".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndSignal {
    /// A page without records.
    EmptyPage,
    /// `endConditionName` met `endConditionValue`.
    EndCondition,
    /// The last page index that the source announces, or the spec knows.
    LastPage,
    /// As many records were asked for as the source gives for one question, and it had fewer.
    Most,
    /// The next link or token is absent or null.
    NoNext,
    /// The stream has one response.
    SingleResponse,
    /// A plugin's `next_position` hook said so.
    Connector,
    /// A rule of the spec calls the answer after the last page the end.
    Declared,
    /// After the last page came an answer that a rule of the spec ignores.
    Ignored,
    /// A rule of the spec says that the slice has no records.
    Skipped,
    /// The source gives its records in order, and what came was beyond the window.
    WindowPassed,
    /// Every slice came to its own end, and there are no others.
    AllSlices,
    /// Nothing can be new: the window is empty.
    NothingToAsk,
}

impl fmt::Display for EndSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyPage => "an empty page ended it",
            Self::EndCondition => "the end condition was met",
            Self::LastPage => "the last page index was reached",
            Self::Most => "it had fewer than the source gives at most",
            Self::NoNext => "the last page names no next one",
            Self::SingleResponse => "one response is all there is",
            Self::Connector => "the connector said it was the last page",
            Self::Declared => "an answer that the spec calls the end came after it",
            Self::Ignored => "an answer that the spec ignores came after it",
            Self::Skipped => "the spec skips a slice with such an answer",
            Self::WindowPassed => "the records that follow are beyond the window",
            Self::AllSlices => "every slice came to its end",
            Self::NothingToAsk => "there is nothing new to ask for",
        })
    }
}

/// Evidence that records are missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShortReason {
    /// The source says how many there are, and that is not how many came.
    TotalMismatch {
        /// What the source said last.
        total: u64,
        /// What arrived.
        received: u64,
    },
    /// A token or link came a second time (A to A, or A to B to A).
    RepeatedPosition,
    /// Two pages with the same records.
    RepeatedPage,
    /// The source is said to give its records in order of their cursor, and one came out of order.
    CursorBackwards {
        /// The cursor before.
        before: String,
        /// The cursor that came after it.
        after: String,
    },
    /// The source gives only so many records for one question, and has more.
    Capped {
        /// How many.
        most: u64,
    },
    /// What came is not what the pipeline expects.
    Expectation {
        /// What is expected, and what came.
        unmet: String,
    },
    /// The next link leads to an address that is not allowed.
    NextRefused {
        /// Why, without the link's query.
        reason: String,
    },
    /// A limit stopped the run before its end.
    Limit {
        /// Which one: `maximumRequest`, `--limit`.
        name: String,
    },
    /// An error ended the paging.
    Failed {
        /// The error, in words.
        error: String,
    },
    /// Records that became no row, in a stream whose records are slices of this one.
    Rejects {
        /// How many.
        count: u64,
    },
    /// The stream whose records are slices of this one is short itself.
    Parent {
        /// Its name.
        stream: String,
        /// Why.
        reason: Box<ShortReason>,
    },
}

impl fmt::Display for ShortReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TotalMismatch { total, received } => {
                write!(f, "the source has {total} records, {received} arrived")
            }
            Self::RepeatedPosition => f.write_str("a token or link came a second time"),
            Self::RepeatedPage => f.write_str("two pages hold the same records"),
            Self::CursorBackwards { before, after } => write!(
                f,
                "the records are not in the order that the spec says: {after} came after {before}"
            ),
            Self::Capped { most } => write!(
                f,
                "the source gives {most} records for one question, and has more"
            ),
            Self::Expectation { unmet } => f.write_str(unmet),
            Self::NextRefused { reason } => write!(f, "the next link was refused: {reason}"),
            Self::Limit { name } => write!(f, "{name} stopped it"),
            Self::Failed { error } => write!(f, "{error}"),
            Self::Rejects { count } => write!(f, "{count} of its records could not be read"),
            Self::Parent { stream, reason } => write!(f, "the parent stream {stream}: {reason}"),
        }
    }
}

/// Why a run proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownReason {
    /// It was asked to stop.
    Stopped,
    /// The source asks to wait longer than allowed, or all requests that it may send are sent.
    Paused {
        /// Why, and until when.
        reason: String,
    },
    /// It ended without an end signal.
    NoEndSignal,
    /// A page held fewer records than asked for, and more came after it: either the source left
    /// some out, or it gives smaller pages than asked for and the offset jumped over the rest.
    ShortPage {
        /// Records asked for.
        asked: u64,
        /// Records on the page.
        got: u64,
    },
    /// The answer after the last page is one that a rule ignores: there may be more behind it.
    Ignored,
    /// The source has none of the slices any more: likely the address is wrong.
    AllSkipped,
    /// Nothing proves that the stream whose records are slices of this one came whole.
    Parent {
        /// Its name.
        stream: String,
        /// Why.
        reason: Box<UnknownReason>,
    },
}

impl fmt::Display for UnknownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("it was stopped"),
            Self::Paused { reason } => write!(f, "it was paused: {reason}"),
            Self::NoEndSignal => f.write_str("it ended without an end signal"),
            Self::ShortPage { asked, got } => write!(
                f,
                "a page held {got} of the {asked} records asked for, and more came after it"
            ),
            Self::Ignored => f.write_str("the paging ended at an answer that a rule ignores"),
            Self::AllSkipped => f.write_str("every slice was skipped"),
            Self::Parent { stream, reason } => write!(f, "the parent stream {stream}: {reason}"),
        }
    }
}
