//! What a run does to its table, and what it remembers.

use std::fmt;

use serde::{Deserialize, Serialize};
use tapline_core::Disposition;

/// How a pipeline keeps its table up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncMode {
    /// Each run reads everything and replaces the table in one step.
    FullLoad,
    /// Each run adds everything it reads.
    FullAppend,
    /// Each run reads what is new, and adds it.
    Incremental,
}

impl SyncMode {
    /// The mode's name in the project file and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::FullLoad => "full_load",
            Self::FullAppend => "full_append",
            Self::Incremental => "incremental",
        }
    }

    /// The mode of that name.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::FullLoad, Self::FullAppend, Self::Incremental];
        all.into_iter().find(|mode| mode.name() == name)
    }

    /// What the destination is asked to do.
    pub fn disposition(self) -> Disposition {
        match self {
            Self::FullLoad => Disposition::Replace,
            Self::FullAppend | Self::Incremental => Disposition::Append,
        }
    }

    /// Whether a run may ask for a part of the time only. A mode that replaces its table may not:
    /// the table would be left with that part.
    pub fn takes_window(self) -> bool {
        match self {
            Self::FullLoad => false,
            Self::FullAppend | Self::Incremental => true,
        }
    }

    /// Whether a run remembers how far its stream is known, and asks for what is missing.
    pub fn remembers(self) -> bool {
        match self {
            Self::FullLoad | Self::FullAppend => false,
            Self::Incremental => true,
        }
    }

    /// What becomes of the rows of a run that is given up, to be said after that it begins anew.
    pub(crate) fn stays(self) -> &'static str {
        match self {
            Self::FullLoad => "",
            Self::FullAppend | Self::Incremental => ", and the rows it has added stay",
        }
    }
}

impl fmt::Display for SyncMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
