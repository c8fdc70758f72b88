//! What a run does to its table, and what it remembers.

use std::fmt;

use serde::{Deserialize, Serialize};

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
    /// Each run reads what is new, adds it, and keeps the latest version of each record in a table of
    /// its own.
    IncrementalWithQualify,
}

impl SyncMode {
    /// Every mode.
    pub const ALL: [Self; 4] = [
        Self::FullLoad,
        Self::FullAppend,
        Self::Incremental,
        Self::IncrementalWithQualify,
    ];

    /// The mode's name in the project file and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::FullLoad => "full_load",
            Self::FullAppend => "full_append",
            Self::Incremental => "incremental",
            Self::IncrementalWithQualify => "incremental_with_qualify",
        }
    }

    /// The mode of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// Whether rows are added to the table, and seen at once; if not, they replace it.
    pub fn adds(self) -> bool {
        self != Self::FullLoad
    }

    /// Whether a run may ask for a part of the time only. A mode that replaces its table may not:
    /// the table would be left with that part.
    pub fn takes_window(self) -> bool {
        self.adds()
    }

    /// Whether a run remembers how far its stream is known, and asks for what is missing.
    pub fn remembers(self) -> bool {
        match self {
            Self::FullLoad | Self::FullAppend => false,
            Self::Incremental | Self::IncrementalWithQualify => true,
        }
    }

    /// What becomes of the rows of a run that is given up, to be said after that it begins anew.
    pub(crate) fn stays(self) -> &'static str {
        match self.adds() {
            false => "",
            true => ", and the rows it has added stay",
        }
    }
}

/// What becomes of all that is remembered of a pipeline that moves from one mode to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateAction {
    /// The next run fetches everything, and what is remembered begins there.
    Initialize,
    /// Nothing is remembered any more.
    Reset,
    /// The next run goes on where the last one was.
    Preserve,
}

impl StateAction {
    /// What a move between two modes does.
    pub fn of(from: SyncMode, to: SyncMode) -> Self {
        match (from.remembers(), to.remembers()) {
            _ if from == to => Self::Preserve,
            (true, true) => Self::Preserve,
            (false, true) => Self::Initialize,
            (_, false) => Self::Reset,
        }
    }

    /// The action's name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::Reset => "reset",
            Self::Preserve => "preserve",
        }
    }
}

impl fmt::Display for SyncMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_move_has_its_action() {
        use StateAction::{Initialize, Preserve, Reset};
        let table = [
            // To full_load, full_append, incremental, incremental_with_qualify.
            [Preserve, Reset, Initialize, Initialize],
            [Reset, Preserve, Initialize, Initialize],
            [Reset, Reset, Preserve, Preserve],
            [Reset, Reset, Preserve, Preserve],
        ];
        for (from, row) in SyncMode::ALL.into_iter().zip(table) {
            for (to, action) in SyncMode::ALL.into_iter().zip(row) {
                assert_eq!(StateAction::of(from, to), action, "{from} to {to}");
            }
        }
    }

    #[test]
    fn modes_go_by_their_names() {
        for mode in SyncMode::ALL {
            assert_eq!(SyncMode::named(mode.name()), Some(mode));
        }
        assert_eq!(SyncMode::named("merge"), None);
    }
}
