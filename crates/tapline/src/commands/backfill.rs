//! `tapline backfill`: fetches what is missing of a pipeline.

use crate::app::App;
use crate::cli::BackfillArgs;
use crate::commands::job::Part;
use crate::commands::run::{Options, run_pipelines, tell};
use crate::exit_code::Exit;
use crate::failure::Result;
use crate::wiring::overrides;

/// Runs a pipeline for what is missing, and reports.
///
/// # Errors
/// The project is not valid, or the pipeline remembers nothing; then nothing was sent.
pub(crate) async fn backfill(app: &App, args: &BackfillArgs) -> Result<Exit> {
    let project = overrides::project(app).await?;
    let names = [args.pipeline.clone()];
    let options = Options {
        max_pages: args.max_pages,
        max_requests: args.max_requests,
        lock_wait: args.lock_wait,
        part: Part::Backfill {
            from: args.from.clone(),
            to: args.to.clone(),
        },
    };
    let runs = run_pipelines(app, &project, &names, &options).await?;
    tell(app, &runs, names.len())
}
