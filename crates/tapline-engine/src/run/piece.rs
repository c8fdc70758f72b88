//! What is read in one go: a part of the stream, and a range of its cursor. Which pieces there are
//! is decided part by part, from what is known of each.

use jiff::Timestamp;
use tapline_core::{
    Cursor, CursorType, Error, ErrorKind, Known, Marks, Result, Seen, Slice, SliceProgress, Ties,
    Window,
};

use super::{Aim, Asks};
use crate::cursor::{CursorTracker, Wanted};
use crate::window::{Ask, CursorRange, WindowKind, WindowSettings, check, decide};

/// Pieces of one part that are begun one after the other.
const MOST: usize = 100_000;

/// A part of the stream, and a range of its cursor.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// The part whose marks it moves; `""` where the stream is not divided.
    pub(super) part: String,
    /// What kind of window it belongs to.
    pub(super) kind: WindowKind,
    /// What is opened: under this name its commits are kept.
    pub(super) slice: Slice,
    /// The rows that are wanted; `None`: all that come.
    pub(super) range: Option<CursorRange>,
    /// The newest cursor that is known of the part, if the range has no end.
    pub(super) newest: Option<Cursor>,
    /// Rows that were brought before, by their cursor.
    had: Vec<(Cursor, Ties)>,
    /// The name of the slice that it is cut from.
    of: String,
    /// Whether the whole run is this piece.
    pub(super) is_all: bool,
}

impl Piece {
    /// The two pieces it is cut into, because the source gives only `most` records of one; `None`
    /// where it cannot be cut.
    pub(super) fn halves(&self, most: u64, cursor_type: CursorType) -> Option<[Self; 2]> {
        let asked = CursorRange::from(&self.slice.window);
        let (first, second) = asked.halves(most, cursor_type)?;
        let at = second.start.clone()?;
        let (low, high) = match &self.range {
            Some(range) => (range.clone(), range.rest(at.clone())),
            None => (
                CursorRange::new(None, None),
                CursorRange::new(Some(at.clone()), None),
            ),
        };
        let low = CursorRange {
            end: Some(at),
            ..low
        };
        Some([(first, low), (second, high)].map(|(asked, range)| self.part(&asked, Some(range))))
    }

    /// The piece that is left where the source, which gives its records in order, ended with
    /// `seen`, before the end of the range; `None` where that leads nowhere.
    pub(super) fn rest(&self, seen: &Seen, ties: &Ties) -> Option<Self> {
        let from = seen.newest.clone();
        if self.slice.window.start.as_ref() >= Some(&from) {
            return None;
        }
        let asked = CursorRange::from(&self.slice.window).rest(from.clone());
        let range = match &self.range {
            Some(range) => range.rest(from.clone()),
            None => CursorRange::new(Some(from.clone()), None),
        };
        // Some of the rows that were known before may be in what is left, even of that cursor.
        let mut had = self.had.clone();
        match had.iter_mut().find(|(at, _)| *at == from) {
            Some((_, known)) => known.merge(ties),
            None => had.push((from.clone(), ties.clone())),
        }
        had.retain(|(at, _)| *at >= from);
        Some(Self {
            had,
            ..self.part(&asked, Some(range))
        })
    }

    fn part(&self, asked: &CursorRange, range: Option<CursorRange>) -> Self {
        let window = asked.window();
        Self {
            slice: Slice {
                partition: name(&self.of, &window),
                window,
                params: self.slice.params.clone(),
            },
            range,
            is_all: false,
            ..self.clone()
        }
    }

    /// What follows the cursor through its rows, on from `progress`.
    pub(super) fn tracker(
        &self,
        cursor: &WindowSettings,
        progress: &SliceProgress,
    ) -> CursorTracker {
        let wanted = Wanted {
            path: cursor.cursor.clone(),
            cursor_type: cursor.cursor_type,
            order: cursor.order,
            range: self
                .range
                .clone()
                .unwrap_or_else(|| CursorRange::new(None, None)),
            had: self.had.clone(),
        };
        CursorTracker::new(wanted, progress)
    }
}

/// Names the part of `slice` that is asked for in `window`.
fn name(slice: &str, window: &Window) -> String {
    let bound = |bound: &Option<Cursor>| bound.as_ref().map_or(String::new(), Cursor::to_string);
    let range = format!("{}..{}", bound(&window.start), bound(&window.end));
    match slice {
        "" => range,
        slice => format!("{slice} {range}"),
    }
}

/// What a run is going to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// All of it.
    pub window: Window,
    /// The ranges in which it asks for that, in their order: those of a stream that is not divided,
    /// or of a part of which nothing is known yet.
    pub ranges: Vec<Window>,
}

/// What a run for `aim` that begins `at` that time is going to ask for, by what is remembered.
///
/// # Errors
/// It may not be asked for, or would be cut into too many parts.
pub fn prospect(aim: &Aim, marks: Option<&Marks>, at: Timestamp) -> Result<Prospect> {
    if let Aim::Missing { ask, cursor, .. } = aim {
        check(marks, ask, cursor, at)?;
    }
    let window = aim.window(marks, at);
    let slice = Slice {
        window: window.clone(),
        ..Slice::default()
    };
    let pieces = Planner { aim, marks, at }.pieces(slice, &window)?;
    let ranges = pieces.into_iter().map(|piece| piece.slice.window);
    Ok(Prospect {
        window,
        ranges: ranges.collect(),
    })
}

/// Says which pieces a run reads.
pub(super) struct Planner<'a> {
    pub(super) aim: &'a Aim,
    pub(super) marks: Option<&'a Marks>,
    /// When the run began.
    pub(super) at: Timestamp,
}

impl Planner<'_> {
    /// The pieces of `slice`, which was found when all of `asked` was to be read, in the order in
    /// which they are to be read.
    ///
    /// # Errors
    /// The window would be cut into too many.
    pub(super) fn pieces(&self, slice: Slice, asked: &Window) -> Result<Vec<Piece>> {
        match self.aim {
            Aim::Window { .. } => Ok(vec![Piece {
                part: String::new(),
                kind: WindowKind::Explicit,
                is_all: slice.partition.is_empty(),
                of: slice.partition.clone(),
                range: None,
                newest: None,
                had: Vec::new(),
                slice,
            }]),
            Aim::Missing { ask, cursor, asks } => self.missing(slice, asked, (ask, cursor, *asks)),
        }
    }

    fn missing(
        &self,
        slice: Slice,
        asked: &Window,
        (ask, cursor, asks): (&Ask, &WindowSettings, Asks),
    ) -> Result<Vec<Piece>> {
        // A connector that divides the window itself makes parts of the time, not of the stream.
        let is_time = slice.window != *asked;
        let part = if is_time { "" } else { &slice.partition };
        let known = self.marks.and_then(|marks| marks.known(part));
        let newest = known.as_ref().and_then(|known| known.newest.clone());
        // Of everything nothing is left out because it is there already.
        let known = known.filter(|_| *ask != Ask::Everything);
        let plan = decide(known.as_ref(), ask, cursor, self.at);
        let step = cursor.slice.filter(|_| asks.can_cut());
        let whole = plan.ranges.into_iter();
        let whole = whole.filter_map(|range| match is_time {
            true => range.within(&slice.window),
            false => Some(range),
        });
        let mut ranges = Vec::new();
        for range in whole {
            ranges.extend(range.slices(step).take(MOST + 1 - ranges.len().min(MOST)));
            if ranges.len() > MOST {
                return Err(too_many(&range, cursor));
            }
        }
        // What is nearest to what is known comes first.
        if plan.kind == WindowKind::Backfill {
            ranges.reverse();
        }
        let is_one = ranges.len() == 1;
        let piece = |range: CursorRange| {
            let window = range.window();
            Piece {
                part: part.to_owned(),
                kind: plan.kind,
                newest: newest.clone().filter(|_| range.end.is_none()),
                had: had(known.as_ref(), &range),
                of: slice.partition.clone(),
                is_all: is_one && slice.partition.is_empty(),
                slice: Slice {
                    partition: match is_one {
                        true => slice.partition.clone(),
                        false => name(&slice.partition, &window),
                    },
                    window,
                    params: slice.params.clone(),
                },
                range: Some(range),
            }
        };
        Ok(ranges.into_iter().map(piece).collect())
    }
}

/// The rows of `range` that are known by heart.
fn had(known: Option<&Known>, range: &CursorRange) -> Vec<(Cursor, Ties)> {
    let known = known.filter(|known| !known.ties.is_empty());
    let newest = known.and_then(|known| Some((known.newest.as_ref()?, &known.ties)));
    let newest = newest.filter(|(newest, _)| range.contains(newest));
    let had = newest.map(|(newest, ties)| (newest.clone(), ties.clone()));
    had.into_iter().collect()
}

fn too_many(range: &CursorRange, cursor: &WindowSettings) -> Error {
    let step = cursor.slice.map_or(String::new(), |step| step.to_string());
    let message = format!(
        "`slice: {step}` cuts the window {range} into more than {MOST} parts; make them larger, or \
         say with `start` where the first run begins"
    );
    Error::new(ErrorKind::Usage, "decide window", message)
}
