//! `tapline rebuild`: a table made again from the pages that were kept.

use serde_json::json;
use tapline_core::{Error, ErrorKind, Result as CoreResult};
use tapline_engine::{Rebuilt, rebuild as make_again};

use crate::app::App;
use crate::cli::rebuild::RebuildArgs;
use crate::commands::job::{Job, Part};
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::output::numbers::plural;
use crate::output::progress::Progress;
use crate::window::WindowArgs;
use crate::wiring::overrides;
use crate::wiring::{self, Wiring};

/// Makes the table of a pipeline again.
///
/// # Errors
/// There is no such pipeline, it keeps no pages, or one is missing.
pub(crate) async fn rebuild(app: &App, args: &RebuildArgs) -> Result<Exit> {
    let project = overrides::project(app).await?;
    let catalogue = app.catalogue();
    let wiring = Wiring::new(&project, &catalogue);
    let job = Job::plan(&wiring, &args.pipeline)?;
    let Some(raw) = wiring.raw(&job.name)? else {
        let message = format!(
            "`{}` keeps no pages that its table could be made of",
            job.name
        );
        let hint = "write `raw: {}` into the pipeline; pages are kept from the next run on";
        return Err(Failure::usage(message, hint));
    };
    let state = wiring.state().await?;
    let part = Part::Run(WindowArgs::default());
    let task = job.task(&wiring, &part, args.waiting.lock_wait)?;
    let progress = Progress::start(app.screen, &job.name, wiring.clock.clone());
    let events = progress.events();
    let reading = job.reading(&wiring, &task, events.clone())?;
    let opened = wiring.source(&job.stream, reading, state.clone())?;
    let doors = wiring.doors(opened.source.clone(), (&job.name, &job.place), state)?;
    let rebuilt: CoreResult<Rebuilt> = tokio::select! {
        rebuilt = make_again(&task, &opened.source, &raw, &doors, &events) => rebuilt,
        () = app.cancel.cancelled() => Err(Error::new(ErrorKind::Stopped, "rebuild", "asked to stop")),
    };
    progress.finish();
    let rebuilt = rebuilt?;
    let destination = project.destination(&project.pipeline(&job.name)?.destination.name)?;
    let table = wiring::shown_table(destination, &task.table);
    if app.screen.is_json() {
        app.screen.json(&json!({
            "pipeline": job.name,
            "table": table,
            "pages": rebuilt.pages,
            "rows": rebuilt.rows,
            "rejected": rebuilt.rejected,
        }))?;
        return Ok(Exit::COMPLETE);
    }
    let pages = plural(rebuilt.pages, "page");
    let rows = plural(rebuilt.rows, "row");
    app.screen.line(format!(
        "The table {table} was made again of {pages}: {rows}."
    ))?;
    if rebuilt.rejected > 0 {
        let records = plural(rebuilt.rejected, "record");
        let show = format!("`tapline rejects show {}`", job.name);
        app.screen
            .note(format!("{records} became no row; {show} says why"));
    }
    let is_absent =
        |stage: &tapline_core::Stage| stage.deletions.as_ref().is_some_and(|it| it.absent);
    if task.stage.as_ref().is_some_and(is_absent) {
        app.screen.note(
            "records that were deleted because a run did not bring them are there again until the \
             next `run --full-refresh`",
        );
    }
    Ok(Exit::COMPLETE)
}
