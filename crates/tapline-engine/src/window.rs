//! Which window a run asks for, and what of it is remembered. Pure: the marks before, the request
//! and the clock go in; a plan, and later the marks after, come out.
//!
//! Marks move only as far as was proved. An update moves the newest mark and a backfill the
//! oldest, and neither ever goes back. A window that is not complete moves nothing, nor does one
//! without records: an empty answer is no evidence of where the source's records end. What is
//! covered ends at the newest record seen, never at the clock.

mod range;

use jiff::{SignedDuration, Timestamp};
use tapline_core::{
    Boundary, Coverage, Cursor, CursorType, Error, ErrorKind, Marks, Result, Step, Verdict,
};

pub use range::CursorRange;

/// What a run is asked to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What is new since the last run; everything, if there was none.
    Update,
    /// What is missing before the newest record.
    Backfill {
        /// From here on; from the beginning, if not given.
        from: Option<Cursor>,
        /// Before here; up to the newest record, if not given.
        to: Option<Cursor>,
    },
    /// Exactly this.
    Explicit(CursorRange),
}

/// How a pipeline's windows are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowSettings {
    /// Where a record holds its cursor.
    pub cursor: String,
    /// What the cursor holds.
    pub cursor_type: CursorType,
    /// How far before the newest record an update starts.
    pub lookback: Option<Step>,
    /// How long before the run's start a window ends: sources show records late.
    pub safety_lag: SignedDuration,
    /// Whether the newest record's own cursor is asked for again.
    pub boundary: Boundary,
    /// How much of a window is asked for at once.
    pub slice: Option<Step>,
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

/// What a run asks its source for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowPlan {
    /// What kind of window it is.
    pub kind: WindowKind,
    /// The ranges to fetch, smallest first. Several only if a backfill has several gaps to fill;
    /// none if nothing can be new.
    pub ranges: Vec<CursorRange>,
    slice: Option<Step>,
}

impl WindowPlan {
    /// The parts of `range` to ask for, one after the other.
    pub fn slices<'a>(&self, range: &'a CursorRange) -> impl Iterator<Item = CursorRange> + 'a {
        range.slices(self.slice)
    }
}

/// The cursors seen in a range; of texts, the one the source calls older and the newer one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The smallest.
    pub oldest: Cursor,
    /// The largest.
    pub newest: Cursor,
}

/// Decides what a run that starts at `run_start` asks for.
///
/// # Errors
/// There is nothing to backfill from, or nothing to backfill; the window is empty; the marks are
/// those of another cursor.
pub fn decide(
    marks: Option<&Marks>,
    ask: &Ask,
    settings: &WindowSettings,
    run_start: Timestamp,
) -> Result<WindowPlan> {
    if let Some(marks) = marks {
        same_cursor(marks, settings)?;
    }
    let end = last_moment(settings, run_start);
    let (kind, ranges) = match ask {
        Ask::Update => update(marks, settings, end),
        Ask::Backfill { from, to } => {
            let gaps = backfill(marks, settings, from.as_ref(), to.as_ref())?;
            (WindowKind::Backfill, gaps)
        }
        Ask::Explicit(range) => (WindowKind::Explicit, vec![explicit(range, settings, end)?]),
    };
    Ok(WindowPlan {
        kind,
        ranges,
        slice: settings.slice,
    })
}

/// What is remembered of one cursor says nothing about another.
fn same_cursor(marks: &Marks, settings: &WindowSettings) -> Result<()> {
    if marks.cursor == settings.cursor && marks.cursor_type == settings.cursor_type {
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
fn last_moment(settings: &WindowSettings, run_start: Timestamp) -> Option<Cursor> {
    let at = run_start
        .saturating_sub(settings.safety_lag)
        .unwrap_or(run_start);
    (settings.cursor_type == CursorType::Timestamp).then(|| Cursor::Timestamp(range::floor(at)))
}

fn update(
    marks: Option<&Marks>,
    settings: &WindowSettings,
    end: Option<Cursor>,
) -> (WindowKind, Vec<CursorRange>) {
    let Some(newest) = marks.and_then(|marks| marks.newest.as_ref()) else {
        return (WindowKind::Full, vec![CursorRange::new(None, end)]);
    };
    let start = settings.lookback.and_then(|step| newest.minus(step));
    let range = CursorRange {
        // What is looked back for is asked for with its first moment, whatever the boundary.
        boundary: match start {
            Some(_) => Boundary::Closed,
            None => settings.boundary,
        },
        ..CursorRange::new(Some(start.unwrap_or_else(|| newest.clone())), end)
    };
    let ranges = Some(range).filter(|range| !range.is_empty());
    (WindowKind::Update, ranges.into_iter().collect())
}

fn backfill(
    marks: Option<&Marks>,
    settings: &WindowSettings,
    from: Option<&Cursor>,
    to: Option<&Cursor>,
) -> Result<Vec<CursorRange>> {
    ordered(settings, "backfilled")?;
    let nothing = Coverage::default();
    let coverage = marks.map_or(&nothing, |marks| &marks.coverage);
    let Some(newest) = marks.and_then(|marks| marks.newest.as_ref()) else {
        return Err(usage(
            "there is nothing to backfill from: no run has seen a record yet; `tapline run` comes \
             first"
                .to_owned(),
        ));
    };
    let until = to.map_or(newest, |to| to.min(newest));
    let gaps: Vec<_> = coverage
        .gaps(from, until)
        .into_iter()
        .map(|(start, end)| CursorRange::new(start, Some(end)))
        .collect();
    match gaps.is_empty() {
        true => Err(usage(format!(
            "there is nothing to backfill: nothing is missing {}before {until}",
            from.map_or(String::new(), |from| format!("from {from} on and "))
        ))),
        false => Ok(gaps),
    }
}

fn explicit(
    range: &CursorRange,
    settings: &WindowSettings,
    end: Option<Cursor>,
) -> Result<CursorRange> {
    ordered(settings, "asked for a range of it")?;
    let range = CursorRange {
        end: range.end.clone().or(end),
        ..range.clone()
    };
    match range.is_empty() {
        true => Err(usage(format!("the window is empty: {range}"))),
        false => Ok(range),
    }
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

/// The marks after a run over `range`, which proved `verdict` and saw `seen` in it.
pub fn commit(
    marks: &Marks,
    kind: WindowKind,
    verdict: &Verdict,
    range: &CursorRange,
    seen: Option<&Seen>,
) -> Marks {
    let mut after = marks.clone();
    let Some(seen) = seen.filter(|_| verdict.is_complete()) else {
        return after;
    };
    if moves_newest(marks, kind, range) {
        let old = marks.newest.as_ref().filter(|old| *old > &seen.newest);
        let old = old.filter(|_| marks.cursor_type.is_ordered());
        after.newest = Some(old.unwrap_or(&seen.newest).clone());
    }
    if kind != WindowKind::Update {
        let old = marks.oldest.as_ref().filter(|old| *old < &seen.oldest);
        after.oldest = Some(old.unwrap_or(&seen.oldest).clone());
    }
    if let Some(newest) = &after.newest {
        let start = range.start.as_ref().unwrap_or(&seen.oldest);
        let end = range.end.as_ref().map_or(newest, |end| end.min(newest));
        after.coverage.add(start, end);
    }
    after
}

/// Whether nothing would be left out below the new mark.
fn moves_newest(marks: &Marks, kind: WindowKind, range: &CursorRange) -> bool {
    match (kind, &marks.newest, &range.start) {
        (WindowKind::Full | WindowKind::Update, _, _) => true,
        (WindowKind::Backfill, _, _) => false,
        (WindowKind::Explicit, Some(newest), Some(start)) => start <= newest,
        (WindowKind::Explicit, _, _) => true,
    }
}

#[cfg(test)]
mod tests;
