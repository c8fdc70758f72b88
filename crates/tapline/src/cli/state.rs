//! What can be typed after `tapline state`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::parse_duration;

/// Arguments of `state`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapline state show            What is known of every pipeline, and where the gaps are
  tapline state log orders      Every change of that, and who made it
  tapline state diff orders     What the last change did
  tapline state rollback orders --to 7
                                As it was after change 7
  tapline state export > state.json

What is remembered are the watermarks of a stream (the newest and the oldest cursor that was
seen), what is known to be complete, and runs that were cut. Rows are never touched. Every change
is kept in a history, the newest 1,000 of each pipeline, so that it can be taken back.")]
pub(crate) struct StateArgs {
    #[command(subcommand)]
    pub(crate) command: StateCommand,
}

/// What can be done with what is remembered.
#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// Show what is known, and where the gaps are
    Show(ShowArgs),
    /// List the changes, newest first
    Log(LogArgs),
    /// Show what changed between two versions
    Diff(DiffArgs),
    /// Set where the next run starts
    Set(SetArgs),
    /// Forget everything: the next run begins anew
    Reset(ResetArgs),
    /// Go back to an earlier version
    Rollback(RollbackArgs),
    /// Write what is remembered to stdout, as JSON
    Export(ExportArgs),
    /// Remember what `export` wrote
    Import(ImportArgs),
}

/// How long a change waits.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// How long to wait for a run of the pipeline: 10s, 2m, 0
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    pub(crate) lock_wait: Duration,
}

/// Arguments of `state show`.
#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// Pipelines to show [default: all]
    #[arg(value_name = "PIPELINE")]
    pub(crate) pipelines: Vec<String>,
}

/// Arguments of `state log`.
#[derive(Args, Debug)]
pub(crate) struct LogArgs {
    /// Pipeline
    pub(crate) pipeline: String,
    /// Changes to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
}

/// Arguments of `state diff`.
#[derive(Args, Debug)]
pub(crate) struct DiffArgs {
    /// Pipeline
    pub(crate) pipeline: String,
    /// The earlier version [default: the one before the later]
    #[arg(value_name = "FROM")]
    pub(crate) from: Option<u64>,
    /// The later version [default: the one of now]
    #[arg(value_name = "TO")]
    pub(crate) to: Option<u64>,
}

/// Arguments of `state set`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapline state set orders --newest 2026-01-01
                                The next run asks for everything from then on
  tapline state set orders --newest 4711
                                The same, where the cursor is a number

What is known to be complete above the new mark is forgotten. What a later mark skips is a gap:
`tapline backfill` fetches it.")]
pub(crate) struct SetArgs {
    /// Pipeline
    pub(crate) pipeline: String,
    /// Where the next run starts
    #[arg(long, value_name = "CURSOR")]
    pub(crate) newest: String,
    /// Part of a divided stream, as `state show --output json` names it [default: all parts]
    #[arg(long, value_name = "NAME")]
    pub(crate) partition: Option<String>,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

/// Arguments of `state reset`.
#[derive(Args, Debug)]
pub(crate) struct ResetArgs {
    /// Pipeline
    pub(crate) pipeline: String,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

/// Arguments of `state rollback`.
#[derive(Args, Debug)]
pub(crate) struct RollbackArgs {
    /// Pipeline
    pub(crate) pipeline: String,
    /// The version to go back to: `tapline state log` lists them
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: u64,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

/// Arguments of `state export`.
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// Pipelines to export [default: all]
    #[arg(value_name = "PIPELINE")]
    pub(crate) pipelines: Vec<String>,
}

/// Arguments of `state import`.
#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The file
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}
