//! `tapline state`: what is remembered of pipelines, shown and changed. Rows are never touched.

mod change;
mod history;
mod show;
mod transfer;

use std::sync::Arc;

use tapline_core::{MarkKey, Marks, StateStore};

use crate::app::App;
use crate::cli::state::{StateArgs, StateCommand};
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::output::text::hint;
use crate::project::Project;
use crate::wiring::Wiring;

pub(crate) use self::change::Desk;
pub(crate) use self::show::{cut, show_pipelines};

/// Does what `args` ask for.
///
/// # Errors
/// The state cannot be read, or there is nothing of what was asked for.
pub(crate) async fn state(app: &App, args: &StateArgs) -> Result<Exit> {
    match &args.command {
        StateCommand::Show(args) => show::show(app, args).await,
        StateCommand::Log(args) => history::log(app, args).await,
        StateCommand::Diff(args) => history::diff(app, args).await,
        StateCommand::Set(args) => change::set(app, args).await,
        StateCommand::Reset(args) => change::reset(app, args).await,
        StateCommand::Rollback(args) => change::rollback(app, args).await,
        StateCommand::Export(args) => transfer::export(app, args).await,
        StateCommand::Import(args) => transfer::import(app, args).await,
    }
}

/// What is remembered of one stream of a pipeline.
struct Remembered {
    key: MarkKey,
    version: u64,
    marks: Option<Marks>,
}

/// What is remembered of `pipeline`: of the stream that it reads, and of those that it has read.
async fn remembered(store: &dyn StateStore, pipeline: &str) -> Result<Vec<Remembered>> {
    let found = store
        .list(Marks::NAMESPACE, &MarkKey::prefix(pipeline))
        .await?;
    let mut all = Vec::new();
    for (key, document) in found {
        if let Some(key) = MarkKey::parse(&key) {
            all.push(Remembered {
                key,
                version: document.version,
                marks: Marks::read(&document.value)?,
            });
        }
    }
    Ok(all)
}

/// The only stream that is remembered of `pipeline`, or the one that it reads now.
///
/// # Errors
/// Nothing is remembered.
async fn the_one(
    wiring: &Wiring<'_>,
    store: &dyn StateStore,
    pipeline: &str,
) -> Result<Remembered> {
    let mut all = remembered(store, pipeline).await?;
    if all.len() > 1 {
        let label = label(wiring, pipeline)?;
        all.retain(|one| one.key.stream == label);
    }
    all.pop().ok_or_else(|| nothing(pipeline))
}

/// Connector and stream that `pipeline` reads.
fn label(wiring: &Wiring<'_>, pipeline: &str) -> Result<String> {
    let stream = wiring.stream(pipeline, crate::project::Lookup::StandIn)?;
    Ok(stream.label)
}

fn nothing(pipeline: &str) -> Failure {
    Failure::usage(
        format!("nothing is remembered of `{pipeline}`"),
        "an `incremental` pipeline remembers how far it is, once a run of it was complete",
    )
}

/// The state, to be read only.
///
/// # Errors
/// There is none, or it cannot be read.
async fn past(wiring: &Wiring<'_>) -> Result<Arc<dyn StateStore>> {
    let past = wiring.past().await?;
    past.ok_or_else(|| Failure::usage("nothing is remembered yet", "`tapline run` comes first"))
}

/// The pipelines asked for; all of the project and all that something is remembered of, if none is.
async fn names(project: &Project, store: &dyn StateStore, asked: &[String]) -> Result<Vec<String>> {
    let mut known: Vec<String> = project.file().pipelines.keys().cloned().collect();
    for (key, _) in store.list(Marks::NAMESPACE, "").await? {
        if let Some(key) = MarkKey::parse(&key)
            && !known.contains(&key.pipeline)
        {
            known.push(key.pipeline);
        }
    }
    if asked.is_empty() {
        return Ok(known);
    }
    for name in asked {
        if !known.contains(name) {
            let message =
                format!("there is no pipeline `{name}`, and nothing is remembered of one");
            return Err(Failure::usage(
                message,
                hint(name, known.iter().map(String::as_str)),
            ));
        }
    }
    Ok(asked.to_vec())
}
