//! A pipeline that is planned: what of its stream is read, and what becomes of its table.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tapline_core::{CursorType, Events, MarkKey, Marks, Stage, TableRef, Window};
use tapline_engine::shape::Shape;
use tapline_engine::window::{Ask, WindowSettings};
use tapline_engine::{
    Aim, Asks, Expectations, PageForm, Prospect, RunTask, SyncMode as EngineMode, prospect,
};
use tapline_spec::{Diagnostic, Plan};
use uuid::Uuid;

use crate::failure::{Failure, Result};
use crate::project::{self, Lookup, Place, Project, SyncMode, pointer};
use crate::window::{self, WindowArgs};
use crate::wiring::{self, Reading, Stream, Wiring};

/// A pipeline that is planned.
pub(crate) struct Job {
    /// Its name.
    pub(crate) name: String,
    /// What is read.
    pub(crate) stream: Stream,
    /// What becomes of the table.
    pub(crate) mode: EngineMode,
    /// Where the table is.
    pub(crate) place: Place,
    /// What is expected of a run.
    pub(crate) expect: Expectations,
    /// The table with the latest versions, if the mode keeps one.
    pub(crate) stage: Option<Stage>,
    /// What becomes of the rows before they are kept.
    pub(crate) shape: Arc<Shape>,
    /// Requests at the same time.
    pub(crate) concurrency: usize,
    /// How windows are made, if anything tells new records from old ones.
    cursor: Option<WindowSettings>,
    asks: Asks,
    needs_cursor: bool,
}

/// What part of a stream the operator asks for.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// What is new, or everything, or what the options say.
    Run(WindowArgs),
    /// Everything, whatever is remembered.
    Everything,
    /// What is missing.
    Backfill {
        /// From here on.
        from: Option<String>,
        /// Before here.
        to: Option<String>,
    },
}

impl Job {
    /// Plans the pipeline `name`.
    ///
    /// # Errors
    /// It is not valid, or its sync mode is not available.
    pub(crate) fn plan(wiring: &Wiring<'_>, name: &str) -> Result<Self> {
        let mode = mode(wiring.project, name)?;
        let stream = wiring.stream(name, Lookup::Real)?;
        let pipeline = wiring.project.pipeline(name)?;
        let sync = &pipeline.sync;
        let cursor = wiring.project.settings(name, stream.plan())?;
        let meant = sync.incremental(stream.plan().incremental.as_ref());
        let meant = meant.filter(|_| mode == EngineMode::IncrementalWithQualify);
        let staged = pipeline.destination.staged();
        let stage = meant.map(|meant| sync.stage(staged, meant));
        let shape = wiring.project.shape(name)?;
        if let Some(column) = stage.as_ref().and_then(|stage| shape.spoils(stage)) {
            let message =
                format!("`{column}` tells the latest version of a record, and has to stay");
            let at = format!("/pipelines/{}/schema", pointer(name));
            let found = Diagnostic::error("E-shape", at, message);
            let hint = "it can be renamed; everything else needs another sync mode";
            return Err(wiring.project.invalid(vec![found.with_hint(hint)]));
        }
        Ok(Self {
            stage,
            name: name.to_owned(),
            shape: Arc::new(shape),
            mode,
            place: wiring.project.place(&pipeline.destination.name)?,
            expect: pipeline.expect.expectations(),
            concurrency: pipeline.source.concurrency.map_or(1, usize::from),
            cursor,
            asks: project::asks(stream.plan()),
            needs_cursor: pipeline.expect.needs_cursor(),
            stream,
        })
    }

    /// Where the marks of its stream are.
    pub(crate) fn key(&self) -> MarkKey {
        MarkKey::of(&self.name, &self.stream.label)
    }

    fn cursor_type(&self) -> CursorType {
        let cursor = self.cursor.as_ref();
        cursor.map_or(CursorType::Timestamp, |cursor| cursor.cursor_type)
    }

    /// What a run that begins at `now` is to fetch.
    ///
    /// # Errors
    /// The mode, the stream or the clock does not allow for that part.
    pub(crate) fn aim(&self, part: &Part, now: Timestamp) -> Result<Aim> {
        match (&self.cursor, part) {
            (Some(cursor), Part::Run(args)) if self.mode.remembers() => Ok(Aim::Missing {
                ask: match args.is_given() {
                    true => Ask::Explicit(args.asked(cursor.cursor_type)?),
                    false => Ask::Update,
                },
                cursor: cursor.clone(),
                asks: self.asks,
            }),
            (Some(cursor), Part::Everything) if self.mode.remembers() => Ok(Aim::Missing {
                ask: Ask::Everything,
                cursor: cursor.clone(),
                asks: self.asks,
            }),
            (_, Part::Everything) => self.aim(&Part::Run(WindowArgs::default()), now),
            (Some(cursor), Part::Backfill { from, to }) if self.mode.remembers() => {
                let bound = |option, text: &Option<String>| {
                    window::bound(option, text.as_deref(), cursor.cursor_type)
                };
                let (from, to) = (bound("--from", from)?, bound("--to", to)?);
                if let (Some(from), Some(to)) = (&from, &to)
                    && from >= to
                {
                    return Err(window::empty((from, to), ("--from", "--to"), false));
                }
                Ok(Aim::Missing {
                    ask: Ask::Backfill { from, to },
                    cursor: cursor.clone(),
                    asks: self.asks,
                })
            }
            (_, Part::Backfill { .. }) => Err(self.no_backfill()),
            (cursor, Part::Run(args)) => {
                let window = self.window(args, now)?;
                args.allow(&self.name, self.mode)?;
                let follows = self.needs_cursor || self.stream.plan().maximum_records.is_some();
                Ok(Aim::Window {
                    window,
                    is_given: args.is_given(),
                    cursor: cursor.clone().filter(|_| follows),
                    asks: self.asks,
                })
            }
        }
    }

    /// What a run is asked to do that fetches `part`.
    ///
    /// # Errors
    /// The mode, the stream or the clock does not allow for that part.
    pub(crate) fn task(
        &self,
        wiring: &Wiring<'_>,
        part: &Part,
        lock_wait: Duration,
    ) -> Result<RunTask> {
        Ok(RunTask {
            run_id: Uuid::now_v7(),
            pipeline: self.name.clone(),
            stream: self.stream.label.clone(),
            table: table(wiring.project, &self.name)?,
            sync_mode: self.mode,
            stage: self.stage.clone(),
            shape: self.shape.clone(),
            aim: self.aim(part, wiring.clock.now())?,
            expect: self.expect,
            concurrency: self.concurrency,
            lock_wait,
        })
    }

    /// How the source of `task` is read, without a limit.
    ///
    /// # Errors
    /// The pipeline or its destination is not there.
    pub(crate) fn reading(
        &self,
        wiring: &Wiring<'_>,
        task: &RunTask,
        events: Events,
    ) -> Result<Reading> {
        let pipeline = wiring.project.pipeline(&self.name)?;
        let destination = wiring.project.destination(&pipeline.destination.name)?;
        Ok(Reading {
            run_id: task.run_id,
            max_pages: None,
            max_requests: None,
            form: wiring::form(destination),
            concurrency: self.concurrency,
            keep_raw: pipeline.raw.is_some(),
            events,
        })
    }

    /// The window that `args` ask for at `now`, whatever is remembered.
    ///
    /// # Errors
    /// It is empty, or the stream knows none.
    pub(crate) fn window(&self, args: &WindowArgs, now: Timestamp) -> Result<Window> {
        let stream = (self.stream.plan(), self.cursor_type());
        args.window(&self.name, stream, now)
    }

    /// What a run at `now` would ask for, by what is remembered: `marks`.
    ///
    /// # Errors
    /// It would ask for nothing that there is.
    pub(crate) fn prospect(
        &self,
        args: &WindowArgs,
        marks: Option<&Marks>,
        now: Timestamp,
    ) -> Result<Prospect> {
        if self.mode.remembers() {
            let aim = self.aim(&Part::Run(args.clone()), now)?;
            return Ok(prospect(&aim, marks, now)?);
        }
        let window = self.window(args, now)?;
        Ok(Prospect {
            ranges: vec![window.clone()],
            window,
        })
    }

    /// Marks that say nothing yet; `None` if it remembers none.
    pub(crate) fn no_marks(&self) -> Option<Marks> {
        let cursor = self.cursor.as_ref().filter(|_| self.mode.remembers())?;
        Some(Marks::new(
            self.mode.name(),
            &*cursor.cursor,
            cursor.cursor_type,
        ))
    }

    fn no_backfill(&self) -> Failure {
        let message = format!(
            "`{}` cannot be backfilled: `{}` remembers nothing that could be missing",
            self.name, self.mode
        );
        let hint = "`incremental` remembers what it has; see `sync` of the project file";
        Failure::usage(message, hint)
    }
}

/// The type of the cursors of the pipeline `name`, whose stream has this `plan`; times, unless
/// something else is said.
///
/// # Errors
/// There is no such pipeline.
pub(crate) fn cursor_type(project: &Project, name: &str, plan: &Plan) -> Result<CursorType> {
    let settings = project.pipeline(name)?.sync.settings(plan);
    Ok(settings.map_or(CursorType::Timestamp, |settings| settings.cursor_type))
}

/// The table that the pipeline `name` fills.
///
/// # Errors
/// There is no such pipeline.
pub(crate) fn table(project: &Project, name: &str) -> Result<TableRef> {
    Ok(project.pipeline(name)?.destination.table())
}

/// What the pipeline `name` does to its table.
///
/// # Errors
/// Its sync mode is not available, or not where it writes.
pub(crate) fn mode(project: &Project, name: &str) -> Result<EngineMode> {
    let pipeline = project.pipeline(name)?;
    let refuse = |at: &str, message: String, hint: &str| {
        let at = format!("/pipelines/{}/{at}", pointer(name));
        let found = Diagnostic::error("E-not-supported", at, message).with_hint(hint);
        Err(project.invalid(vec![found]))
    };
    let mode = match pipeline.sync.mode {
        SyncMode::FullLoad => EngineMode::FullLoad,
        SyncMode::FullAppend => EngineMode::FullAppend,
        SyncMode::Incremental => EngineMode::Incremental,
        SyncMode::IncrementalWithQualify => EngineMode::IncrementalWithQualify,
    };
    let destination = project.destination(&pipeline.destination.name)?;
    if mode.remembers() && wiring::form(destination) == PageForm::Body {
        let message = format!(
            "`{mode}` follows the cursor of each record, and `{}` keeps bodies as they come",
            pipeline.destination.name
        );
        let hint = "write to parquet, jsonl or csv, or use `full_append`";
        return refuse("destination/name", message, hint);
    }
    if mode == EngineMode::IncrementalWithQualify && !wiring::merges(destination) {
        let message = format!(
            "`{mode}` needs a destination that can change rows, and `{}` only adds them",
            pipeline.destination.name
        );
        let hint = "write to sqlite or postgres, or use `incremental`";
        return refuse("sync/mode", message, hint);
    }
    Ok(mode)
}
