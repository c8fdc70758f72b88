//! What a run is to fetch, and what is expected of it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tapline_core::{Asked, Marks, Window};

use crate::window::{Ask, WindowSettings, widest};

/// What a run is to fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// What its source has in this window, whatever was read before.
    Window {
        /// The window.
        window: Window,
        /// Whether the operator asked for it. If not, a run that is gone on with keeps its own.
        is_given: bool,
        /// What orders the records, where that matters.
        cursor: Option<WindowSettings>,
        /// Which bounds requests say.
        asks: Asks,
    },
    /// What is missing, by what is remembered; and that is remembered, too.
    Missing {
        /// Which part of that.
        ask: Ask,
        /// What tells new records from old ones.
        cursor: WindowSettings,
        /// Which bounds requests say.
        asks: Asks,
    },
}

impl Aim {
    /// What its source has, without a window.
    pub const ALL: Self = Self::Window {
        window: Window::ALL,
        is_given: false,
        cursor: None,
        asks: Asks {
            start: false,
            end: false,
        },
    };

    /// What orders the records, if the run follows it.
    pub(crate) fn cursor(&self) -> Option<&WindowSettings> {
        match self {
            Self::Window { cursor, .. } => cursor.as_ref(),
            Self::Missing { cursor, .. } => Some(cursor),
        }
    }

    /// Whether a run that was cut, and was to fetch `other`, is to fetch the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            // The window of a run that nobody asked for ends when it begins.
            (
                Self::Window {
                    is_given: false,
                    cursor: our_cursor,
                    asks: our_asks,
                    ..
                },
                Self::Window {
                    is_given: false,
                    cursor,
                    asks,
                    ..
                },
            ) => (our_cursor, our_asks) == (cursor, asks),
            _ => self == other,
        }
    }

    /// All that a run that begins at `began` is to read, where so much is remembered.
    pub(crate) fn window(&self, marks: Option<&Marks>, began: Timestamp) -> Window {
        match self {
            Self::Window { window, .. } => window.clone(),
            Self::Missing { ask, cursor, .. } => widest(marks, ask, cursor, began),
        }
    }

    /// What that is called, where so much is remembered.
    pub(crate) fn asked(&self, marks: Option<&Marks>) -> Asked {
        match self {
            Self::Window { is_given: true, .. }
            | Self::Missing {
                ask: Ask::Explicit(_),
                ..
            } => Asked::Window,
            Self::Missing {
                ask: Ask::Backfill { .. },
                ..
            } => Asked::Backfill,
            Self::Missing {
                ask: Ask::Update, ..
            } if marks.is_some_and(|marks| marks.newest().is_some()) => Asked::Update,
            Self::Window { .. } | Self::Missing { .. } => Asked::Everything,
        }
    }

    /// What [`Aim::slot`] can be.
    pub(crate) const SLOTS: [&str; 3] = ["", "backfill", "window"];

    /// Runs that ask for different things may be cut independently of each other: what names those
    /// that may not.
    pub(crate) fn slot(&self) -> &'static str {
        match self {
            Self::Missing {
                ask: Ask::Backfill { .. },
                ..
            } => "backfill",
            Self::Missing {
                ask: Ask::Explicit(_),
                ..
            } => "window",
            _ => "",
        }
    }

    pub(crate) fn asks(&self) -> Asks {
        match self {
            Self::Window { asks, .. } | Self::Missing { asks, .. } => *asks,
        }
    }
}

/// Which bounds of a window the requests say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asks {
    /// Where it starts.
    pub start: bool,
    /// Where it ends.
    pub end: bool,
}

impl Asks {
    /// Whether a window can be asked for in parts.
    pub fn can_cut(self) -> bool {
        self.start && self.end
    }
}

/// What a pipeline expects of its runs. One that brings less than that is `short`, whatever its
/// source says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Expectations {
    /// Least number of records.
    pub min_records: Option<u64>,
    /// By how many percent they may be fewer than those of the last complete run of the same kind.
    pub max_drop: Option<f64>,
    /// How far the newest record may lie back.
    pub max_lag: Option<SignedDuration>,
}
