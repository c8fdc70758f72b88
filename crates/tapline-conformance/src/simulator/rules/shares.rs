//! What a run is to bring of each part of the stream: worked out beside the engine, from what was
//! remembered and what was asked for.

use tapline_core::{Boundary, Coverage, Cursor, Known, Marks};

use super::super::Goal;
use crate::simulator::records::{Records, Version};
use crate::simulator::scenario::{Mode, Scenario};

/// What a run is to bring of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Share {
    pub(in crate::simulator) ranges: Vec<Range>,
    /// The newest cursor that was known of it.
    pub(in crate::simulator) newest: Option<i64>,
}

/// A range of cursors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Range {
    pub(in crate::simulator) from: Option<i64>,
    /// Whether `from` itself is left out.
    pub(in crate::simulator) is_open: bool,
    pub(in crate::simulator) end: End,
}

/// Where a range ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum End {
    Never,
    /// Before this cursor.
    At(i64),
    /// So many seconds before the run begins.
    Now(i64),
    /// Before this time, or when the run begins.
    AtMost(i64),
}

impl End {
    /// The first cursor that is not in it, if the run's clock shows `now`.
    pub(super) fn at(self, now: i64) -> Option<i64> {
        match self {
            Self::Never => None,
            Self::At(at) => Some(at),
            Self::Now(lag) => Some(now - lag),
            Self::AtMost(at) => Some(at.min(now)),
        }
    }
}

impl Range {
    /// Whether it is empty, if the run's clock shows `now`.
    pub(super) fn is_empty(&self, now: i64) -> bool {
        self.from
            .zip(self.end.at(now))
            .is_some_and(|(from, end)| from >= end)
    }

    /// Whether `at` is in it, if the run's clock shows `now`.
    pub(super) fn contains(&self, at: i64, now: i64) -> bool {
        let is_after = self.from.is_none_or(|from| match self.is_open {
            true => from < at,
            false => from <= at,
        });
        is_after && self.end.at(now).is_none_or(|end| at < end)
    }
}

impl Share {
    pub(super) fn contains(&self, at: i64, now: i64) -> bool {
        self.ranges.iter().any(|range| range.contains(at, now))
    }

    /// Whether it has a range without an end.
    pub(super) fn is_endless(&self) -> bool {
        self.ranges.iter().any(|range| range.end == End::Never)
    }
}

/// The name of a part in what is remembered.
pub(in crate::simulator) fn part_name(scenario: &Scenario, part: u64) -> String {
    match scenario.parts {
        0 => String::new(),
        _ => format!("part=p{part}"),
    }
}

/// What a run is to bring of each part that is asked for `goal` when `marks` are remembered.
pub(in crate::simulator) fn shares(
    scenario: &Scenario,
    goal: &Goal,
    marks: Option<&Marks>,
) -> Vec<Share> {
    let parts = 0..scenario.parts.max(1);
    let share = |part| {
        let known = marks.and_then(|marks| marks.known(&part_name(scenario, part)));
        let newest = known.as_ref().and_then(|known| known.newest.as_ref());
        Share {
            ranges: ranges(scenario, goal, known.as_ref()),
            newest: newest.and_then(value),
        }
    };
    parts.map(share).collect()
}

/// Whether nothing is asked for in any part, though something has to be.
pub(in crate::simulator) fn is_nothing(goal: &Goal, shares: &[Share]) -> bool {
    let is_picky = matches!(goal, Goal::Backfill { .. });
    is_picky && shares.iter().all(|share| share.ranges.is_empty())
}

fn ranges(scenario: &Scenario, goal: &Goal, known: Option<&Known>) -> Vec<Range> {
    let cursor = &scenario.cursor;
    let latest = match (cursor.is_time, scenario.mode) {
        (false, _) => End::Never,
        (true, Mode::Incremental) => End::Now(cursor.lag.cast_signed()),
        (true, _) if cursor.asks.1 => End::Now(0),
        (true, _) => End::Never,
    };
    let closed = |from, end| Range {
        from,
        is_open: false,
        end,
    };
    let newest = known.and_then(|known| value(known.newest.as_ref()?));
    match (goal, newest) {
        (Goal::Everything, _) => vec![closed(None, latest)],
        (Goal::Update, None) => vec![closed(cursor.start, latest)],
        (Goal::Update, Some(newest)) => vec![match cursor.lookback {
            Some(back) => closed(Some(newest - back.cast_signed()), latest),
            None => Range {
                is_open: cursor.boundary == Boundary::Open,
                ..closed(Some(newest), latest)
            },
        }],
        (Goal::Explicit { from, to }, _) => {
            let end = |at| match cursor.is_time {
                true => End::AtMost(at),
                false => End::At(at),
            };
            vec![closed(*from, to.map_or(latest, end))]
        }
        (Goal::Backfill { .. }, None) => Vec::new(),
        (Goal::Backfill { from, to }, Some(newest)) => {
            let until = to.map_or(newest, |to| to.min(newest));
            let spans = known.map_or(Vec::new(), |known| spans(&known.coverage));
            let gaps = gaps(&spans, *from, until).into_iter();
            gaps.map(|(from, to)| closed(from, End::At(to))).collect()
        }
    }
}

/// What is covered, smallest first.
pub(super) fn spans(coverage: &Coverage) -> Vec<(Option<i64>, i64)> {
    let spans = coverage.spans().iter();
    let span = |span: &tapline_core::Span| {
        let start = span.start.as_ref().and_then(value);
        (start, value(&span.end).unwrap_or(i64::MIN))
    };
    spans.map(span).collect()
}

/// What `spans` leave out from `from` on, before `until`.
fn gaps(spans: &[(Option<i64>, i64)], from: Option<i64>, until: i64) -> Vec<(Option<i64>, i64)> {
    let mut gaps = Vec::new();
    let mut at = from;
    for (start, end) in spans {
        if let Some(start) = start
            && at.is_none_or(|at| at < *start)
        {
            gaps.push((at, (*start).min(until)));
        }
        at = at.max(Some(*end));
    }
    if at.is_none_or(|at| at < until) {
        gaps.push((at, until));
    }
    gaps.retain(|(from, to)| from.is_none_or(|from| from < *to) && *to <= until);
    gaps
}

/// A cursor as a number, or as seconds.
pub(in crate::simulator) fn value(cursor: &Cursor) -> Option<i64> {
    match cursor {
        Cursor::Timestamp(at) => Some(at.as_second()),
        Cursor::Integer(number) => i64::try_from(number.to_i128()?).ok(),
        Cursor::String(_) => None,
    }
}

/// The versions of a part that `ranges` at one of two times of the clock hold.
pub(super) fn of_part(records: &Records, part: usize) -> impl Iterator<Item = &Version> {
    let all = records.versions().iter();
    all.filter(move |version| version.part as usize == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_what_is_left_between_spans() {
        let spans = [(Some(5), 7), (Some(9), 12)];
        let check = |from, until, expected: &[(Option<i64>, i64)]| {
            assert_eq!(gaps(&spans, from, until), expected, "{from:?}..{until}");
        };
        check(None, 11, &[(None, 5), (Some(7), 9)]);
        check(None, 3, &[(None, 3)]);
        check(Some(5), 7, &[]);
        check(Some(8), 20, &[(Some(8), 9), (Some(12), 20)]);
        assert_eq!(gaps(&[(None, 5)], None, 9), [(Some(5), 9)]);
        assert_eq!(gaps(&[], None, 9), [(None, 9)]);
    }
}
