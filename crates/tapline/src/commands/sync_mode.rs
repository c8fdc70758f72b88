//! `tapline sync-mode`: moves a pipeline from one sync mode to another.
//!
//! What is remembered is changed first, then the file. A command that is cut between the two is
//! simply given again: it goes by the mode of which something is remembered, and `run` refuses any
//! other meanwhile.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::json;
use tapline_core::{Error, ErrorKind, MarkKey, Marks, RunReport, StateStore};
use tapline_engine::{StateAction, SyncMode, put_marks};
use tempfile::NamedTempFile;

use super::job;
use super::state::Desk;
use crate::app::App;
use crate::cli::sync_mode::SyncModeArgs;
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::project::{Project, edit};
use crate::wiring::Wiring;

/// Moves a pipeline.
///
/// # Errors
/// The mode lacks something, or there are warnings and no `--force`; then nothing was changed.
pub(crate) async fn sync_mode(app: &App, args: &SyncModeArgs) -> Result<Exit> {
    let project = app.project()?;
    let text = edited(&project, args)?;
    let changed = Project::read(project.path(), text.clone())?;
    let catalogue = app.catalogue();
    let wiring = Wiring::new(&changed, &catalogue);
    let planned = job::Job::plan(&wiring, &args.pipeline)?;
    let store = wiring.state().await?;
    let desk = Desk::open(store.clone(), &args.pipeline, args.waiting.lock_wait).await?;
    let key = MarkKey {
        pipeline: args.pipeline.clone(),
        partition: String::new(),
        stream: planned.stream.label.clone(),
    };
    let found = store.get(Marks::NAMESPACE, &key.key()).await?;
    let version = found.as_ref().map(|document| document.version);
    let marks = match &found {
        Some(document) => Marks::read(&document.value)?,
        None => None,
    };
    let remembered = marks.as_ref().map(|marks| marks.sync_mode.as_str());
    let from = match remembered.and_then(SyncMode::named) {
        Some(mode) => mode,
        None => job::mode(&project, &args.pipeline)?,
    };
    let fresh = planned.no_marks();
    let fits = |marks: &Marks| {
        let same = |fresh: &Marks| {
            (&marks.cursor, marks.cursor_type) == (&fresh.cursor, fresh.cursor_type)
        };
        fresh.as_ref().is_some_and(same)
    };
    let action = match StateAction::of(from, args.to.0) {
        StateAction::Preserve if args.to.0.remembers() && !marks.as_ref().is_none_or(fits) => {
            StateAction::Initialize
        }
        action => action,
    };
    let step = Move {
        pipeline: &args.pipeline,
        from,
        to: args.to.0,
        action,
        has_run: has_run(&*store, &args.pipeline).await?,
        other_cursor: marks.as_ref().filter(|marks| !fits(marks)),
    };
    let warnings = step.warnings(&project)?;
    if let Some(Warning { text, .. }) = warnings.iter().find(|warning| warning.is_grave)
        && !args.force
        && !args.dry_run
    {
        return Err(Failure::usage(
            text.as_str(),
            "`--force` does it all the same",
        ));
    }
    if !args.dry_run {
        let by = format!("sync-mode {}", step.to);
        match (step.action, marks.clone()) {
            (StateAction::Preserve, Some(mut marks)) => {
                step.to.name().clone_into(&mut marks.sync_mode);
                put_marks(&*store, &key, version, &marks.to_value()?, &by).await?;
            }
            (StateAction::Preserve, None) => {}
            (StateAction::Initialize | StateAction::Reset, _) => {
                desk.forget(&args.pipeline, &by).await?;
            }
        }
        replace(project.path(), &text)?;
    }
    tell(app, &step, &warnings, args.dry_run)
}

/// The project file, with the pipeline's new `sync`.
fn edited(project: &Project, args: &SyncModeArgs) -> Result<String> {
    project.pipeline(&args.pipeline)?;
    let mut updates = vec![("mode", yaml_serde::Value::from(args.to.0.name()))];
    if let Some(cursor) = &args.cursor {
        updates.push(("cursor", cursor.as_str().into()));
    }
    if let Some(cursor_type) = args.cursor_type {
        updates.push(("cursor_type", cursor_type.0.name().into()));
    }
    if !args.primary_keys.is_empty() {
        updates.push(("primary_keys", args.primary_keys.clone().into()));
    }
    edit::with_sync(project.text(), &args.pipeline, &updates).map_err(|why| {
        let file = project.path().display();
        Failure::usage(
            format!(
                "`sync` of `{}` in {file} cannot be changed: {why}",
                args.pipeline
            ),
            format!(
                "write `mode: {}` there yourself, and give the command again",
                args.to.0
            ),
        )
    })
}

/// Whether a run of `pipeline` has left anything.
async fn has_run(store: &dyn StateStore, pipeline: &str) -> Result<bool> {
    let last = store.tail(&RunReport::log(pipeline), 1).await?;
    Ok(!last.is_empty())
}

/// A move from one mode to another.
struct Move<'a> {
    pipeline: &'a str,
    from: SyncMode,
    to: SyncMode,
    action: StateAction,
    /// Whether there may be rows.
    has_run: bool,
    /// What is remembered, if it is about another cursor than that of the new mode.
    other_cursor: Option<&'a Marks>,
}

/// What somebody may not have thought of.
struct Warning {
    text: String,
    /// Whether it takes `--force`.
    is_grave: bool,
}

impl Move<'_> {
    fn warnings(&self, project: &Project) -> Result<Vec<Warning>> {
        let mut warnings = Vec::new();
        let mut warn = |is_grave: bool, text: String| warnings.push(Warning { text, is_grave });
        let table = job::table(project, self.pipeline)?;
        if self.from == self.to && self.action == StateAction::Preserve {
            warn(false, format!("the sync mode is `{}` already", self.to));
        }
        if !self.has_run {
            return Ok(warnings);
        }
        if let (Some(marks), StateAction::Initialize) = (self.other_cursor, self.action) {
            warn(
                self.to != SyncMode::IncrementalWithQualify,
                format!(
                    "what is remembered is about the cursor `{}`, and is forgotten",
                    marks.cursor
                ),
            );
        }
        match (self.to, self.action) {
            (SyncMode::FullLoad, StateAction::Reset) => warn(
                true,
                format!(
                    "the next run replaces {table}: versions, and records that the source does not \
                     have any more, will be gone"
                ),
            ),
            (SyncMode::FullAppend, StateAction::Reset) => {
                warn(
                    false,
                    format!("every run adds everything to {table} from now on"),
                );
            }
            (SyncMode::Incremental, StateAction::Initialize) => warn(
                true,
                format!(
                    "the next run adds everything to {table}, so what is there already will be there \
                     twice; `incremental_with_qualify` shows each record once"
                ),
            ),
            _ => {}
        }
        if self.from == SyncMode::IncrementalWithQualify && self.to != self.from {
            let staged = project.pipeline(self.pipeline)?.destination.staged();
            warn(
                false,
                format!("{staged} stays as it is, and is not kept up to date"),
            );
        }
        Ok(warnings)
    }
}

fn tell(app: &App, step: &Move<'_>, warnings: &[Warning], is_dry: bool) -> Result<Exit> {
    let (to, action) = (step.to, step.action.name());
    let message = match (is_dry, step.from == to) {
        (true, _) => format!("Would migrate sync mode to {to}"),
        (false, _) => format!("Successfully migrated sync mode to {to}"),
    };
    if app.screen.is_json() {
        let warnings: Vec<&str> = warnings.iter().map(|warning| &*warning.text).collect();
        app.screen.json(&json!({
            "status": "success",
            "message": message,
            "migration_details": {
                "state_action": action,
                "target_load_type": to.name(),
                "warnings": warnings,
            },
        }))?;
        return Ok(Exit::COMPLETE);
    }
    for warning in warnings {
        app.screen.note(format!("warning: {}", warning.text));
    }
    let next = match step.action {
        StateAction::Initialize => "the next run fetches everything, later ones what is new",
        StateAction::Reset => "every run fetches everything",
        StateAction::Preserve => "the next run goes on where the last one was",
    };
    app.screen.line(format!("{message}: {action}, {next}."))?;
    Ok(Exit::COMPLETE)
}

/// Puts `text` in the place of the file at `path`, whole or not at all.
fn replace(path: &Path, text: &str) -> Result<()> {
    let failed = |error: std::io::Error| {
        let message = format!("{} cannot be written: {error}", path.display());
        Failure::from(Error::new(ErrorKind::Usage, "write project file", message))
    };
    // A link stays one.
    let path = fs::canonicalize(path).map_err(failed)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut draft = NamedTempFile::new_in(folder).map_err(failed)?;
    draft.write_all(text.as_bytes()).map_err(failed)?;
    let permissions = fs::metadata(&path).map_err(failed)?.permissions();
    draft
        .as_file()
        .set_permissions(permissions)
        .map_err(failed)?;
    draft.as_file().sync_all().map_err(failed)?;
    draft.persist(&path).map_err(|error| failed(error.error))?;
    Ok(())
}
