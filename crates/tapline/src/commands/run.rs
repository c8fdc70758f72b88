//! `tapline run`: fetches pipelines into their tables, one after the other.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tapline_core::{
    Asked, Error, RecordCounts, RunEvent, RunReport, ShortReason, SliceCounts, StateStore,
    UnknownReason, Verdict, WatermarkReport, Window,
};
use tapline_engine::RunTask;

use crate::app::App;
use crate::cli::RunArgs;
use crate::commands::job::{Job, Part};
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::output::progress::Progress;
use crate::output::summary::{self, Ended};
use crate::project::Project;
use crate::wiring::overrides;
use crate::wiring::{self, Reading, Wiring};

/// What a run takes from the command line.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Pages after which a pipeline is cut short.
    pub(crate) max_pages: Option<u64>,
    /// Requests after which a pipeline is paused.
    pub(crate) max_requests: Option<u64>,
    /// How long to wait for another runner.
    pub(crate) lock_wait: Duration,
    /// What is asked for.
    pub(crate) part: Part,
}

/// Runs the pipelines asked for, and reports.
///
/// # Errors
/// The project is not valid; then nothing was sent.
pub(crate) async fn run(app: &App, args: &RunArgs) -> Result<Exit> {
    let project = overrides::project(app).await?;
    let names = names(&project, &args.pipelines)?;
    let options = Options {
        max_pages: args.max_pages,
        max_requests: args.max_requests,
        lock_wait: args.lock_wait,
        part: match args.full_refresh {
            true => Part::Everything,
            false => Part::Run(args.window.clone()),
        },
    };
    let runs = run_pipelines(app, &project, &names, &options).await?;
    tell(app, &runs, names.len())
}

/// Reports what became of `runs`, where so many pipelines were `asked` for.
///
/// # Errors
/// Nothing can be printed.
pub(crate) fn tell(app: &App, runs: &[Ended], asked: usize) -> Result<Exit> {
    let exit = Exit::worst(runs.iter().map(Ended::exit));
    if app.screen.is_json() {
        let reports: Vec<_> = runs.iter().map(|run| &run.report).collect();
        match (reports.as_slice(), asked) {
            ([report], 1) => app.screen.json(report)?,
            _ => app.screen.json(&json!({ "runs": reports }))?,
        }
        return Ok(exit);
    }
    app.screen.line(summary::text(runs, app.screen.width()))?;
    Ok(exit)
}

/// The pipelines asked for, once each; all if none is.
///
/// # Errors
/// One of them is unknown, or there are none.
pub(crate) fn names(project: &Project, asked: &[String]) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in asked {
        project.pipeline(name)?;
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    if asked.is_empty() {
        names.extend(project.file().pipelines.keys().cloned());
    }
    if names.is_empty() {
        let message = format!("{} has no pipelines", project.path().display());
        return Err(Failure::usage(message, "add one under `pipelines:`"));
    }
    Ok(names)
}

/// Plans all of `names`, then runs them until one is stopped. One that was paused the last time
/// goes first: others would use up again what it waits for.
///
/// # Errors
/// One of them cannot be planned; then none was run.
pub(crate) async fn run_pipelines(
    app: &App,
    project: &Project,
    names: &[String],
    options: &Options,
) -> Result<Vec<Ended>> {
    let catalogue = app.catalogue();
    let wiring = Wiring::new(project, &catalogue);
    let mut jobs: Vec<Job> = names
        .iter()
        .map(|name| Job::plan(&wiring, name))
        .collect::<Result<_>>()?;
    for job in &jobs {
        job.aim(&options.part, wiring.clock.now())?;
    }
    let state = wiring.state().await?;
    paused_first(&mut jobs, &*state).await?;
    let mut runs = Vec::new();
    for job in jobs {
        runs.push(run_one(app, &wiring, &job, options, state.clone()).await?);
        if app.cancel.is_cancelled() {
            break;
        }
    }
    Ok(runs)
}

async fn paused_first(jobs: &mut Vec<Job>, state: &dyn StateStore) -> Result<()> {
    if jobs.len() < 2 {
        return Ok(());
    }
    let (mut first, mut then) = (Vec::new(), Vec::new());
    for job in std::mem::take(jobs) {
        let last = state.tail(&RunReport::log(&job.name), 1).await?.pop();
        let last = last.and_then(|entry| serde_json::from_value::<RunReport>(entry.value).ok());
        let is_paused = last.is_some_and(|report| {
            matches!(
                report.verdict,
                Verdict::Unknown(UnknownReason::Paused { .. })
            )
        });
        match is_paused {
            true => first.push(job),
            false => then.push(job),
        }
    }
    first.append(&mut then);
    *jobs = first;
    Ok(())
}

async fn run_one(
    app: &App,
    wiring: &Wiring<'_>,
    job: &Job,
    options: &Options,
    state: Arc<dyn StateStore>,
) -> Result<Ended> {
    let target = &wiring.project.pipeline(&job.name)?.destination;
    let destination = wiring.project.destination(&target.name)?;
    let task = job.task(wiring, &options.part, options.lock_wait)?;
    let progress = Progress::start(app.screen, &job.name, wiring.clock.clone());
    let events = progress.events();
    let reading = Reading {
        max_pages: options.max_pages,
        max_requests: options.max_requests,
        ..job.reading(wiring, &task, events.clone())?
    };
    let doors = wiring
        .source(&job.stream, reading, state.clone())
        .and_then(|opened| {
            let doors = wiring.doors(opened.source, (&job.name, &job.place), state)?;
            Ok((doors, opened.client))
        });
    let (report, error) = match doors {
        Ok((doors, client)) => {
            let outcome = tapline_engine::run(&task, &doors, &events, &app.cancel).await;
            client.settle().await;
            if outcome.report.verdict.is_complete()
                && let Err(failure) = wiring.prune_raw(&job.name, outcome.report.run_id)
            {
                events.emit(RunEvent::Warning {
                    message: failure.to_string(),
                });
            }
            (outcome.report, outcome.error)
        }
        Err(Failure::Error { error, .. }) => {
            (not_begun(&task, &error, wiring.clock.now()), Some(*error))
        }
        Err(invalid @ Failure::Invalid(_)) => return Err(invalid),
    };
    progress.finish();
    Ok(Ended {
        report,
        error,
        table: wiring::shown_table(destination, &task.table),
        database: job.place.shown()?,
        rejects: wiring::rejects(destination),
    })
}

/// The report of a run whose source or destination cannot be opened. The runs before it have
/// reports, and those after it go on.
fn not_begun(task: &RunTask, error: &Error, now: Timestamp) -> RunReport {
    let error = error.to_string();
    RunReport {
        run_id: task.run_id,
        pipeline: task.pipeline.clone(),
        sync_mode: task.sync_mode.name().to_owned(),
        asked: Asked::default(),
        window: Window::ALL,
        verdict: Verdict::Short(ShortReason::Failed {
            error: error.clone(),
        }),
        resumed_from: None,
        records: RecordCounts::default(),
        brought: 0,
        slices: SliceCounts::default(),
        pages: 0,
        requests: 0,
        retries: 0,
        waited_ms: 0,
        bytes: 0,
        duration_ms: 0,
        started_at: now,
        watermarks: WatermarkReport::default(),
        coverage: Vec::new(),
        next_position: None,
        error: Some(error),
        failed_request: None,
    }
}
