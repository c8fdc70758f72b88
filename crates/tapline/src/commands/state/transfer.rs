//! `tapline state export` and `import`: what is remembered, carried from one store to another.

use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tapline_core::{MarkKey, Marks};

use super::change::Desk;
use super::{names, past, remembered};
use crate::app::App;
use crate::cli::state::{ExportArgs, ImportArgs};
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::output::numbers::plural;
use crate::wiring::Wiring;

/// Version of the format.
const VERSION: u32 = 1;

/// What is written: for every pipeline, the marks of each stream.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exported {
    version: u32,
    pipelines: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
}

/// Writes what is remembered to stdout, always as JSON.
///
/// # Errors
/// The state cannot be read, or there is no such pipeline.
pub(super) async fn export(app: &App, args: &ExportArgs) -> Result<Exit> {
    let project = app.project()?;
    let catalogue = app.catalogue();
    let store = past(&Wiring::new(&project, &catalogue)).await?;
    let mut exported = Exported {
        version: VERSION,
        pipelines: BTreeMap::new(),
    };
    for name in names(&project, &*store, &args.pipelines).await? {
        let mut streams = BTreeMap::new();
        for one in remembered(&*store, &name).await? {
            if let Some(marks) = one.marks {
                streams.insert(one.key.stream, marks.to_value()?);
            }
        }
        if !streams.is_empty() {
            exported.pipelines.insert(name, streams);
        }
    }
    app.screen.json(&exported)?;
    Ok(Exit::COMPLETE)
}

/// Remembers what `export` wrote. The file is read as a whole before anything is changed.
///
/// # Errors
/// The file is no such export, or one of its pipelines runs.
pub(super) async fn import(app: &App, args: &ImportArgs) -> Result<Exit> {
    let project = app.project()?;
    let catalogue = app.catalogue();
    let wiring = Wiring::new(&project, &catalogue);
    let all = read(args)?;
    let store = wiring.state().await?;
    let count = all.len() as u64;
    for (key, marks) in all {
        let desk = Desk::open(store.clone(), &key.pipeline, args.waiting.lock_wait).await?;
        let found = store.get(Marks::NAMESPACE, &key.key()).await?;
        let version = found.map(|document| document.version);
        desk.put(&key, version, &marks.to_value()?, "state import")
            .await?;
    }
    if app.screen.is_json() {
        app.screen.json(&json!({ "imported": count }))?;
    } else {
        let streams = plural(count, "stream");
        app.screen
            .line(format!("{streams} remembered as in the file"))?;
    }
    Ok(Exit::COMPLETE)
}

fn read(args: &ImportArgs) -> Result<Vec<(MarkKey, Marks)>> {
    let file = args.file.display();
    let wrong = |message: String| Failure::usage(message, "`tapline state export` writes one");
    let text = fs::read_to_string(&args.file)
        .map_err(|error| wrong(format!("{file} cannot be read: {error}")))?;
    let exported: Exported = serde_json::from_str(&text)
        .map_err(|error| wrong(format!("{file} is no exported state: {error}")))?;
    if exported.version > VERSION {
        return Err(wrong(format!(
            "{file} is of version {}, and this program knows {VERSION} at most: a newer tapline wrote it",
            exported.version
        )));
    }
    let mut all = Vec::new();
    for (pipeline, streams) in exported.pipelines {
        for (stream, value) in streams {
            let key = MarkKey {
                pipeline: pipeline.clone(),
                partition: String::new(),
                stream,
            };
            match Marks::read(&value)? {
                Some(marks) => all.push((key, marks)),
                None => return Err(wrong(format!("{file} has nothing of `{pipeline}`"))),
            }
        }
    }
    Ok(all)
}
