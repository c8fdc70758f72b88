//! `tapline run`: fetches pipelines into their tables, one after the other.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tapline_core::{
    Error, RecordCounts, RunReport, ShortReason, SliceCounts, StateStore, TableRef, Verdict,
    WatermarkReport, Window,
};
use tapline_engine::{RunTask, SyncMode as EngineMode};
use tapline_spec::Diagnostic;
use uuid::Uuid;

use crate::app::App;
use crate::cli::RunArgs;
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::output::progress::Progress;
use crate::output::summary::{self, Ended};
use crate::project::{Lookup, Project, SyncMode, pointer};
use crate::window::WindowArgs;
use crate::wiring::{self, Reading, Stream, Wiring};

/// What a run takes from the command line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Pages after which a pipeline is cut short.
    pub(crate) max_pages: Option<u64>,
    /// How long to wait for another runner.
    pub(crate) lock_wait: Duration,
    /// The time range asked for.
    pub(crate) window: WindowArgs,
}

/// A pipeline that is planned.
pub(crate) struct Job {
    /// Its name.
    pub(crate) name: String,
    /// What is read.
    pub(crate) stream: Stream,
    /// What becomes of the table.
    pub(crate) mode: EngineMode,
}

/// Runs the pipelines asked for, and reports.
///
/// # Errors
/// The project is not valid; then nothing was sent.
pub(crate) async fn run(app: &App, args: &RunArgs) -> Result<Exit> {
    let project = app.project()?;
    let names = names(&project, &args.pipelines)?;
    let options = Options {
        max_pages: args.max_pages,
        lock_wait: args.lock_wait,
        window: args.window,
    };
    let runs = run_pipelines(app, &project, &names, options).await?;
    let exit = Exit::worst(runs.iter().map(Ended::exit));
    if app.screen.is_json() {
        let reports: Vec<_> = runs.iter().map(|run| &run.report).collect();
        match (reports.as_slice(), names.len()) {
            ([report], 1) => app.screen.json(report)?,
            _ => app.screen.json(&json!({ "runs": reports }))?,
        }
        return Ok(exit);
    }
    app.screen.line(summary::text(&runs, app.screen.width()))?;
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

/// Plans all of `names`, then runs them until one is stopped.
///
/// # Errors
/// One of them cannot be planned; then none was run.
pub(crate) async fn run_pipelines(
    app: &App,
    project: &Project,
    names: &[String],
    options: Options,
) -> Result<Vec<Ended>> {
    let catalogue = app.catalogue();
    let wiring = Wiring::new(project, &catalogue);
    let jobs: Vec<Job> = names
        .iter()
        .map(|name| job(&wiring, name))
        .collect::<Result<_>>()?;
    for job in &jobs {
        window(&wiring, job, options)?;
        options.window.allow(&job.name, job.mode)?;
    }
    let state = wiring.state().await?;
    let mut runs = Vec::new();
    for job in jobs {
        runs.push(run_one(app, &wiring, &job, options, state.clone()).await?);
        if app.cancel.is_cancelled() {
            break;
        }
    }
    Ok(runs)
}

/// Plans the pipeline `name`.
///
/// # Errors
/// It is not valid, or its sync mode is not available.
pub(crate) fn job(wiring: &Wiring<'_>, name: &str) -> Result<Job> {
    Ok(Job {
        name: name.to_owned(),
        mode: mode(wiring.project, name)?,
        stream: wiring.stream(name, Lookup::Real)?,
    })
}

/// What the pipeline `name` does to its table.
///
/// # Errors
/// Its sync mode is not available.
pub(crate) fn mode(project: &Project, name: &str) -> Result<EngineMode> {
    let mode = project.pipeline(name)?.sync.mode;
    match mode {
        SyncMode::FullLoad => Ok(EngineMode::FullLoad),
        SyncMode::FullAppend => Ok(EngineMode::FullAppend),
        SyncMode::Incremental | SyncMode::IncrementalWithQualify => {
            let message = format!("the sync mode `{}` is not available yet", mode.name());
            let at = format!("/pipelines/{}/sync/mode", pointer(name));
            let found = Diagnostic::error("E-not-supported", at, message).with_hint(
                "`full_load` replaces the table with everything, `full_append` adds everything",
            );
            Err(project.invalid(vec![found]))
        }
    }
}

/// The time range that a run of `job` that starts now asks for.
fn window(wiring: &Wiring<'_>, job: &Job, options: Options) -> Result<Window> {
    let now = wiring.clock.now();
    options.window.window(&job.name, job.stream.plan(), now)
}

async fn run_one(
    app: &App,
    wiring: &Wiring<'_>,
    job: &Job,
    options: Options,
    state: Arc<dyn StateStore>,
) -> Result<Ended> {
    let target = &wiring.project.pipeline(&job.name)?.destination;
    let destination = wiring.project.destination(&target.name)?;
    let schema = target.schema.as_deref().unwrap_or(TableRef::PUBLIC);
    let task = RunTask {
        run_id: Uuid::now_v7(),
        pipeline: job.name.clone(),
        stream: job.stream.label.clone(),
        table: TableRef {
            schema: schema.to_owned(),
            name: target.table.clone(),
        },
        sync_mode: job.mode,
        window: window(wiring, job, options)?,
        window_given: options.window.is_given(),
        lock_wait: options.lock_wait,
    };
    let progress = Progress::start(app.screen, &job.name, wiring.clock.clone());
    let events = progress.events();
    let reading = Reading {
        run_id: task.run_id,
        max_pages: options.max_pages,
        form: wiring::form(destination),
        events: events.clone(),
    };
    let doors = wiring
        .source(&job.stream, reading, state.clone())
        .and_then(|opened| wiring.doors(opened.source, destination, state));
    let (report, error) = match doors {
        Ok(doors) => {
            let outcome = tapline_engine::run(&task, &doors, &events, &app.cancel).await;
            (outcome.report, outcome.error)
        }
        Err(Failure::Error { error, .. }) => {
            (not_begun(&task, &error, wiring.clock.now()), Some(*error))
        }
        Err(invalid @ Failure::Invalid(_)) => return Err(invalid),
    };
    progress.finish();
    let database = wiring.project.resolve(destination.path());
    Ok(Ended {
        report,
        error,
        table: wiring::shown_table(destination, &task.table),
        database: database.display().to_string(),
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
        window: task.window,
        verdict: Verdict::Short(ShortReason::Failed {
            error: error.clone(),
        }),
        resumed_from: None,
        records: RecordCounts::default(),
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
