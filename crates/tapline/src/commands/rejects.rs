//! `tapline rejects`: records that became no row, shown and tried again.

use serde_json::json;
use tapline_core::KeptReject;
use tapline_engine::retry_rejects;

use crate::app::App;
use crate::cli::rejects::{RejectsArgs, RejectsCommand, RetryArgs, ShowArgs};
use crate::commands::job::{self, Job, Part};
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::output::Table;
use crate::output::numbers::plural;
use crate::output::table::Cell;
use crate::project::Place;
use crate::window::WindowArgs;
use crate::wiring::Wiring;
use crate::wiring::overrides;

/// Shows or retries the rejects of a pipeline.
///
/// # Errors
/// There is no such pipeline, or its destination cannot be read or written.
pub(crate) async fn rejects(app: &App, args: &RejectsArgs) -> Result<Exit> {
    match &args.command {
        RejectsCommand::Show(args) => show(app, args).await,
        RejectsCommand::Retry(args) => retry(app, args).await,
    }
}

async fn show(app: &App, args: &ShowArgs) -> Result<Exit> {
    let project = overrides::project_to_look_at(app).await?;
    let catalogue = app.catalogue();
    let wiring = Wiring::new(&project, &catalogue);
    let table = job::table(&project, &args.pipeline)?;
    let place = project.place(&project.pipeline(&args.pipeline)?.destination.name)?;
    if let Place::Database(path) = &place
        && !path.is_file()
    {
        let message = format!("there is no database yet: {}", path.display());
        return Err(Failure::usage(message, "`tapline run` makes it"));
    }
    let destination = wiring.destination(&place)?;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    // One more tells whether there are more.
    let wanted = limit.saturating_add(1);
    let found = destination.rejects(&table, &args.pipeline, None, wanted);
    let mut found = found.await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    if app.screen.is_json() {
        let document = json!({
            "pipeline": args.pipeline,
            "rejects": found,
            "truncated": has_more,
        });
        app.screen.json(&document)?;
        return Ok(Exit::COMPLETE);
    }
    if found.is_empty() {
        let none = format!("every record of {} became a row", args.pipeline);
        app.screen.note(none);
        return Ok(Exit::COMPLETE);
    }
    app.screen
        .line(table_of(&found).render(app.screen.width()))?;
    if has_more {
        let shown = plural(limit as u64, "record");
        app.screen
            .note(format!("only the first {shown}; `--limit N` shows more"));
    }
    app.screen
        .note("`tapline rejects retry` makes rows of those that fit by now");
    Ok(Exit::COMPLETE)
}

fn table_of(rejects: &[KeptReject]) -> Table {
    let mut table = Table::new(["page", "record", "reason", "raw"]);
    for reject in rejects {
        let key = &reject.key;
        table.row([
            Cell::Number(key.seq.to_string()),
            Cell::Number(key.index.to_string()),
            Cell::Text(reject.reason.clone()),
            Cell::Text(reject.raw.clone()),
        ]);
    }
    table
}

async fn retry(app: &App, args: &RetryArgs) -> Result<Exit> {
    let project = overrides::project(app).await?;
    let catalogue = app.catalogue();
    let wiring = Wiring::new(&project, &catalogue);
    let job = Job::plan(&wiring, &args.pipeline)?;
    let state = wiring.state().await?;
    let part = Part::Run(WindowArgs::default());
    let task = job.task(&wiring, &part, args.waiting.lock_wait)?;
    let reading = job.reading(&wiring, &task, app.screen.warnings())?;
    let opened = wiring.source(&job.stream, reading, state.clone())?;
    let doors = wiring.doors(opened.source, (&job.name, &job.place), state)?;
    let retried = tokio::select! {
        retried = retry_rejects(&task, job.stream.plan(), &doors) => retried?,
        () = app.cancel.cancelled() => return Ok(Exit::STOPPED),
    };
    if app.screen.is_json() {
        app.screen.json(&json!({
            "pipeline": job.name,
            "accepted": retried.accepted,
            "left": retried.left,
        }))?;
    } else {
        let rows = plural(retried.accepted, "row");
        let left = plural(retried.left, "record");
        app.screen
            .line(format!("{rows} came of rejects; {left} still became none"))?;
    }
    Ok(match retried.left {
        0 => Exit::COMPLETE,
        _ => Exit::SHORT,
    })
}
