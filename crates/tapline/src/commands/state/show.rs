//! `tapline state show`: what is known of pipelines, and where the gaps are.

use serde_json::Value;
use tapline_core::{MarkKey, RunReport, StateStore, Window};
use tapline_engine::PENDING;

use super::{names, past, remembered};
use crate::app::App;
use crate::cli::state::ShowArgs;
use crate::exit_code::Exit;
use crate::failure::Result;
use crate::output::state::{Cut, Known, LastRun, Picture};
use crate::project::Project;
use crate::wiring::Wiring;
use crate::wiring::overrides;

/// Shows what is known.
///
/// # Errors
/// There is no state, or nothing of a pipeline that was asked for.
pub(super) async fn show(app: &App, args: &ShowArgs) -> Result<Exit> {
    show_pipelines(
        app,
        &overrides::project_to_look_at(app).await?,
        &args.pipelines,
    )
    .await
}

/// Shows what is known of these pipelines of `project`; of all, if none is named.
///
/// # Errors
/// There is no state, or nothing of one of them.
pub(crate) async fn show_pipelines(
    app: &App,
    project: &Project,
    pipelines: &[String],
) -> Result<Exit> {
    let catalogue = app.catalogue();
    let store = past(&Wiring::new(project, &catalogue)).await?;
    let mut pictures = Vec::new();
    for name in names(project, &*store, pipelines).await? {
        pictures.push(picture(&*store, name).await?);
    }
    match (pictures.as_slice(), pipelines.len()) {
        ([picture], 1) if app.screen.is_json() => app.screen.json(picture)?,
        _ if app.screen.is_json() => {
            app.screen
                .json(&serde_json::json!({ "pipelines": pictures }))?;
        }
        _ => {
            let words: Vec<String> = pictures.iter().map(Picture::words).collect();
            app.screen.line(words.join("\n\n"))?;
        }
    }
    Ok(Exit::COMPLETE)
}

async fn picture(store: &dyn StateStore, pipeline: String) -> Result<Picture> {
    let streams = remembered(store, &pipeline).await?.into_iter();
    let streams =
        streams.filter_map(|one| Some(Known::of(one.key.stream, one.version, one.marks?)));
    let streams = streams.collect();
    let cut = cut(store, &pipeline).await?;
    let last = store.tail(&RunReport::log(&pipeline), 1).await?.pop();
    let last = last.and_then(|entry| serde_json::from_value::<RunReport>(entry.value).ok());
    Ok(Picture {
        streams,
        cut,
        last_run: last.map(|report| LastRun {
            run_id: report.run_id,
            started_at: report.started_at,
            verdict: report.verdict,
        }),
        pipeline,
    })
}

/// The runs of `pipeline` that were cut.
///
/// # Errors
/// The state cannot be read.
pub(crate) async fn cut(store: &dyn StateStore, pipeline: &str) -> Result<Vec<Cut>> {
    let mut cut = Vec::new();
    for (key, document) in store.list(PENDING, &MarkKey::prefix(pipeline)).await? {
        cut.extend(MarkKey::parse(&key).and_then(|key| pending(key, &document.value)));
    }
    Ok(cut)
}

/// A run that was cut, as its document tells.
fn pending(key: MarkKey, document: &Value) -> Option<Cut> {
    let part = |name: &str| document.get(name).cloned();
    Some(Cut {
        run_id: serde_json::from_value(part("run")?).ok()?,
        kind: match key.partition.as_str() {
            "" => "run".to_owned(),
            kind => kind.to_owned(),
        },
        stream: key.stream,
        window: serde_json::from_value::<Window>(part("window")?).ok()?,
        began: serde_json::from_value(part("began")?).ok()?,
    })
}
