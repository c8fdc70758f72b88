//! Which window a run asks for, and what of it is remembered. Pure: the marks before, the request
//! and the clock go in; a plan, and later the marks after, come out.
//!
//! Marks move only as far as was proved. An update moves the newest mark and a backfill the
//! oldest, and neither ever goes back. A window that is not complete moves nothing, nor does one
//! without records: an empty answer is no evidence of where the source's records end. What is
//! covered ends at the newest record seen, never at the clock.
//!
//! Of a divided stream each part has marks of its own; those that are at rest are remembered as
//! one (`fold`).

mod fold;
mod range;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tapline_core::{
    Boundary, Cursor, CursorType, Error, ErrorKind, Known, Marks, RecordOrder, Result, Seen, Step,
    Ties, Window, whole_second,
};

pub(crate) use fold::{ReadParts, fold};
pub use range::CursorRange;

/// What a run is asked to fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// What is new since the last run; everything, if there was none.
    Update,
    /// Everything, whatever is known.
    Everything,
    /// What is missing before the newest record.
    Backfill {
        /// From here on; from the beginning, if not given.
        from: Option<Cursor>,
        /// Before here; up to the newest record, if not given.
        to: Option<Cursor>,
    },
    /// Exactly this.
    Explicit(Window),
}

/// How a pipeline's windows are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSettings {
    /// Where a record holds its cursor.
    pub cursor: String,
    /// What the cursor holds.
    pub cursor_type: CursorType,
    /// In which order of the cursor records come.
    pub order: RecordOrder,
    /// Where a first run begins; at the beginning of all, if not given.
    pub start: Option<Cursor>,
    /// How far before the newest record an update starts.
    pub lookback: Option<Step>,
    /// How long before the run's start a window ends: sources show records late.
    pub safety_lag: SignedDuration,
    /// Whether the newest record's own cursor is asked for again.
    pub boundary: Boundary,
    /// How much of a window is asked for at once.
    pub slice: Option<Step>,
    /// Whether everything is asked for without an end: what is not brought is taken for deleted, and
    /// so a record must not leave the window because it changes meanwhile.
    #[serde(default)]
    pub is_open: bool,
}

impl WindowSettings {
    /// Whether records come in order, the oldest first.
    pub(crate) fn goes_up(&self) -> bool {
        self.order == RecordOrder::Ascending && self.cursor_type.is_ordered()
    }
}

/// What kind of window a run asks for, and so which marks it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WindowKind {
    /// Everything, because nothing is known yet. Moves both marks.
    Full,
    /// What is new. Moves the newest mark.
    Update,
    /// What is missing. Moves the oldest mark.
    Backfill,
    /// What somebody asked for. Moves the marks that it reaches.
    Explicit,
}

/// What a run asks one part of its source for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowPlan {
    /// What kind of window it is.
    pub kind: WindowKind,
    /// The ranges to fetch, smallest first. Several only if a backfill has several gaps to fill;
    /// none if nothing can be new.
    pub ranges: Vec<CursorRange>,
}

/// Fails if a run cannot be asked for that, whatever the parts of its stream are.
///
/// # Errors
/// There is nothing to backfill from, or nothing to backfill; the window is empty; the marks are
/// those of another cursor.
pub fn check(
    marks: Option<&Marks>,
    ask: &Ask,
    settings: &WindowSettings,
    at: Timestamp,
) -> Result<()> {
    if let Some(marks) = marks {
        same_cursor(marks, settings)?;
    }
    match ask {
        Ask::Update | Ask::Everything => Ok(()),
        Ask::Backfill { from, to } => check_backfill(marks, from.as_ref(), to.as_ref(), settings),
        Ask::Explicit(window) => {
            ordered(settings, "asked for a range of it")?;
            let range = explicit(window, settings, at);
            match range.is_empty() {
                true => Err(usage(format!("the window is empty: {range}"))),
                false => Ok(()),
            }
        }
    }
}

/// Decides what a run that starts at `at` asks a part of the stream for, of which that much is
/// `known`. `None`: it was never read to its end. [`check`] says first whether it may ask at all.
pub fn decide(
    known: Option<&Known>,
    ask: &Ask,
    settings: &WindowSettings,
    at: Timestamp,
) -> WindowPlan {
    let (kind, ranges) = match ask {
        Ask::Update => update(known, settings, at),
        Ask::Everything => update(None, settings, at),
        Ask::Backfill { from, to } => (
            WindowKind::Backfill,
            backfill(known, from.as_ref(), to.as_ref()),
        ),
        Ask::Explicit(window) => (WindowKind::Explicit, vec![explicit(window, settings, at)]),
    };
    WindowPlan { kind, ranges }
}

/// The window that holds all that a run asks any part for: what its report says.
pub fn widest(
    marks: Option<&Marks>,
    ask: &Ask,
    settings: &WindowSettings,
    at: Timestamp,
) -> Window {
    let parts = marks
        .into_iter()
        .flat_map(|marks| marks.partitions.values());
    let folds = marks.into_iter().flat_map(|marks| &marks.folds);
    let folded: Vec<Known> = folds.map(Known::from).collect();
    let known: Vec<Option<&Known>> = parts.chain(&folded).map(Some).collect();
    // A part that turns up is read from the beginning; only a stream that is not divided has none.
    let is_whole = marks.is_some_and(|marks| marks.partitions.contains_key(""));
    let unknown = (!is_whole && *ask == Ask::Update).then_some(None);
    let all = known.into_iter().chain(unknown);
    let ranges = all.flat_map(|known| decide(known, ask, settings, at).ranges);
    let widest = ranges.reduce(|a, b| CursorRange {
        start: a.start.min(b.start),
        end: match (a.end, b.end) {
            (Some(a), Some(b)) => Some(a.max(b)),
            _ => None,
        },
        boundary: a.boundary,
    });
    widest.map(|range| range.window()).unwrap_or_else(|| {
        let end = last_moment(settings, at);
        Window {
            start: end.clone(),
            end,
        }
    })
}

/// Whether rows are asked for that are known to be there: they are added again.
pub(crate) fn repeats(marks: &Marks, ask: &Ask, settings: &WindowSettings, at: Timestamp) -> bool {
    let window = match ask {
        Ask::Explicit(window) => window,
        Ask::Everything => &Window::ALL,
        Ask::Update | Ask::Backfill { .. } => return false,
    };
    let range = explicit(window, settings, at);
    let folds = marks.folds.iter().map(Known::from);
    let mut parts = marks.partitions.values().cloned().chain(folds);
    parts.any(|known| {
        let mut spans = known.coverage.spans().iter();
        spans.any(|span| {
            let span = CursorRange::new(span.start.clone(), Some(span.end.clone()));
            span.touches(&range)
        })
    })
}

/// What is remembered of one cursor says nothing about another.
fn same_cursor(marks: &Marks, settings: &WindowSettings) -> Result<()> {
    if marks.are_of(&settings.cursor, settings.cursor_type) {
        return Ok(());
    }
    Err(usage(format!(
        "what is remembered is about the cursor `{}` ({}), and the pipeline's cursor is `{}` ({}); \
         `tapline state reset` forgets it",
        marks.cursor,
        marks.cursor_type.name(),
        settings.cursor,
        settings.cursor_type.name()
    )))
}

/// Where a window ends: no clock says that of anything but a time. Down to a whole second: all
/// that many formats can say.
fn last_moment(settings: &WindowSettings, at: Timestamp) -> Option<Cursor> {
    let at = at.saturating_sub(settings.safety_lag).unwrap_or(at);
    (settings.cursor_type == CursorType::Timestamp).then(|| Cursor::Timestamp(whole_second(at)))
}

fn update(
    known: Option<&Known>,
    settings: &WindowSettings,
    at: Timestamp,
) -> (WindowKind, Vec<CursorRange>) {
    let end = last_moment(settings, at);
    let (kind, range) = match known.and_then(|known| known.newest.as_ref()) {
        None => {
            let end = end.filter(|_| !settings.is_open);
            let range = CursorRange::new(settings.start.clone(), end);
            (WindowKind::Full, range)
        }
        Some(newest) => {
            let start = settings.lookback.and_then(|step| newest.minus(step));
            let range = CursorRange {
                // What is looked back for is asked for with its first moment, whatever the boundary.
                boundary: match start {
                    Some(_) => Boundary::Closed,
                    None => settings.boundary,
                },
                ..CursorRange::new(Some(start.unwrap_or_else(|| newest.clone())), end)
            };
            (WindowKind::Update, range)
        }
    };
    let ranges = Some(range).filter(|range| !range.is_empty());
    (kind, ranges.into_iter().collect())
}

/// What is missing of a part. Of one that was never read everything is, and that is for an update.
fn backfill(known: Option<&Known>, from: Option<&Cursor>, to: Option<&Cursor>) -> Vec<CursorRange> {
    let Some((known, newest)) = known.and_then(|known| Some((known, known.newest.as_ref()?)))
    else {
        return Vec::new();
    };
    let until = to.map_or(newest, |to| to.min(newest));
    let gaps = known.coverage.gaps(from, until).into_iter();
    gaps.map(|(start, end)| CursorRange::new(start, Some(end)))
        .collect()
}

fn check_backfill(
    marks: Option<&Marks>,
    from: Option<&Cursor>,
    to: Option<&Cursor>,
    settings: &WindowSettings,
) -> Result<()> {
    ordered(settings, "backfilled")?;
    let Some((marks, newest)) = marks.and_then(|marks| Some((marks, marks.newest()?))) else {
        return Err(usage(
            "there is nothing to backfill from: no run has seen a record yet; `tapline run` comes \
             first"
                .to_owned(),
        ));
    };
    let folded = marks.folds.iter().map(Known::from);
    let mut parts = marks.partitions.values().cloned().chain(folded);
    if parts.any(|known| !backfill(Some(&known), from, to).is_empty()) {
        return Ok(());
    }
    let until = to.map_or(newest, |to| to.min(newest));
    Err(usage(format!(
        "there is nothing to backfill: nothing is missing {}before {until}",
        from.map_or(String::new(), |from| format!("from {from} on and "))
    )))
}

/// A window of time ends now at the latest: a mark beyond that would keep updates from their work.
fn explicit(window: &Window, settings: &WindowSettings, at: Timestamp) -> CursorRange {
    let end = match &window.end {
        Some(end @ Cursor::Timestamp(_)) => {
            Some(end.min(&Cursor::Timestamp(whole_second(at))).clone())
        }
        Some(end) => Some(end.clone()),
        None => last_moment(settings, at),
    };
    CursorRange::new(window.start.clone(), end)
}

fn ordered(settings: &WindowSettings, what: &str) -> Result<()> {
    match settings.cursor_type.is_ordered() {
        true => Ok(()),
        false => Err(usage(format!(
            "a stream whose cursor is a text cannot be {what}: only the source knows their order"
        ))),
    }
}

fn usage(message: String) -> Error {
    Error::new(ErrorKind::Usage, "decide window", message)
}

/// What was seen of a range that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The range.
    pub range: CursorRange,
    /// The cursors of its rows, if it had any.
    pub seen: Option<Seen>,
    /// The rows with the newest of them.
    pub ties: Ties,
}

/// What is known of a part after `proved`, of a window of that kind.
///
/// An empty range moves no mark, but below the newest record it is covered: nothing is there.
pub fn learn(known: &Known, kind: WindowKind, proved: &Proved) -> Known {
    let mut after = known.clone();
    let Proved { range, seen, ties } = proved;
    if let Some(seen) = seen
        && moves_newest(known, kind, range)
    {
        let is_newer =
            known
                .newest
                .as_ref()
                .is_none_or(|old| match old.cursor_type().is_ordered() {
                    true => *old < seen.newest,
                    false => true,
                });
        if is_newer && known.newest.as_ref() != Some(&seen.newest) {
            after.newest = Some(seen.newest.clone());
            after.ties = ties.clone();
        } else if after.newest.as_ref() == Some(&seen.newest) {
            after.ties.merge(ties);
        }
    }
    if let Some(newest) = &after.newest {
        let end = range.end.as_ref().map_or(newest, |end| end.min(newest));
        after.coverage.add(range.start.as_ref(), end);
    }
    after
}

/// The oldest mark after such a window: an update never moves it.
pub fn oldest(before: Option<&Cursor>, kind: WindowKind, seen: Option<&Seen>) -> Option<Cursor> {
    let seen = seen.filter(|_| kind != WindowKind::Update);
    match (before, seen) {
        (Some(before), Some(seen)) if before <= &seen.oldest => Some(before.clone()),
        (_, Some(seen)) => Some(seen.oldest.clone()),
        (before, None) => before.cloned(),
    }
}

/// Whether nothing would be left out below the new mark.
fn moves_newest(known: &Known, kind: WindowKind, range: &CursorRange) -> bool {
    match (kind, &known.newest, &range.start) {
        (WindowKind::Full | WindowKind::Update, _, _) => true,
        (WindowKind::Backfill, _, _) => false,
        (WindowKind::Explicit, Some(newest), Some(start)) => start <= newest,
        (WindowKind::Explicit, _, _) => true,
    }
}

#[cfg(test)]
mod tests;
