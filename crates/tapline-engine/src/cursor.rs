//! Follows the cursor through the batches of a run: its smallest and largest value, and which rows
//! are wanted.

use std::fmt;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use tapline_core::{
    Cursor, CursorType, Error, ErrorKind, RecordOrder, Result, Seen, ShortReason, SliceProgress,
    Ties,
};

use crate::field::Field;
use crate::row::RowHasher;
use crate::window::CursorRange;

/// Longest part of an unreadable value that is shown.
const SHOWN: usize = 60;

/// What a piece of a run looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The cursor's column, or a dotted path into one.
    pub path: String,
    /// What the cursor holds.
    pub cursor_type: CursorType,
    /// In which order of the cursor records come.
    pub order: RecordOrder,
    /// The values that are wanted.
    pub range: CursorRange,
    /// Rows that were brought before, by their cursor: by an earlier run, or by the piece before.
    pub had: Vec<(Cursor, Ties)>,
}

/// The cursor's values so far, in one range.
///
/// Rows outside the range are left out: a source that has no parameter for a bound sends them
/// whether they were asked for or not, and the run that asks for them brings them again. Rows
/// without a cursor, or with one that cannot be read, are kept: nobody else would bring them.
#[derive(Clone, Debug)]
pub struct CursorTracker {
    wanted: Wanted,
    seen: Option<Seen>,
    ties: Ties,
    last: Option<Cursor>,
    counts: CursorCounts,
}

/// Rows, by what became of their cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CursorCounts {
    /// All rows.
    pub rows: u64,
    /// Those without a cursor, or with an empty one.
    pub without: u64,
    /// Those whose cursor cannot be read.
    pub unreadable: u64,
    /// Those that were not asked for, or that an earlier run has brought.
    pub skipped: u64,
    /// The first value that cannot be read.
    pub example: Option<String>,
}

impl CursorCounts {
    /// Adds the rows of another piece.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.without += other.without;
        self.unreadable += other.unreadable;
        self.skipped += other.skipped;
        self.example = self.example.take().or_else(|| other.example.clone());
    }
}

/// What a batch has shown besides its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Whether the records that follow are beyond the range, because they come in order.
    pub passed: bool,
    /// The first sign that they do not come in order.
    pub backwards: Option<ShortReason>,
    /// Rows that were not wanted, by their index.
    pub left_out: Vec<u64>,
}

impl CursorTracker {
    /// Looks for `wanted`, on from where an earlier process has left the piece.
    pub fn new(wanted: Wanted, progress: &SliceProgress) -> Self {
        let seen = progress.seen.clone();
        // Of rows that came in order, the last is the one at the end of what was seen.
        let last = seen.as_ref().map(|seen| match wanted.order {
            RecordOrder::Descending => seen.oldest.clone(),
            RecordOrder::Ascending | RecordOrder::Unordered => seen.newest.clone(),
        });
        Self {
            wanted,
            seen,
            ties: progress.ties.clone(),
            last,
            counts: CursorCounts::default(),
        }
    }

    /// Takes note of the rows of `records`, and returns those that are wanted.
    ///
    /// # Errors
    /// None is known: rows are only left out.
    pub fn take(&mut self, records: RecordBatch) -> Result<(RecordBatch, Shown)> {
        let cursors = self.read(&records);
        let mut shown = self.order(&cursors);
        let mut hashes = RowHasher::new(&records);
        let keep: Vec<bool> = cursors
            .iter()
            .enumerate()
            .map(|(row, cursor)| match cursor {
                Some(cursor) => self.wants(cursor, row, &mut hashes),
                None => true,
            })
            .collect();
        self.remember(&cursors, &mut hashes);
        let rows = (0..).zip(&keep).filter(|(_, keep)| !**keep);
        shown.left_out = rows.map(|(row, _)| row).collect();
        if shown.left_out.is_empty() {
            return Ok((records, shown));
        }
        self.counts.skipped += shown.left_out.len() as u64;
        let records = filter_record_batch(&records, &BooleanArray::from(keep))
            .map_err(|error| Error::new(ErrorKind::Internal, "filter rows", error.to_string()))?;
        Ok((records, shown))
    }

    /// The cursor of each row; `None` where it has none that can be read.
    fn read(&mut self, records: &RecordBatch) -> Vec<Option<Cursor>> {
        let field = Field::of(records, &self.wanted.path);
        let cursor_type = self.wanted.cursor_type;
        let counts = &mut self.counts;
        counts.rows += records.num_rows() as u64;
        let mut unreadable = |written: String| {
            counts.unreadable += 1;
            let example = || written.chars().take(SHOWN).collect();
            counts.example.get_or_insert_with(example);
        };
        let mut without = 0;
        let rows = 0..records.num_rows();
        let cursors = rows.map(|row| {
            if let Some(number) = field.number(row) {
                let cursor = Cursor::of_number(cursor_type, number);
                cursor.or_else(|| {
                    unreadable(number.to_string());
                    None
                })
            } else if let Some(text) = field.text(row) {
                let cursor = Cursor::read(cursor_type, whole(cursor_type, &text));
                cursor.or_else(|| {
                    unreadable(text.into_owned());
                    None
                })
            } else {
                without += 1;
                None
            }
        });
        let cursors = cursors.collect();
        self.counts.without += without;
        cursors
    }

    /// Holds the rows against the order that the source is said to keep.
    fn order(&mut self, cursors: &[Option<Cursor>]) -> Shown {
        let mut shown = Shown::default();
        let order = self.wanted.order;
        if order == RecordOrder::Unordered || !self.wanted.cursor_type.is_ordered() {
            return shown;
        }
        for cursor in cursors.iter().flatten() {
            if let Some(last) = &self.last
                && shown.backwards.is_none()
            {
                let is_backwards = match order {
                    RecordOrder::Descending => cursor > last,
                    _ => cursor < last,
                };
                shown.backwards = is_backwards.then(|| ShortReason::CursorBackwards {
                    before: last.to_string(),
                    after: cursor.to_string(),
                });
            }
            self.last = Some(cursor.clone());
        }
        let range = &self.wanted.range;
        shown.passed = self.last.as_ref().is_some_and(|last| match order {
            RecordOrder::Descending => range.start.as_ref().is_some_and(|start| last < start),
            _ => range.end.as_ref().is_some_and(|end| last >= end),
        });
        shown
    }

    /// Whether the row with `cursor` is wanted.
    fn wants(&self, cursor: &Cursor, row: usize, hashes: &mut RowHasher<'_>) -> bool {
        if !self.wanted.range.contains(cursor) {
            return false;
        }
        let had = self.wanted.had.iter().find(|(at, _)| at == cursor);
        had.is_none_or(|(_, ties)| !ties.contains(hashes.of(row)))
    }

    /// Takes note of the cursors in the range, and of the rows that have the newest.
    fn remember(&mut self, cursors: &[Option<Cursor>], hashes: &mut RowHasher<'_>) {
        let before = self.seen.as_ref().map(|seen| seen.newest.clone());
        for cursor in cursors.iter().flatten() {
            if self.wanted.range.contains(cursor) {
                self.see(cursor);
            }
        }
        let Some(seen) = &self.seen else { return };
        if before.as_ref() != Some(&seen.newest) {
            self.ties = Ties::default();
        }
        for (row, cursor) in cursors.iter().enumerate() {
            if cursor.as_ref() == Some(&seen.newest) && !self.ties.is_full() {
                self.ties.add(hashes.of(row));
            }
        }
    }

    fn see(&mut self, cursor: &Cursor) {
        let Some(seen) = &mut self.seen else {
            self.seen = Some(Seen {
                oldest: cursor.clone(),
                newest: cursor.clone(),
            });
            return;
        };
        // Of texts, the source's own order says which is newer.
        let (is_older, is_newer) = match self.wanted.order {
            _ if self.wanted.cursor_type.is_ordered() => {
                (*cursor < seen.oldest, *cursor > seen.newest)
            }
            RecordOrder::Descending => (true, false),
            RecordOrder::Ascending | RecordOrder::Unordered => (false, true),
        };
        if is_older {
            seen.oldest = cursor.clone();
        } else if is_newer {
            seen.newest = cursor.clone();
        }
    }

    /// Where a record holds its cursor.
    pub fn path(&self) -> &str {
        &self.wanted.path
    }

    /// The smallest and the largest cursor in the range, if any row had one.
    pub fn seen(&self) -> Option<&Seen> {
        self.seen.as_ref()
    }

    /// The rows that have the largest.
    pub fn ties(&self) -> &Ties {
        &self.ties
    }

    /// How many rows there were, and what became of them.
    pub fn counts(&self) -> &CursorCounts {
        &self.counts
    }
}

/// A number of a column with fractions, where it has none itself. What is a text stays as it is.
fn whole(cursor_type: CursorType, text: &str) -> &str {
    match cursor_type {
        CursorType::String => text,
        _ => text.strip_suffix(".0").unwrap_or(text),
    }
}

impl fmt::Display for CursorCounts {
    /// What is odd about the rows; nothing if nothing is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.without > 0 {
            parts.push(format!("{} have no cursor", self.without));
        }
        if let Some(example) = &self.example {
            let count = self.unreadable;
            parts.push(format!(
                "the cursor of {count} cannot be read, such as `{example}`"
            ));
        }
        if parts.is_empty() {
            return Ok(());
        }
        write!(f, "of {} rows, {}", self.rows, parts.join("; "))
    }
}

#[cfg(test)]
mod tests;
