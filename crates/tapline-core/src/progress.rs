//! What the pages of a slice have shown up to one of them. It is stored with their rows, so that a
//! later process can judge the slice, and remember its cursors, as if it had read all of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Cursor, EndSignal, ShortReason, UnknownReason, Window};

/// What the pages of a slice have shown, up to and including the one it is stored with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SliceProgress {
    /// Records received.
    pub read: u64,
    /// Those of them that were wanted; rows, if the run follows a cursor.
    pub wanted: u64,
    /// How many records there are in all, as the source said last.
    pub total: Option<u64>,
    /// The end signal, if it was seen.
    pub end: Option<EndSignal>,
    /// The first evidence of missing records. A limit is none: what is left can still be read.
    pub short: Option<ShortReason>,
    /// The last page, if it held fewer records than asked for.
    pub underfull: Option<UnknownReason>,
    /// The first such page after which more records came.
    pub gap: Option<UnknownReason>,
    /// The cursors of its rows, if the run follows a cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// The rows that have the newest of them.
    #[serde(skip_serializing_if = "Ties::is_empty")]
    pub ties: Ties,
    /// What was asked for: its positions mean nothing in another window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The newest cursor that was known then, of a window without an end: what has become known
    /// since may lie beyond what was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<Cursor>,
    /// When the last page arrived.
    pub at: Timestamp,
}

/// The cursors seen in a range; of texts, the one the source calls older and the newer one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The smallest.
    pub oldest: Cursor,
    /// The largest.
    pub newest: Cursor,
}

impl Seen {
    /// What is seen where both were, if `self` was seen first.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        let is_ordered = self.newest.cursor_type().is_ordered();
        let (oldest, newest) = match is_ordered {
            true => (self.oldest.min(later.oldest), self.newest.max(later.newest)),
            false => (self.oldest, later.newest),
        };
        Self { oldest, newest }
    }
}

/// The rows with one and the same cursor, the newest, each as a hash of all it holds. The next run
/// asks for that cursor again, as there may be more rows with it by now, and leaves these out.
///
/// It remembers [`Ties::MAX`] of them; what is beyond comes again with the next run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ties(Vec<u64>);

impl Ties {
    /// Rows that are remembered.
    pub const MAX: usize = 1_000;

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there may be more than are remembered.
    pub fn is_full(&self) -> bool {
        self.0.len() >= Self::MAX
    }

    /// Whether the row with this hash is one of them.
    pub fn contains(&self, row: u64) -> bool {
        self.0.contains(&row)
    }

    /// Takes note of a row.
    pub fn add(&mut self, row: u64) {
        if !self.is_full() && !self.contains(row) {
            self.0.push(row);
        }
    }

    /// Takes note of all rows of `other`.
    pub fn merge(&mut self, other: &Self) {
        for row in &other.0 {
            self.add(*row);
        }
    }
}
