//! What the pages of a slice have shown up to one of them. It is stored with their rows, so that a
//! later process can judge the slice as if it had read all of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{EndSignal, ShortReason, UnknownReason};

/// What the pages of a slice have shown, up to and including the one it is stored with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SliceProgress {
    /// Records received.
    pub read: u64,
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
    /// When the last page arrived.
    pub at: Timestamp,
}
