//! A range of a cursor's values, and the parts it is asked for in.

use std::fmt;

use jiff::Timestamp;
use tapline_core::{Boundary, Cursor, Integer, Step, Window};

const SECOND: i128 = 1_000_000_000;

/// The values from `start` on and before `end`; a missing bound is open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CursorRange {
    /// Where it starts.
    pub start: Option<Cursor>,
    /// The first value no longer wanted.
    pub end: Option<Cursor>,
    /// Whether `start` itself is wanted.
    pub boundary: Boundary,
}

impl CursorRange {
    /// From `start`, which is wanted, to before `end`.
    pub fn new(start: Option<Cursor>, end: Option<Cursor>) -> Self {
        Self {
            start,
            end,
            boundary: Boundary::Closed,
        }
    }

    /// Whether no value is in it.
    pub fn is_empty(&self) -> bool {
        matches!((&self.start, &self.end), (Some(start), Some(end)) if start >= end)
    }

    /// Whether `value` is in it.
    pub fn contains(&self, value: &Cursor) -> bool {
        let is_after = self.start.as_ref().is_none_or(|start| match self.boundary {
            _ if !start.cursor_type().is_ordered() => true,
            Boundary::Closed => value >= start,
            Boundary::Open => value > start,
        });
        is_after && self.end.as_ref().is_none_or(|end| value < end)
    }

    /// The time range to ask for. Without bounds, if the cursor is no time.
    pub fn window(&self) -> Window {
        let time = |bound: &Option<Cursor>| match bound {
            Some(Cursor::Timestamp(at)) => Some(*at),
            _ => None,
        };
        Window {
            start: time(&self.start),
            end: time(&self.end),
        }
    }

    /// The parts of at most `step`, one after the other; the whole, if it has a bound missing.
    pub(super) fn slices(&self, step: Option<Step>) -> impl Iterator<Item = Self> + '_ {
        let mut rest = Some(self.clone());
        std::iter::from_fn(move || {
            let whole = rest.take()?;
            let Some(edge) = step.and_then(|step| whole.edge(step)) else {
                return Some(whole);
            };
            let (first, second) = whole.cut(edge);
            rest = Some(second);
            Some(first)
        })
    }

    /// Two halves, for a source that gives only so many records of one range. `None`: it cannot be
    /// halved.
    pub fn halves(&self) -> Option<(Self, Self)> {
        let middle = match (self.start.as_ref()?, self.end.as_ref()?) {
            (Cursor::Timestamp(start), Cursor::Timestamp(end)) => {
                let sum = start.as_nanosecond() + end.as_nanosecond();
                let middle = Timestamp::from_nanosecond(sum.div_euclid(2)).ok()?;
                Cursor::Timestamp(floor(middle))
            }
            (Cursor::Integer(start), Cursor::Integer(end)) => {
                let (start, end) = (start.to_i128()?, end.to_i128()?);
                let middle = start.checked_add(end.checked_sub(start)?.div_euclid(2))?;
                Cursor::Integer(Integer::from(middle))
            }
            _ => return None,
        };
        let is_inside = self.start.as_ref() < Some(&middle) && Some(&middle) < self.end.as_ref();
        is_inside.then(|| self.cut(middle))
    }

    /// Where the first part of at most `step` ends, if there is more than one.
    fn edge(&self, step: Step) -> Option<Cursor> {
        let (start, end) = (self.start.as_ref()?, self.end.as_ref()?);
        let from = match start {
            Cursor::Timestamp(at) => Cursor::Timestamp(floor(*at)),
            other => other.clone(),
        };
        let edge = from.plus(step)?;
        (*start < edge && edge < *end).then_some(edge)
    }

    fn cut(&self, at: Cursor) -> (Self, Self) {
        let first = Self {
            end: Some(at.clone()),
            ..self.clone()
        };
        (first, Self::new(Some(at), self.end.clone()))
    }
}

impl fmt::Display for CursorRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.start, self.boundary) {
            (None, _) => f.write_str("from the beginning")?,
            (Some(start), Boundary::Closed) => write!(f, "from {start}")?,
            (Some(start), Boundary::Open) => write!(f, "after {start}")?,
        }
        match &self.end {
            Some(end) => write!(f, " to before {end}"),
            None => Ok(()),
        }
    }
}

/// Down to a whole second.
pub(super) fn floor(at: Timestamp) -> Timestamp {
    let whole = at.as_nanosecond().div_euclid(SECOND) * SECOND;
    Timestamp::from_nanosecond(whole).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use tapline_core::CursorType;

    use super::*;

    fn range(cursor_type: CursorType, start: &str, end: &str) -> CursorRange {
        let read = |text| Cursor::read(cursor_type, text);
        CursorRange::new(read(start), read(end))
    }

    #[track_caller]
    fn check(cursor_type: CursorType, (start, end): (&str, &str), step: &str, expected: &[&str]) {
        let step: Step = match step.parse() {
            Ok(count) => Step::Count(count),
            Err(_) => step.parse().unwrap(),
        };
        let slices = range(cursor_type, start, end)
            .slices(Some(step))
            .collect::<Vec<_>>();
        let shown: Vec<String> = slices.iter().map(ToString::to_string).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_range_is_cut_into_parts() {
        let (time, number) = (CursorType::Timestamp, CursorType::Integer);
        check(
            time,
            ("2026-01-01T00:00:00.5Z", "2026-01-03T12:00:00Z"),
            "1d",
            &[
                "from 2026-01-01T00:00:00.5Z to before 2026-01-02T00:00:00Z",
                "from 2026-01-02T00:00:00Z to before 2026-01-03T00:00:00Z",
                "from 2026-01-03T00:00:00Z to before 2026-01-03T12:00:00Z",
            ],
        );
        check(
            number,
            ("5", "8"),
            "2",
            &["from 5 to before 7", "from 7 to before 8"],
        );
        // Nothing to cut by, and a part as large as the whole.
        check(number, ("5", "8"), "0", &["from 5 to before 8"]);
        check(number, ("5", "8"), "3", &["from 5 to before 8"]);
        check(number, ("5", "8"), "1d", &["from 5 to before 8"]);
        check(number, ("", "8"), "1", &["from the beginning to before 8"]);
        check(number, ("5", ""), "1", &["from 5"]);
    }

    #[test]
    fn only_the_first_part_leaves_out_its_start() {
        let mut whole = range(CursorType::Integer, "5", "9");
        whole.boundary = Boundary::Open;
        let parts: Vec<String> = whole
            .slices(Some(Step::Count(2)))
            .map(|part| part.to_string())
            .collect();
        assert_eq!(parts, ["after 5 to before 7", "from 7 to before 9"]);
        let five = Cursor::read(CursorType::Integer, "5").unwrap();
        assert!(!whole.contains(&five));
        whole.boundary = Boundary::Closed;
        assert!(whole.contains(&five));
    }

    #[test]
    fn halves_meet_in_the_middle() {
        let halves = |range: CursorRange| {
            let (a, b) = range.halves()?;
            Some([a.to_string(), b.to_string()])
        };
        assert_eq!(
            halves(range(CursorType::Timestamp, "2026-01-01", "2026-01-02")),
            Some([
                "from 2026-01-01T00:00:00Z to before 2026-01-01T12:00:00Z".to_owned(),
                "from 2026-01-01T12:00:00Z to before 2026-01-02T00:00:00Z".to_owned(),
            ])
        );
        let tight = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z");
        assert_eq!(halves(range(CursorType::Timestamp, tight.0, tight.1)), None);
        assert!(halves(range(CursorType::Integer, "-3", "4")).is_some());
        assert_eq!(halves(range(CursorType::Integer, "3", "4")), None);
        assert_eq!(halves(range(CursorType::Integer, "", "4")), None);
    }
}
