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
use tapline_engine::{StateAction, SyncMode, get_marks, put_marks};
use tempfile::NamedTempFile;

use super::job;
use super::state::Desk;
use crate::app::App;
use crate::cli::sync_mode::SyncModeArgs;
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::project::Project;
use crate::wiring::Wiring;
use crate::wiring::overrides::{self, Override};

/// Moves a pipeline.
///
/// # Errors
/// The mode lacks something, or there are warnings and no `--force`; then nothing was changed.
pub(crate) async fn sync_mode(app: &App, args: &SyncModeArgs) -> Result<Exit> {
    // The mode that it has is the one that it is run in.
    let project = match args.dry_run {
        true => overrides::project_to_look_at(app).await?,
        false => overrides::project(app).await?,
    };
    let text = match args.in_state {
        true => edited(&project, args)?,
        false => edited(&app.project()?, args)?,
    };
    let changed = Project::read(project.path(), text.clone())?;
    let catalogue = app.catalogue();
    let wiring = Wiring::new(&changed, &catalogue);
    let planned = job::Job::plan(&wiring, &args.pipeline)?;
    if args.dry_run {
        let known = match wiring.past().await? {
            Some(store) => Known::read(&*store, &planned).await?,
            None => Known::default(),
        };
        return tell(app, &Move::of(&project, &planned, args, &known)?, true);
    }
    let store = wiring.state().await?;
    let desk = Desk::open(store.clone(), &args.pipeline, args.waiting.lock_wait).await?;
    let known = Known::read(&*store, &planned).await?;
    let step = Move::of(&project, &planned, args, &known)?;
    let mut grave = step.warnings.iter().filter(|warning| warning.is_grave);
    if let Some(Warning { text, .. }) = grave.next().filter(|_| !args.force) {
        let hint = "`--force` does it all the same";
        return Err(Failure::usage(text.as_str(), hint));
    }
    step.remember(&desk, &*store, planned.key(), known).await?;
    if args.in_state {
        let wanted = said(&changed, args)?;
        overrides::put(&*store, &args.pipeline, Some(&wanted)).await?;
    } else {
        replace(project.path(), &text)?;
        overrides::put(&*store, &args.pipeline, None).await?;
    }
    tell(app, &step, false)
}

/// What is known of the pipeline.
#[derive(Default)]
struct Known {
    version: Option<u64>,
    marks: Option<Marks>,
    /// Whether a run has left anything, such as rows.
    has_run: bool,
}

impl Known {
    async fn read(store: &dyn StateStore, planned: &job::Job) -> Result<Self> {
        let (version, marks) = get_marks(store, &planned.key()).await?;
        let last = store.tail(&RunReport::log(&planned.name), 1).await?;
        Ok(Self {
            version,
            marks,
            has_run: !last.is_empty(),
        })
    }
}

/// What the pipeline's `sync` is to say.
fn wanted(args: &SyncModeArgs) -> Override {
    Override {
        mode: args.to.0.name().to_owned(),
        cursor: args.cursor.clone(),
        cursor_type: args.cursor_type.map(|it| it.0.name().to_owned()),
        primary_keys: args.primary_keys.clone(),
    }
}

/// The same, with what the store has said before of what is not given now: all of it is in `changed`.
fn said(changed: &Project, args: &SyncModeArgs) -> Result<Override> {
    let sync = &changed.pipeline(&args.pipeline)?.sync;
    Ok(Override {
        cursor: sync.cursor.clone(),
        cursor_type: sync.cursor_type.map(|it| it.name().to_owned()),
        primary_keys: sync.primary_keys.clone(),
        ..wanted(args)
    })
}

/// The project file, with the pipeline's new `sync`.
fn edited(project: &Project, args: &SyncModeArgs) -> Result<String> {
    project.pipeline(&args.pipeline)?;
    wanted(args)
        .edited(project.text(), &args.pipeline)
        .map_err(|why| {
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

/// A move from one mode to another.
struct Move {
    from: SyncMode,
    to: SyncMode,
    action: StateAction,
    warnings: Vec<Warning>,
}

/// What somebody may not have thought of.
struct Warning {
    text: String,
    /// Whether it takes `--force`.
    is_grave: bool,
}

impl Move {
    /// The move of what is `known` to what is `planned`.
    ///
    /// # Errors
    /// The mode that the project has is none that can be run.
    fn of(
        project: &Project,
        planned: &job::Job,
        args: &SyncModeArgs,
        known: &Known,
    ) -> Result<Self> {
        let marks = known.marks.as_ref();
        let from = match marks.and_then(|marks| SyncMode::named(&marks.sync_mode)) {
            Some(mode) => mode,
            None => job::mode(project, &planned.name)?,
        };
        let to = args.to.0;
        let fresh = planned.no_marks();
        let is_other = |marks: &&Marks| {
            let other = |fresh: &Marks| !marks.are_of(&fresh.cursor, fresh.cursor_type);
            fresh.as_ref().is_some_and(other)
        };
        let other = marks.filter(is_other);
        let action = match StateAction::of(from, to) {
            StateAction::Preserve if other.is_some() => StateAction::Initialize,
            action => action,
        };
        let mut step = Self {
            from,
            to,
            action,
            warnings: Vec::new(),
        };
        step.consider(project, &planned.name, known.has_run, other)?;
        Ok(step)
    }

    /// Collects the warnings; `other` is what is remembered, if it is about another cursor.
    fn consider(
        &mut self,
        project: &Project,
        pipeline: &str,
        has_run: bool,
        other: Option<&Marks>,
    ) -> Result<()> {
        if self.from == self.to && self.action == StateAction::Preserve {
            let already = format!("the sync mode is `{}` already", self.to);
            self.warn(false, already);
        }
        if !has_run {
            return Ok(());
        }
        if let Some(marks) = other {
            let is_grave = self.to != SyncMode::IncrementalWithQualify;
            let cursor = &marks.cursor;
            self.warn(
                is_grave,
                format!("what is remembered is about the cursor `{cursor}`, and is forgotten"),
            );
        }
        let table = job::table(project, pipeline)?;
        match (self.to, self.action) {
            (SyncMode::FullLoad, StateAction::Reset) => self.warn(
                true,
                format!(
                    "the next run replaces {table}: versions, and records that the source does not \
                     have any more, will be gone"
                ),
            ),
            (SyncMode::FullAppend, StateAction::Reset) => self.warn(
                false,
                format!("every run adds everything to {table} from now on"),
            ),
            (SyncMode::Incremental, StateAction::Initialize) => self.warn(
                true,
                format!(
                    "the next run adds everything to {table}, so what is there already will be there \
                     twice; `incremental_with_qualify` shows each record once"
                ),
            ),
            _ => {}
        }
        if self.from == SyncMode::IncrementalWithQualify && self.to != self.from {
            let staged = project.pipeline(pipeline)?.destination.staged();
            let left = format!("{staged} stays as it is, and is not kept up to date");
            self.warn(false, left);
        }
        Ok(())
    }

    fn warn(&mut self, is_grave: bool, text: String) {
        self.warnings.push(Warning { text, is_grave });
    }

    /// Does to what is remembered what the move says.
    async fn remember(
        &self,
        desk: &Desk,
        store: &dyn StateStore,
        key: MarkKey,
        known: Known,
    ) -> Result<()> {
        let by = format!("sync-mode {}", self.to);
        match (self.action, known.marks) {
            (StateAction::Preserve, Some(mut marks)) if marks.sync_mode != self.to.name() => {
                self.to.name().clone_into(&mut marks.sync_mode);
                put_marks(store, &key, known.version, &marks.to_value()?, &by).await?;
            }
            (StateAction::Preserve, _) => {}
            (StateAction::Initialize | StateAction::Reset, _) => {
                desk.forget(&key.pipeline, &by).await?;
            }
        }
        Ok(())
    }
}

fn tell(app: &App, step: &Move, is_dry: bool) -> Result<Exit> {
    let (to, action) = (step.to, step.action.name());
    let message = match is_dry {
        true => format!("Would migrate sync mode to {to}"),
        false => format!("Successfully migrated sync mode to {to}"),
    };
    let warnings = &step.warnings;
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
