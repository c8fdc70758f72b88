//! What can be typed after `tapline rejects`.

use clap::{Args, Subcommand};

use super::state::Waiting;

/// Arguments of `rejects`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapline rejects show orders   Records that became no row, and why
  tapline rejects show orders --output json
                                The same, whole, for programs
  tapline rejects retry orders  Make rows of those that fit by now

A record becomes no row if it is nested too deep, if the contract of the pipeline's `schema` says
`discard_row`, or if the destination refuses it. It is kept with the reason. Change what was in the
way, such as the contract, and retry: what becomes a row is no reject any more.")]
pub(crate) struct RejectsArgs {
    #[command(subcommand)]
    pub(crate) command: RejectsCommand,
}

/// What can be done with rejects.
#[derive(Debug, Subcommand)]
pub(crate) enum RejectsCommand {
    /// Show records that became no row, and why
    Show(ShowArgs),
    /// Try to make rows of them once more
    Retry(RetryArgs),
}

/// Arguments of `rejects show`.
#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// Pipeline
    pub(crate) pipeline: String,
    /// Records to show at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

/// Arguments of `rejects retry`.
#[derive(Args, Debug)]
pub(crate) struct RetryArgs {
    /// Pipeline
    pub(crate) pipeline: String,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}
