//! Sync modes that the state store says, over those of the project file: for whoever moves a pipeline
//! and may not edit the file.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tapline_core::{Error, ErrorKind, StateStore};

use super::state;
use crate::app::App;
use crate::doors::SystemClock;
use crate::failure::{Failure, Result};
use crate::project::{Project, edit};

/// Where they are in the state store, by pipeline.
const NAMESPACE: &str = "sync";

/// What the state store says of a pipeline's `sync`. What it leaves out, the project file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Override {
    /// The sync mode.
    pub(crate) mode: String,
    /// The field that tells new records from old ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cursor: Option<String>,
    /// What it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cursor_type: Option<String>,
    /// The fields that identify a record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) primary_keys: Vec<String>,
}

impl Override {
    /// The text of `project`, with this as the `sync` of `pipeline`.
    ///
    /// # Errors
    /// The pipeline is not written in a way that can be changed; the reason.
    pub(crate) fn edited(&self, text: &str, pipeline: &str) -> Result<String, String> {
        let mut updates = vec![("mode", yaml_serde::Value::from(self.mode.as_str()))];
        if let Some(cursor) = &self.cursor {
            updates.push(("cursor", cursor.as_str().into()));
        }
        if let Some(cursor_type) = &self.cursor_type {
            updates.push(("cursor_type", cursor_type.as_str().into()));
        }
        if !self.primary_keys.is_empty() {
            updates.push(("primary_keys", self.primary_keys.clone().into()));
        }
        edit::with_sync(text, pipeline, &updates).map_err(|why| why.to_string())
    }
}

/// The project as it is run: with what the state store says of its pipelines, which is told.
///
/// # Errors
/// There is no valid project, or what the state store says does not go with it.
pub(crate) async fn project(app: &App) -> Result<Project> {
    let project = app.project()?;
    let store = state::present(&project, Arc::new(SystemClock::new())).await?;
    with(app, project, store).await
}

/// The same for a command that changes nothing, not even a journal of the state.
///
/// # Errors
/// As [`project`].
pub(crate) async fn project_to_look_at(app: &App) -> Result<Project> {
    let project = app.project()?;
    let store = state::past(&project, Arc::new(SystemClock::new())).await?;
    with(app, project, store).await
}

async fn with(app: &App, project: Project, store: Option<Arc<dyn StateStore>>) -> Result<Project> {
    let Some(store) = store else {
        return Ok(project);
    };
    let mut text = project.text().to_owned();
    let mut said = Vec::new();
    for (pipeline, document) in store.list(NAMESPACE, "").await? {
        let known = project.file().pipelines.contains_key(&pipeline);
        if document.value.is_null() || !known {
            continue;
        }
        let found = serde_json::from_value::<Override>(document.value);
        let failed = |why: String| {
            let message = format!("what the state store says of the `sync` of `{pipeline}`: {why}");
            Failure::from(Error::new(ErrorKind::State, "read the sync mode", message))
        };
        let found = found.map_err(|error| failed(error.to_string()))?;
        text = found.edited(&text, &pipeline).map_err(failed)?;
        said.push(format!("{pipeline}: {}", found.mode));
    }
    if said.is_empty() {
        return Ok(project);
    }
    app.screen.note(format!(
        "sync modes by the state store: {}",
        said.join(", ")
    ));
    Project::read(project.path(), text)
}

/// Lets the state store say `found` of `pipeline`; `None`: nothing any more.
///
/// # Errors
/// The store cannot be written.
pub(crate) async fn put(
    store: &dyn StateStore,
    pipeline: &str,
    found: Option<&Override>,
) -> Result<()> {
    let before = store.get(NAMESPACE, pipeline).await?;
    let version = before.as_ref().map(|document| document.version);
    if found.is_none() && before.is_none_or(|document| document.value.is_null()) {
        return Ok(());
    }
    let value = serde_json::to_value(found).unwrap_or_default();
    store.put(NAMESPACE, pipeline, &value, version).await?;
    Ok(())
}
