//! `tapline state set`, `reset` and `rollback`: changes, under the lease of the pipeline, each of
//! them in the history.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tapline_core::{Coverage, Cursor, Fold, Known, Lease, MarkKey, Marks, StateStore, Ties};
use tapline_engine::{PENDING, get_marks, put_marks};

use super::history::{self, Entry};
use super::{Remembered, nothing, the_one};
use crate::app::App;
use crate::cli::state::{ResetArgs, RollbackArgs, SetArgs};
use crate::commands::job::Job;
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::output::text::hint;
use crate::window;
use crate::wiring::Wiring;
use crate::wiring::overrides;

/// The right to change what is remembered of a pipeline.
pub(crate) struct Desk {
    store: Arc<dyn StateStore>,
    /// Nobody runs the pipeline.
    _lease: Box<dyn Lease>,
}

impl Desk {
    /// Waits for runs of `pipeline` to end.
    pub(crate) async fn open(
        store: Arc<dyn StateStore>,
        pipeline: &str,
        wait: Duration,
    ) -> Result<Self> {
        let lease = store
            .lease(&format!("pipeline/{pipeline}"), wait, 0)
            .await?;
        Ok(Self {
            store,
            _lease: lease,
        })
    }

    /// Stores `value` as what is remembered under `key`, in the place of `version`. Runs that were
    /// cut went by what was remembered before, so nobody goes on with them; that comes first, lest one
    /// goes on by what is remembered then.
    pub(super) async fn put(
        &self,
        key: &MarkKey,
        version: Option<u64>,
        value: &Value,
        by: &str,
    ) -> Result<u64> {
        self.forget_cut(&key.pipeline, Some(&key.stream)).await?;
        Ok(put_marks(&*self.store, key, version, value, by).await?)
    }

    /// Forgets all that is remembered of `pipeline`, and returns the last version of that, and how
    /// many runs were cut.
    pub(crate) async fn forget(&self, pipeline: &str, by: &str) -> Result<(Option<u64>, usize)> {
        let cut = self.forget_cut(pipeline, None).await?;
        let mut last = None;
        for one in super::remembered(&*self.store, pipeline).await? {
            let put = self.put(&one.key, Some(one.version), &Value::Null, by);
            last = Some(put.await?);
        }
        Ok((last, cut))
    }

    /// Forgets the runs of `pipeline` that were cut: those of `stream`, if it is given. Returns how
    /// many there were.
    async fn forget_cut(&self, pipeline: &str, stream: Option<&str>) -> Result<usize> {
        let prefix = MarkKey::prefix(pipeline);
        let mut forgotten = 0;
        for (name, document) in self.store.list(PENDING, &prefix).await? {
            let key = MarkKey::parse(&name);
            let is_ours = key.is_some_and(|key| stream.is_none_or(|stream| key.stream == stream));
            if is_ours && !document.value.is_null() {
                let version = Some(document.version);
                let put = self.store.put(PENDING, &name, &Value::Null, version);
                put.await?;
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }
}

/// Sets the newest mark of a pipeline.
///
/// # Errors
/// It is no cursor of the stream, the pipeline runs, or it is not one that remembers.
pub(super) async fn set(app: &App, args: &SetArgs) -> Result<Exit> {
    let project = overrides::project(app).await?;
    let catalogue = app.catalogue();
    let wiring = Wiring::new(&project, &catalogue);
    let job = Job::plan(&wiring, &args.pipeline)?;
    let Some(fresh) = job.no_marks() else {
        return Err(Failure::usage(
            format!(
                "`{}` remembers nothing: it is no `incremental` pipeline",
                args.pipeline
            ),
            "see `sync` of the project file",
        ));
    };
    let newest = window::bound("--newest", Some(&args.newest), fresh.cursor_type)?;
    let Some(newest) = newest else {
        return Ok(Exit::USAGE);
    };
    let store = wiring.state().await?;
    let desk = Desk::open(store.clone(), &args.pipeline, args.waiting.lock_wait).await?;
    let key = job.key();
    let (version, marks) = get_marks(&*store, &key).await?;
    let is_same = |marks: &Marks| marks.are_of(&fresh.cursor, fresh.cursor_type);
    let before = marks.filter(is_same).unwrap_or_else(|| fresh.clone());
    let parts = parts(&before, args.partition.as_deref())?;
    let mut marks = parts
        .iter()
        .fold(before, |marks, part| moved(marks, part, newest.clone()));
    if args.partition.is_none() {
        take_back(&mut marks.folds, &newest);
    }
    // It is the operator who says what they are about now.
    marks.sync_mode = fresh.sync_mode;
    (marks.source, marks.table, marks.last_run) = (None, None, None);
    let by = format!("state set --newest {}", args.newest);
    let version = desk.put(&key, version, &marks.to_value()?, &by).await?;
    told(app, &args.pipeline, version, "the next run starts there")
}

/// The parts of the stream that are meant: the one that is named, or all that have marks.
///
/// # Errors
/// There is no such part.
fn parts(marks: &Marks, named: Option<&str>) -> Result<Vec<String>> {
    let known: Vec<&str> = marks.partitions.keys().map(String::as_str).collect();
    match named {
        Some(name) if marks.known(name).is_none() => Err(Failure::usage(
            format!("there is no part `{name}`"),
            match known.as_slice() {
                [] | [""] => "the stream is not divided, as far as is known".to_owned(),
                known => hint(name, known.iter().copied()),
            },
        )),
        Some(name) => Ok(vec![name.to_owned()]),
        None if known.is_empty() && marks.folds.is_empty() => Ok(vec![String::new()]),
        None => Ok(known.into_iter().map(str::to_owned).collect()),
    }
}

/// Takes parts that are remembered as one back to `newest`. Where they are before that they stay:
/// nothing is known of what is between.
fn take_back(folds: &mut Vec<Fold>, newest: &Cursor) {
    for fold in folds.iter_mut() {
        fold.until = (&fold.until).min(newest).clone();
    }
    folds.retain(|fold| fold.from.as_ref() < Some(&fold.until));
}

/// `marks` with the newest mark of a part at `newest`.
fn moved(mut marks: Marks, part: &str, newest: Cursor) -> Marks {
    let before = marks.known(part).unwrap_or_default();
    let mut coverage = Coverage::default();
    for span in before.coverage.spans() {
        coverage.add(span.start.as_ref(), (&span.end).min(&newest));
    }
    let is_same = before.newest.as_ref() == Some(&newest);
    let known = Known {
        ties: if is_same {
            before.ties
        } else {
            Ties::default()
        },
        newest: Some(newest),
        coverage,
    };
    marks.unfold(part);
    marks.partitions.insert(part.to_owned(), known);
    marks
}

/// Forgets what is remembered of a pipeline.
///
/// # Errors
/// Nothing is remembered, or the pipeline runs.
pub(super) async fn reset(app: &App, args: &ResetArgs) -> Result<Exit> {
    let project = overrides::project(app).await?;
    let catalogue = app.catalogue();
    let wiring = Wiring::new(&project, &catalogue);
    let store = wiring.state().await?;
    let desk = Desk::open(store.clone(), &args.pipeline, args.waiting.lock_wait).await?;
    let (last, cut) = desk.forget(&args.pipeline, "state reset").await?;
    match last {
        Some(version) => told(app, &args.pipeline, version, "the next run begins anew"),
        None if cut == 0 => Err(nothing(&args.pipeline)),
        None => {
            let forgotten = format!(
                "{}: the run that was cut is forgotten, the next one begins anew",
                args.pipeline
            );
            match app.screen.is_json() {
                true => app
                    .screen
                    .json(&json!({ "pipeline": args.pipeline, "version": null }))?,
                false => app.screen.line(forgotten)?,
            }
            Ok(Exit::COMPLETE)
        }
    }
}

/// Goes back to an earlier version.
///
/// # Errors
/// There is no such version, or the pipeline runs.
pub(super) async fn rollback(app: &App, args: &RollbackArgs) -> Result<Exit> {
    let project = overrides::project(app).await?;
    let catalogue = app.catalogue();
    let wiring = Wiring::new(&project, &catalogue);
    let store = wiring.state().await?;
    let desk = Desk::open(store.clone(), &args.pipeline, args.waiting.lock_wait).await?;
    let now = the_one(&wiring, &*store, &args.pipeline).await?;
    let Remembered { key, version, .. } = now;
    let history = history::entries(&*store, &args.pipeline, &key, version).await?;
    let marks = match history.iter().find(|entry| entry.version == args.to) {
        Some(Entry {
            marks: Some(marks), ..
        }) => marks.clone(),
        Some(entry) => {
            return Err(Failure::usage(
                format!(
                    "version {} has {} bytes, and so large a one is not kept",
                    args.to, entry.bytes
                ),
                "`tapline state set` sets a mark, `tapline state reset` forgets them all",
            ));
        }
        None => return Err(history::unknown(args.to, &history)),
    };
    let by = format!("state rollback --to {}", args.to);
    let version = desk.put(&key, Some(version), &marks, &by).await?;
    told(app, &args.pipeline, version, "it is as it was then")
}

fn told(app: &App, pipeline: &str, version: u64, what: &str) -> Result<Exit> {
    if app.screen.is_json() {
        app.screen
            .json(&json!({ "pipeline": pipeline, "version": version }))?;
    } else {
        let back = match version {
            0 | 1 => format!("`tapline state reset {pipeline}`"),
            version => format!("`tapline state rollback {pipeline} --to {}`", version - 1),
        };
        app.screen.line(format!(
            "{pipeline} is at version {version} now: {what}. {back} takes that back."
        ))?;
    }
    Ok(Exit::COMPLETE)
}

#[cfg(test)]
mod tests {
    use tapline_core::CursorType;

    use super::*;

    fn at(number: i64) -> Cursor {
        Cursor::of_number(CursorType::Integer, number).unwrap()
    }

    #[test]
    fn what_is_above_the_new_mark_is_not_known_any_more() {
        let mut marks = Marks::new("incremental", "id", CursorType::Integer);
        let mut known = Known {
            newest: Some(at(50)),
            ..Known::default()
        };
        known.coverage.add(None, &at(10));
        known.coverage.add(Some(&at(20)), &at(50));
        known.ties.add(7);
        marks.partitions.insert(String::new(), known.clone());
        let set = |newest| moved(marks.clone(), "", at(newest)).known("").unwrap();
        assert_eq!(set(50), known);
        let back = set(30);
        assert_eq!(back.coverage.upper(), Some(&at(30)));
        assert!(back.ties.is_empty());
        assert_eq!(set(5).coverage.spans().len(), 1);
        // What is skipped is a gap.
        assert_eq!(
            set(80).coverage.gaps(None, &at(80)),
            [(Some(at(10)), at(20)), (Some(at(50)), at(80))]
        );
    }
}
