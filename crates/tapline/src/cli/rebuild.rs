//! What can be typed after `tapline rebuild`.

use clap::Args;

use super::state::Waiting;

/// Arguments of `rebuild`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapline rebuild orders        Make the table again from the pages that were kept

A pipeline with `raw` in the project file keeps every page that it fetches. `rebuild` decodes them
once more, in the shape and under the contract that the pipeline has now, and shows the new table
in one step. Nothing is fetched, and no watermark moves. If a page is missing, the table stays as
it is.")]
pub(crate) struct RebuildArgs {
    /// Pipeline
    pub(crate) pipeline: String,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}
