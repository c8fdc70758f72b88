//! A range of a cursor's values, and the parts it is asked for in.

use std::fmt;

use jiff::Timestamp;
use tapline_core::{Boundary, Cursor, CursorType, Integer, Step, Window, whole_second};

const YEAR: Step = Step::Seconds(365 * 86_400);
/// Hardly a source has records from before.
const EPOCH: Cursor = Cursor::Timestamp(Timestamp::UNIX_EPOCH);

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

impl From<&Window> for CursorRange {
    fn from(window: &Window) -> Self {
        Self::new(window.start.clone(), window.end.clone())
    }
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

    /// What to ask for.
    pub fn window(&self) -> Window {
        Window {
            start: self.start.clone(),
            end: self.end.clone(),
        }
    }

    /// The parts of at most `step`, one after the other; the whole, if it has a bound missing.
    pub(crate) fn slices(&self, step: Option<Step>) -> impl Iterator<Item = Self> + '_ {
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

    /// The part from `from` on, which is wanted.
    pub(crate) fn rest(&self, from: Cursor) -> Self {
        Self::new(Some(from), self.end.clone())
    }

    /// What of it is in `window`, if anything is.
    pub(crate) fn within(&self, window: &Window) -> Option<Self> {
        let end = match (&self.end, &window.end) {
            (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
            (ours, theirs) => ours.as_ref().or(theirs.as_ref()),
        };
        let is_later = window.start > self.start;
        let both = Self {
            start: (&self.start).max(&window.start).clone(),
            end: end.cloned(),
            boundary: match is_later {
                true => Boundary::Closed,
                false => self.boundary,
            },
        };
        (!both.is_empty()).then_some(both)
    }

    /// Whether all of `other` is in it. Only the source knows the order of texts, so a range of them holds
    /// itself and no other.
    pub(crate) fn holds(&self, other: &Self) -> bool {
        if (&self.start, &self.end) == (&other.start, &other.end) {
            return true;
        }
        let ends = self.end.is_none() || (other.end.is_some() && other.end <= self.end);
        self.is_ordered() && self.start <= other.start && ends
    }

    /// Whether a value may be in both.
    pub(crate) fn touches(&self, other: &Self) -> bool {
        let is_before = |a: &Self, b: &Self| a.end.is_some() && a.end <= b.start;
        !self.is_ordered() || !(is_before(self, other) || is_before(other, self))
    }

    fn is_ordered(&self) -> bool {
        let mut bounds = self.start.iter().chain(&self.end);
        bounds.all(|bound| bound.cursor_type().is_ordered())
    }

    /// Whether `self` ends where `other` begins.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.end.is_some() && self.end == other.start
    }

    /// Two parts, for a source that gives only `most` records of one range. Times without a beginning
    /// are cut a year before their end; whole numbers without a bound at zero, and then so that what is
    /// left has half of the distance to zero behind it, which leads to any number in a few steps.
    /// `None`: it cannot be cut.
    pub fn halves(&self, most: u64, cursor_type: CursorType) -> Option<(Self, Self)> {
        let middle = self.middle(most, cursor_type)?;
        let is_inside = self.start.as_ref() < Some(&middle)
            && self.end.as_ref().is_none_or(|end| middle < *end);
        is_inside.then(|| self.cut(middle))
    }

    fn middle(&self, most: u64, cursor_type: CursorType) -> Option<Cursor> {
        Some(match (&self.start, &self.end) {
            (None, None) if cursor_type == CursorType::Integer => number(0),
            (None, Some(end @ Cursor::Timestamp(_))) => end.minus(YEAR).filter(|at| *at > EPOCH)?,
            (None, Some(Cursor::Integer(end))) => match end.to_i128()? {
                end if end > 0 => number(0),
                end => number(end.saturating_sub(most.into()).min(end.saturating_mul(2))),
            },
            (Some(Cursor::Integer(start)), None) => match start.to_i128()? {
                start if start < 0 => number(0),
                start => number(
                    start
                        .saturating_add(most.into())
                        .max(start.saturating_mul(2)),
                ),
            },
            (Some(Cursor::Timestamp(start)), Some(Cursor::Timestamp(end))) => {
                let sum = start.as_nanosecond() + end.as_nanosecond();
                let middle = Timestamp::from_nanosecond(sum.div_euclid(2)).ok()?;
                Cursor::Timestamp(whole_second(middle))
            }
            (Some(Cursor::Integer(start)), Some(Cursor::Integer(end))) => {
                let (start, end) = (start.to_i128()?, end.to_i128()?);
                number(start.checked_add(end.checked_sub(start)?.div_euclid(2))?)
            }
            _ => return None,
        })
    }

    /// Where the first part of at most `step` ends, if there is more than one.
    fn edge(&self, step: Step) -> Option<Cursor> {
        let (start, end) = (self.start.as_ref()?, self.end.as_ref()?);
        let from = match start {
            Cursor::Timestamp(at) => Cursor::Timestamp(whole_second(*at)),
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

fn number(number: i128) -> Cursor {
    Cursor::Integer(Integer::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(cursor_type: CursorType, start: &str, end: &str) -> CursorRange {
        let read = |text| Cursor::read(cursor_type, text);
        CursorRange::new(read(start), read(end))
    }

    /// The type is needed where a range has no bound to tell it.
    fn halves_of(range: &CursorRange, most: u64) -> Option<(CursorRange, CursorRange)> {
        let bound = range.start.as_ref().or(range.end.as_ref());
        range.halves(most, bound.map_or(CursorType::Integer, Cursor::cursor_type))
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
    fn ranges_hold_and_touch_others() {
        let check = |(a, b): (&str, &str), (c, d): (&str, &str), holds, touches| {
            let (one, other) = (
                range(CursorType::Integer, a, b),
                range(CursorType::Integer, c, d),
            );
            assert_eq!(
                (one.holds(&other), one.touches(&other)),
                (holds, touches),
                "{one}, {other}"
            );
            assert_eq!(other.touches(&one), touches, "{other}, {one}");
        };
        check(("5", "9"), ("5", "9"), true, true);
        check(("5", "9"), ("6", "8"), true, true);
        check(("5", "9"), ("6", ""), false, true);
        check(("5", "9"), ("9", "12"), false, false);
        check(("5", "9"), ("", "5"), false, false);
        check(("5", ""), ("6", ""), true, true);
        check(("6", ""), ("5", ""), false, true);
        check(("", "9"), ("", "5"), true, true);
        check(("", ""), ("5", ""), true, true);
        let text = |start| range(CursorType::String, start, "");
        assert!(text("a").holds(&text("a")) && !text("a").holds(&text("b")));
        assert!(text("a").touches(&text("b")));
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
    fn a_range_without_a_bound_is_cut_near_the_other() {
        let halves = |range: CursorRange| {
            let (a, b) = halves_of(&range, 1000)?;
            Some([a.to_string(), b.to_string()])
        };
        assert_eq!(
            halves(range(CursorType::Timestamp, "", "2026-01-02")),
            Some([
                "from the beginning to before 2025-01-02T00:00:00Z".to_owned(),
                "from 2025-01-02T00:00:00Z to before 2026-01-02T00:00:00Z".to_owned(),
            ])
        );
        assert_eq!(halves(range(CursorType::Timestamp, "", "1970-06-01")), None);
        assert_eq!(halves(range(CursorType::Timestamp, "2026-01-01", "")), None);
        assert_eq!(
            halves(range(CursorType::Integer, "5", "")),
            Some(["from 5 to before 1005".to_owned(), "from 1005".to_owned()])
        );
        for ((start, end), middle) in [
            (("", ""), "0"),
            (("", "4"), "0"),
            (("", "0"), "-1000"),
            (("", "-3000"), "-6000"),
            (("-5", ""), "0"),
            (("0", ""), "1000"),
            (("3000", ""), "6000"),
        ] {
            let (first, second) = halves_of(&range(CursorType::Integer, start, end), 1000).unwrap();
            let middle = Cursor::read(CursorType::Integer, middle);
            assert_eq!((first.end, second.start), (middle.clone(), middle));
        }
        assert_eq!(halves(range(CursorType::String, "", "4")), None);
    }

    #[test]
    fn halves_meet_in_the_middle() {
        let halves = |range: CursorRange| {
            let (a, b) = halves_of(&range, 2)?;
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
    }
}
