//! What can be typed after `tapline sync-mode`.

use clap::{Args, ValueEnum, builder::PossibleValue};
use tapline_engine::SyncMode;
use tapline_spec::CursorType;

use super::state::Waiting;

/// Arguments of `sync-mode`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapline sync-mode orders --to incremental_with_qualify --primary-key id
                                One row for each order, beside all its versions
  tapline sync-mode orders --to incremental --cursor updated_at --dry-run
                                Say what that would do, and do nothing
  tapline sync-mode orders --to full_append --in-state
                                The same for who may not edit the project file

What becomes of what is remembered:
  to full_load, full_append     reset: every run fetches everything
  from these to the others      initialize: the next run fetches everything, then what is new
  between incremental and incremental_with_qualify
                                preserve: the next run goes on where the last one was

The `sync` of the pipeline is changed in the project file, in place; with --in-state the state store
says it instead, for those who may not edit the file, and counts before the file until the next
sync-mode without it. What would show rows twice, or replace some, is refused without --force. Rows
are never touched before the next run.")]
pub(crate) struct SyncModeArgs {
    /// Pipeline
    pub(crate) pipeline: String,
    /// The sync mode that it gets
    #[arg(long, value_name = "MODE")]
    pub(crate) to: Mode,
    /// The field that tells new records from old ones [default: the one it has]
    #[arg(long, value_name = "FIELD")]
    pub(crate) cursor: Option<String>,
    /// What the cursor holds [default: what is known of it]
    #[arg(long, value_name = "TYPE")]
    pub(crate) cursor_type: Option<Type>,
    /// A column that identifies a record; may be repeated [default: the ones it has]
    #[arg(long = "primary-key", value_name = "COLUMN")]
    pub(crate) primary_keys: Vec<String>,
    /// Remember it in the state store, and leave the project file as it is
    #[arg(long)]
    pub(crate) in_state: bool,
    /// Do it in spite of the warnings
    #[arg(long)]
    pub(crate) force: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

/// A sync mode, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode(pub(crate) SyncMode);

/// Every mode.
const MODES: [Mode; 4] = {
    let [a, b, c, d] = SyncMode::ALL;
    [Mode(a), Mode(b), Mode(c), Mode(d)]
};

impl ValueEnum for Mode {
    fn value_variants<'a>() -> &'a [Self] {
        &MODES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()))
    }
}

/// A cursor's type, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Type(pub(crate) CursorType);

impl ValueEnum for Type {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self(CursorType::Timestamp),
            Self(CursorType::Integer),
            Self(CursorType::String),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()))
    }
}
