//! `tapline check`: whether connections work, and what to do about those that do not.

use std::sync::Arc;

use futures::StreamExt;
use serde_json::json;
use tapline_core::{Error, ErrorKind, HookKind, Hooks, Source, Window, first_slice};
use tapline_engine::{HttpSource, PageForm};
use uuid::Uuid;

use crate::app::App;
use crate::cli::CheckArgs;
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::output::numbers::plural;
use crate::output::{Screen, clean};
use crate::project::{Lookup, Project};
use crate::wiring::{Reading, Trial, Wiring};

/// What came of one connection.
struct Checked {
    connection: String,
    result: Result<String>,
}

/// Tries the connections asked for, or all.
///
/// # Errors
/// The project is not valid. A connection that does not work is the answer, not an error.
pub(crate) async fn check(app: &App, args: &CheckArgs) -> Result<Exit> {
    let project = app.project()?;
    let names: Vec<String> = match &args.connection {
        Some(name) => {
            project.connection(name)?;
            vec![name.clone()]
        }
        None => project.file().connections.keys().cloned().collect(),
    };
    if names.is_empty() {
        let message = format!("{} has no connections", project.path().display());
        return Err(Failure::usage(message, "add one under `connections:`"));
    }
    let catalogue = app.catalogue();
    let wiring = Wiring::new(&project, &catalogue);
    let mut checked = Vec::new();
    for connection in names {
        let result = tokio::select! {
            result = try_one(&wiring, &connection, app.screen) => result,
            () = app.cancel.cancelled() => {
                return Err(Error::new(ErrorKind::Stopped, "check", "asked to stop").into());
            }
        };
        let one = Checked { connection, result };
        tell(app, &one)?;
        checked.push(one);
    }
    if app.screen.is_json() {
        let documents: Vec<_> = checked.iter().map(document).collect();
        app.screen.json(&json!({ "connections": documents }))?;
    }
    let failures = checked.iter().filter_map(|one| one.result.as_ref().err());
    Ok(Exit::worst(failures.map(Failure::exit)))
}

/// Tries `connection` with the parameters of a pipeline.
async fn try_one(wiring: &Wiring<'_>, connection: &str, screen: Screen) -> Result<String> {
    let pipeline = pipeline_of(wiring.project, connection)?;
    let stream = wiring.stream(pipeline, Lookup::Real)?;
    let reading = Reading {
        run_id: Uuid::now_v7(),
        max_pages: Some(1),
        max_requests: None,
        form: PageForm::Rows,
        concurrency: 1,
        keep_raw: false,
        events: screen.warnings(),
    };
    let opened = wiring.source(&stream, reading, wiring.state().await?)?;
    let client = opened.client;
    let tried = ask(&stream.label, opened.source, opened.hooks, opened.trial).await;
    client.settle().await;
    tried
}

/// Asks for `authorizationTestUrl` if there is one, or else the connector's own check, or else for
/// the first page of the stream that is called `label`.
async fn ask(
    label: &str,
    source: Arc<HttpSource>,
    hooks: Arc<dyn Hooks>,
    trial: Option<Trial>,
) -> Result<String> {
    if let Some(trial) = trial {
        return Ok(trial.run().await?);
    }
    if hooks.set().has(HookKind::Check) {
        let report = hooks.check().await?;
        if !report.ok {
            return Err(Error::new(ErrorKind::Unavailable, "check", report.message).into());
        }
        return Ok(report.message);
    }
    let page = match first_slice(source.slices(&Window::ALL)).await? {
        Some(slice) => source.open(&slice, None).next().await.transpose()?,
        None => None,
    };
    let records = page.map_or(0, |page| page.info.evidence.records);
    Ok(format!(
        "the first page of {label} has {}",
        plural(records, "record")
    ))
}

/// A pipeline that reads from `connection`: it has the parameters that a request needs.
fn pipeline_of<'p>(project: &'p Project, connection: &str) -> Result<&'p str> {
    let mut pipelines = project.file().pipelines.iter();
    let found = pipelines.find(|(_, pipeline)| pipeline.source.connection == connection);
    found.map(|(name, _)| name.as_str()).ok_or_else(|| {
        Failure::usage(
            format!("no pipeline reads from `{connection}`, so there is nothing to ask for"),
            "add a pipeline with this connection",
        )
    })
}

fn tell(app: &App, checked: &Checked) -> Result<()> {
    use owo_colors::OwoColorize;
    let name = clean(&checked.connection);
    match &checked.result {
        Ok(message) if !app.screen.is_json() => {
            let line = format!("{name}: {}, {}", "ok".green().bold(), clean(message));
            app.screen.line(line)?;
        }
        Ok(_) => {}
        Err(failure) => {
            app.screen
                .note(format!("{name}: {} {failure}", "failed,".red().bold()));
        }
    }
    Ok(())
}

fn document(checked: &Checked) -> serde_json::Value {
    let (ok, message) = match &checked.result {
        Ok(message) => (true, message.clone()),
        Err(failure) => (false, failure.reason()),
    };
    json!({ "connection": checked.connection, "ok": ok, "message": message })
}
