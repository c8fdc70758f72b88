//! What a run knows of earlier ones, and what it leaves for later ones: the marks of its stream.
//!
//! They are read when the run has its lease and stored when it is complete, once, in one step. What
//! is stored is first written to the history of the pipeline's state, so that every step can be
//! looked at, and taken back.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tapline_core::{
    Cursor, CursorType, Error, ErrorKind, FoundTable, MarkKey, Marks, Members, Result, Seen,
    SliceProgress, StateStore, Ties,
};
use uuid::Uuid;

use super::RunTask;
use super::piece::Piece;
use crate::sync_mode::SyncMode;
use crate::window::{
    CursorRange, Proved, ReadParts, WindowKind, WindowSettings, fold, learn, oldest,
};

/// Marks that are larger than that are not copied to the history, which has a thousand entries.
const KEPT_BYTES: usize = 64 * 1024;

/// The marks of a stream, and what this run has proved.
pub(super) struct Memory {
    key: MarkKey,
    version: Option<u64>,
    pub(super) marks: Option<Marks>,
    /// By part: what was read of it.
    proved: BTreeMap<String, Part>,
    /// The newest cursor that the run has seen.
    newest: Option<Cursor>,
}

/// What was read of a part of the stream.
struct Part {
    kind: WindowKind,
    /// What was read to its end, smallest first; what touches is one.
    proved: Vec<Proved>,
    /// Whether anything of it was read, and not only left out by a rule.
    is_read: bool,
}

impl Memory {
    /// Nothing is remembered.
    pub(super) fn nothing(key: MarkKey) -> Self {
        Self {
            key,
            version: None,
            marks: None,
            proved: BTreeMap::new(),
            newest: None,
        }
    }

    /// What is remembered under `key`.
    ///
    /// # Errors
    /// The store cannot be read, or what is there is of a newer version of tapline.
    pub(super) async fn read(state: &dyn StateStore, key: MarkKey) -> Result<Self> {
        let (version, marks) = get(state, &key).await?;
        Ok(Self {
            version,
            marks,
            ..Self::nothing(key)
        })
    }

    /// Takes note that `piece` was read to its end, or to `until` if the source gave no more.
    pub(super) fn prove(
        &mut self,
        piece: &Piece,
        progress: &SliceProgress,
        until: Option<&Cursor>,
    ) {
        let seen = progress.seen.as_ref().map(|seen| seen.newest.clone());
        self.newest = self.newest.take().max(seen);
        let Some(range) = &piece.range else { return };
        let range = match until {
            Some(until) => CursorRange {
                end: Some(until.clone()),
                ..range.clone()
            },
            None => range.clone(),
        };
        let proved = Proved {
            range,
            seen: progress.seen.clone(),
            ties: progress.ties.clone(),
        };
        self.add(piece, proved).is_read = true;
    }

    /// Takes note that a rule has left out `piece`: it has no records, unless that was said of all
    /// of its part, which may come to have some.
    pub(super) fn skip(&mut self, piece: &Piece) {
        if let Some(range) = &piece.range {
            let proved = Proved {
                range: range.clone(),
                seen: None,
                ties: Ties::default(),
            };
            self.add(piece, proved);
        }
    }

    fn add(&mut self, piece: &Piece, proved: Proved) -> &mut Part {
        let part = self.proved.entry(piece.part.clone());
        let part = part.or_insert_with(|| Part {
            kind: piece.kind,
            proved: Vec::new(),
            is_read: false,
        });
        add(&mut part.proved, proved);
        part
    }

    /// The marks after the run, if everything that it asked for was read to its end.
    pub(super) fn after(&self, run: Uuid, mode: SyncMode, cursor: &WindowSettings) -> Marks {
        let nothing = || Marks::new(mode.name(), &*cursor.cursor, cursor.cursor_type);
        let mut after = self.marks.clone().unwrap_or_else(nothing);
        mode.name().clone_into(&mut after.sync_mode);
        after.last_run = Some(run);
        let mut read = ReadParts {
            from: cursor.start.clone(),
            ..ReadParts::default()
        };
        // Before the first record was seen, there is nothing that all of them are complete up to. Only
        // times are the same in all parts; each may number its records for itself.
        let newest = self.marks.as_ref().and_then(Marks::newest);
        let newest = newest.filter(|newest| newest.cursor_type() == CursorType::Timestamp);
        let parts = self.proved.iter().filter(|(_, part)| part.is_read);
        for (part, Part { kind, proved, .. }) in parts {
            let before = self.marks.as_ref().and_then(|marks| marks.known(part));
            let mut known = before.clone().unwrap_or_default();
            for proved in learnt(*kind, proved) {
                known = learn(&known, *kind, proved);
                after.oldest = oldest(after.oldest.as_ref(), *kind, proved.seen.as_ref());
            }
            let is_read = newest.is_some_and(|newest| reaches(*kind, proved, newest));
            if is_read {
                read.all.insert(Members::hash(part));
            }
            match (&known.newest, *kind) {
                // It stays where it is, with a cursor of its own or folded with others.
                _ if before.as_ref() == Some(&known) => {}
                (Some(_), _) => {
                    after.unfold(part);
                    after.partitions.insert(part.clone(), known);
                }
                (None, WindowKind::Full) if !part.is_empty() && is_read => {
                    read.empty.push(Members::hash(part));
                }
                (None, _) => {}
            }
        }
        if let Some(newest) = newest {
            fold(&mut after, newest, read);
        }
        after
    }

    /// Whether `run` is the one that has moved the marks last: it is over.
    pub(super) fn is_last(&self, run: Uuid) -> bool {
        let last = self.marks.as_ref().and_then(|marks| marks.last_run);
        last == Some(run)
    }

    /// The newest cursor that is known after the run.
    pub(super) fn newest(&self, cursor: &WindowSettings) -> Option<Cursor> {
        if !cursor.cursor_type.is_ordered() {
            return None;
        }
        let before = self.marks.as_ref().and_then(Marks::newest);
        before.max(self.newest.as_ref()).cloned()
    }

    /// Stores `marks`, and writes to the history which run did it. One that has found nothing new
    /// leaves no trace there: its entries would soon be all there are.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](tapline_core::ErrorKind::Conflict) if somebody else has changed them
    /// since they were read.
    pub(super) async fn store(&mut self, state: &dyn StateStore, marks: Marks) -> Result<()> {
        if let Some(before) = &self.marks {
            let mut same = marks.clone();
            same.last_run = before.last_run;
            if same == *before {
                return Ok(());
            }
        }
        let value = marks.to_value()?;
        let by = marks
            .last_run
            .map_or(String::new(), |run| format!("run {run}"));
        self.version = Some(put(state, &self.key, self.version, &value, &by).await?);
        self.marks = Some(marks);
        Ok(())
    }

    /// Whether of the newest rows of a part there may be more than are remembered.
    pub(super) fn forgets_ties(&self) -> bool {
        let proved = self.proved.values().flat_map(|part| &part.proved);
        proved.into_iter().any(|proved| proved.ties.is_full())
    }
}

/// Fails if `marks` say nothing of what `task` is to do: what is remembered of one table, one mode or
/// one source would keep another from being filled.
///
/// # Errors
/// [`ErrorKind::Usage`], with what can be done.
pub(super) fn fits(marks: &Marks, task: &RunTask, source: &str, found: FoundTable) -> Result<()> {
    let Some(newest) = marks.newest() else {
        return Ok(());
    };
    let mode = task.sync_mode.name();
    let other_table = marks.table.as_ref().filter(|table| **table != task.table);
    let reason = if marks.sync_mode != mode {
        format!(
            "it is of the mode `{}`, and this is `{mode}` (`tapline sync-mode` moves a pipeline from \
             one to the other)",
            marks.sync_mode
        )
    } else if let Some(table) = other_table {
        format!(
            "its rows are in {table}, and the pipeline writes to {}",
            task.table
        )
    } else if !found.is_there {
        format!("there is no table {} any more", task.table)
    } else if marks.source.as_ref().is_some_and(|of| of != source) {
        "the source was asked with other parameters".to_owned()
    } else {
        return Ok(());
    };
    let message = format!(
        "what is remembered, up to {newest}, does not fit: {reason}; `tapline state reset` lets the \
         next run begin anew, `tapline state set --newest` says from where on it goes on"
    );
    Err(Error::new(ErrorKind::Usage, "recall", message))
}

/// The marks of `key`, and the version of their document, which stays when they are reset.
///
/// # Errors
/// The store cannot be read, or what is there is of a newer version of tapline.
pub async fn get(state: &dyn StateStore, key: &MarkKey) -> Result<(Option<u64>, Option<Marks>)> {
    let Some(document) = state.get(Marks::NAMESPACE, &key.key()).await? else {
        return Ok((None, None));
    };
    Ok((Some(document.version), Marks::read(&document.value)?))
}

/// Stores `value` as the marks of `key`, in the place of `version`, and returns the new version. What
/// was done, and `by` whom, is written to the history first: an entry whose version does not exist
/// says what was about to be done.
///
/// # Errors
/// [`ErrorKind::Conflict`](tapline_core::ErrorKind::Conflict) if somebody else was there first.
pub async fn put(
    state: &dyn StateStore,
    key: &MarkKey,
    version: Option<u64>,
    value: &Value,
    by: &str,
) -> Result<u64> {
    let next = version.unwrap_or(0) + 1;
    let bytes = value.to_string().len();
    let is_kept = bytes <= KEPT_BYTES;
    let entry = json!({
        "stream": key.stream,
        "version": next,
        "by": by,
        "bytes": bytes,
        "is_kept": is_kept,
        "marks": is_kept.then_some(value),
    });
    state.append(&history(&key.pipeline), &entry).await?;
    state
        .put(Marks::NAMESPACE, &key.key(), value, version)
        .await
}

/// The log with the history of the state of `pipeline`.
pub fn history(pipeline: &str) -> String {
    format!("state/{pipeline}")
}

/// Whether a part of which that is `proved` was read on from what was known of it, beyond `newest`: what
/// is asked for otherwise may end before, and so may an update, if the clock is behind.
fn reaches(kind: WindowKind, proved: &[Proved], newest: &Cursor) -> bool {
    let is_onwards = matches!(kind, WindowKind::Full | WindowKind::Update);
    let end = proved.first().map(|proved| proved.range.end.as_ref());
    is_onwards && end.is_some_and(|end| end.is_none_or(|end| end > newest))
}

/// Those of `proved` that marks may be moved by. Above a gap nothing can be said, unless marks move
/// downwards.
fn learnt(kind: WindowKind, proved: &[Proved]) -> &[Proved] {
    match kind {
        WindowKind::Backfill => proved,
        _ => &proved[..proved.len().min(1)],
    }
}

/// Adds `new` to `list`, which is in order; what touches grows together.
fn add(list: &mut Vec<Proved>, new: Proved) {
    let at = list.partition_point(|other| other.range.start < new.range.start);
    list.insert(at, new);
    if at + 1 < list.len() && list[at].range.meets(&list[at + 1].range) {
        let above = list.remove(at + 1);
        unite(&mut list[at], above);
    }
    if at > 0 && list[at - 1].range.meets(&list[at].range) {
        let above = list.remove(at);
        unite(&mut list[at - 1], above);
    }
}

fn unite(below: &mut Proved, above: Proved) {
    below.range.end = above.range.end;
    let newest = |seen: &Option<Seen>| seen.as_ref().map(|seen| seen.newest.clone());
    let (low, high) = (newest(&below.seen), newest(&above.seen));
    if high > low {
        below.ties = above.ties;
    } else if high == low {
        below.ties.merge(&above.ties);
    }
    below.seen = match (below.seen.take(), above.seen) {
        (Some(below), Some(above)) => Some(below.and(above)),
        (below, above) => below.or(above),
    };
}
