//! Follows the cursor through the batches of a run: its smallest and largest value, and the rows
//! that have none.

use std::fmt;

use arrow_array::RecordBatch;
use tapline_core::{Cursor, CursorType, RecordOrder};

use crate::field::Field;
use crate::window::{CursorRange, Seen};

/// Longest part of an unreadable value that is shown.
const SHOWN: usize = 60;

/// The cursor's values so far, in one range.
///
/// Rows outside the range are counted and move nothing: a source that has no parameter for a bound
/// sends them whether they were asked for or not, and the run that asks for them brings them again.
#[derive(Clone, Debug)]
pub struct CursorTracker {
    path: String,
    cursor_type: CursorType,
    order: RecordOrder,
    range: CursorRange,
    seen: Option<Seen>,
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
    /// Those that were not asked for.
    pub outside: u64,
    /// The first value that cannot be read.
    pub example: Option<String>,
}

impl CursorTracker {
    /// Follows what is at `path` (a column, or a dotted path into one) through `range`.
    pub fn new(
        path: impl Into<String>,
        cursor_type: CursorType,
        order: RecordOrder,
        range: CursorRange,
    ) -> Self {
        Self {
            path: path.into(),
            cursor_type,
            order,
            range,
            seen: None,
            counts: CursorCounts::default(),
        }
    }

    /// Takes note of the rows of `records`.
    pub fn observe(&mut self, records: &RecordBatch) {
        // Borrowed from `self`, the path could not be read while the counts are written.
        let path = std::mem::take(&mut self.path);
        let field = Field::of(records, &path);
        self.counts.rows += records.num_rows() as u64;
        for row in 0..records.num_rows() {
            if let Some(number) = field.number(row) {
                let cursor = Cursor::of_number(self.cursor_type, number);
                self.take(cursor, || number.to_string());
            } else if let Some(text) = field.text(row) {
                let cursor = Cursor::read(self.cursor_type, whole(&text));
                self.take(cursor, || text.to_string());
            } else {
                self.counts.without += 1;
            }
        }
        self.path = path;
    }

    fn take(&mut self, cursor: Option<Cursor>, written: impl Fn() -> String) {
        let Some(cursor) = cursor else {
            self.counts.unreadable += 1;
            let example = || written().chars().take(SHOWN).collect();
            self.counts.example.get_or_insert_with(example);
            return;
        };
        if !self.range.contains(&cursor) {
            self.counts.outside += 1;
            return;
        }
        let is_ordered = self.cursor_type.is_ordered();
        let Some(seen) = &mut self.seen else {
            self.seen = Some(Seen {
                oldest: cursor.clone(),
                newest: cursor,
            });
            return;
        };
        // Of texts, the source's own order says which is newer.
        let (is_older, is_newer) = match self.order {
            _ if is_ordered => (cursor < seen.oldest, cursor > seen.newest),
            RecordOrder::Descending => (true, false),
            RecordOrder::Ascending | RecordOrder::Unordered => (false, true),
        };
        if is_older {
            seen.oldest = cursor;
        } else if is_newer {
            seen.newest = cursor;
        }
    }

    /// The smallest and the largest cursor in the range, if any row had one.
    pub fn seen(&self) -> Option<&Seen> {
        self.seen.as_ref()
    }

    /// How many rows there were, and what became of them.
    pub fn counts(&self) -> &CursorCounts {
        &self.counts
    }
}

/// A number of a column with fractions, where it has none itself.
fn whole(text: &str) -> &str {
    text.strip_suffix(".0").unwrap_or(text)
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
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray};
    use arrow_schema::{DataType, Field as ArrowField, Schema};
    use tapline_core::{Boundary, column};

    use super::*;

    const ALL: CursorRange = CursorRange {
        start: None,
        end: None,
        boundary: Boundary::Closed,
    };

    fn column(name: &str, array: ArrayRef) -> (ArrowField, ArrayRef) {
        (
            ArrowField::new(name, array.data_type().clone(), true),
            array,
        )
    }

    fn json(name: &str, values: Vec<Option<&str>>) -> (ArrowField, ArrayRef) {
        let extension = ("ARROW:extension:name".to_owned(), "arrow.json".to_owned());
        let field = ArrowField::new(name, DataType::Utf8, true);
        let field = field.with_metadata([extension].into());
        (field, Arc::new(StringArray::from(values)))
    }

    fn batch(columns: Vec<(ArrowField, ArrayRef)>) -> RecordBatch {
        let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
    }

    #[track_caller]
    fn check(
        columns: Vec<(ArrowField, ArrayRef)>,
        (path, cursor_type): (&str, CursorType),
        expected: Option<(&str, &str)>,
        (without, unreadable): (u64, u64),
    ) {
        let order = RecordOrder::Ascending;
        let mut tracker = CursorTracker::new(path, cursor_type, order, ALL);
        tracker.observe(&batch(columns));
        let seen = tracker.seen();
        let seen = seen.map(|seen| (seen.oldest.to_string(), seen.newest.to_string()));
        let expected = expected.map(|(oldest, newest)| (oldest.to_owned(), newest.to_owned()));
        assert_eq!(seen, expected);
        let counts = tracker.counts();
        assert_eq!((counts.without, counts.unreadable), (without, unreadable));
    }

    #[test]
    fn times_are_followed_in_any_form() {
        let text = vec![
            Some("2026-01-31T12:00:00Z"),
            None,
            Some("2026-01-30T23:00:00-05:00"),
            Some(""),
            Some("soon"),
            Some("2026-02-01"),
        ];
        check(
            vec![column("at", Arc::new(StringArray::from(text)))],
            ("at", CursorType::Timestamp),
            Some(("2026-01-31T04:00:00Z", "2026-02-01T00:00:00Z")),
            (2, 1),
        );
        check(
            vec![column(
                "at",
                Arc::new(Int64Array::from(vec![1_769_850_000, 0])),
            )],
            ("at", CursorType::Timestamp),
            Some(("1970-01-01T00:00:00Z", "2026-01-31T09:00:00Z")),
            (0, 0),
        );
        check(
            vec![column(
                "at",
                Arc::new(Float64Array::from(vec![1_769_850_000.5])),
            )],
            ("at", CursorType::Timestamp),
            Some(("2026-01-31T09:00:00.5Z", "2026-01-31T09:00:00.5Z")),
            (0, 0),
        );
    }

    #[test]
    fn numbers_are_followed_into_the_rest_of_a_record() {
        let id = Int64Array::from(vec![Some(9), None, Some(10), None]);
        let rest = vec![
            None,
            Some(r#"{"id": 99999999999999999999999}"#),
            None,
            Some(r#"{"id": "x9"}"#),
        ];
        check(
            vec![column("id", Arc::new(id)), json(column::REST, rest)],
            ("id", CursorType::Integer),
            Some(("9", "99999999999999999999999")),
            (0, 1),
        );
        let widened = Float64Array::from(vec![2.0, 10.0, 0.5]);
        check(
            vec![column("id", Arc::new(widened))],
            ("id", CursorType::Integer),
            Some(("2", "10")),
            (0, 1),
        );
    }

    #[test]
    fn a_path_leads_into_json() {
        let tickets = vec![
            Some(r#"{"id": 1, "meta": {"updated": "2026-01-02T00:00:00Z"}}"#),
            Some(r#"{"id": 2}"#),
            Some(r#"{"meta": {"updated": "2026-01-01T00:00:00Z"}}"#),
        ];
        check(
            vec![json("ticket", tickets)],
            ("ticket.meta.updated", CursorType::Timestamp),
            Some(("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")),
            (1, 0),
        );
        let no_such = vec![column(
            "id",
            Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef,
        )];
        check(no_such, ("updated_at", CursorType::Timestamp), None, (2, 0));
    }

    #[test]
    fn of_texts_the_source_says_which_is_newer() {
        let names = || column("tag", Arc::new(StringArray::from(vec!["m", "z", "a"])));
        for (order, oldest, newest) in [
            (RecordOrder::Ascending, "m", "a"),
            (RecordOrder::Descending, "a", "m"),
        ] {
            let mut tracker = CursorTracker::new("tag", CursorType::String, order, ALL);
            tracker.observe(&batch(vec![names()]));
            let text = |text: &str| Cursor::String(text.to_owned());
            let expected = Seen {
                oldest: text(oldest),
                newest: text(newest),
            };
            assert_eq!(tracker.seen(), Some(&expected));
        }
    }

    #[test]
    fn rows_outside_the_range_move_nothing() {
        let at = |number: i128| Some(Cursor::Integer(number.into()));
        let range = CursorRange {
            boundary: Boundary::Open,
            ..CursorRange::new(at(5), at(9))
        };
        let (kind, order) = (CursorType::Integer, RecordOrder::Unordered);
        let mut tracker = CursorTracker::new("id", kind, order, range);
        for ids in [vec![4, 5, 6], vec![9, 8]] {
            let ids = Arc::new(Int64Array::from(ids));
            tracker.observe(&batch(vec![column("id", ids)]));
        }
        let seen = tracker.seen().unwrap();
        assert_eq!(
            (Some(seen.oldest.clone()), Some(seen.newest.clone())),
            (at(6), at(8))
        );
        assert_eq!((tracker.counts().rows, tracker.counts().outside), (5, 3));
        assert_eq!(tracker.counts().to_string(), "");
    }

    #[test]
    fn what_is_odd_is_said() {
        let counts = CursorCounts {
            rows: 9,
            without: 2,
            unreadable: 1,
            outside: 0,
            example: Some("soon".to_owned()),
        };
        assert_eq!(
            counts.to_string(),
            "of 9 rows, 2 have no cursor; the cursor of 1 cannot be read, such as `soon`"
        );
    }
}
