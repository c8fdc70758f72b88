//! What is known to be complete: a set of intervals of a cursor.

use serde::{Deserialize, Serialize};

use crate::{Cursor, Interval};

/// Sorted, disjoint, half-open intervals `[start, end)` of a cursor's values, none of them empty
/// and no two of them touching. Serialised as a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Span>", into = "Vec<Span>")]
pub struct Coverage(Vec<Span>);

/// The values from `start` on, and before `end`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The first value; `None`: from the beginning of all values on.
    pub start: Option<Cursor>,
    /// The first value no longer in it.
    pub end: Cursor,
}

impl Coverage {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The intervals, smallest first.
    pub fn spans(&self) -> &[Span] {
        &self.0
    }

    /// Adds an interval, which has no `start` if it reaches back to the beginning; what it touches
    /// grows together with it. An empty one adds nothing, nor does one of texts, which are in no
    /// order.
    pub fn add(&mut self, start: Option<&Cursor>, end: &Cursor) {
        // Without a start it begins before all others: `None` is smaller than any value.
        if start >= Some(end) || !end.cursor_type().is_ordered() {
            return;
        }
        let first = self.0.partition_point(|span| Some(&span.end) < start);
        let after = self
            .0
            .partition_point(|span| span.start.as_ref() <= Some(end));
        let touched = &self.0[first..after];
        let span = Span {
            start: touched
                .first()
                .map_or(start, |span| start.min(span.start.as_ref()))
                .cloned(),
            end: touched
                .last()
                .map_or(end, |span| end.max(&span.end))
                .clone(),
        };
        self.0.splice(first..after, [span]);
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for span in &other.0 {
            self.add(span.start.as_ref(), &span.end);
        }
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut both = Self::default();
        for (span, with) in self
            .0
            .iter()
            .flat_map(|a| other.0.iter().map(move |b| (a, b)))
        {
            both.add(
                span.start.as_ref().max(with.start.as_ref()),
                (&span.end).min(&with.end),
            );
        }
        both
    }

    /// Whether `value` is in one of the intervals.
    pub fn contains(&self, value: &Cursor) -> bool {
        let index = self.0.partition_point(|span| span.end <= *value);
        let span = self.0.get(index);
        span.is_some_and(|span| span.start.as_ref() <= Some(value))
    }

    /// The first value after the last interval.
    pub fn upper(&self) -> Option<&Cursor> {
        self.0.last().map(|span| &span.end)
    }

    /// What is missing from `start` on and before `end`; without a `start`, from the beginning of
    /// all values on.
    pub fn gaps(&self, start: Option<&Cursor>, end: &Cursor) -> Vec<(Option<Cursor>, Cursor)> {
        let mut gaps = Vec::new();
        let mut from = start.cloned();
        for span in &self.0 {
            // Nothing is missing before an interval that reaches back to the beginning.
            let until = span.start.as_ref().map(|start| start.min(end));
            if let Some(until) = until.filter(|until| from.as_ref() < Some(until)) {
                gaps.push((from.take(), until.clone()));
            }
            if span.start.as_ref() >= Some(end) {
                return gaps;
            }
            from = from.max(Some(span.end.clone()));
        }
        if from.as_ref().is_none_or(|from| from < end) {
            gaps.push((from, end.clone()));
        }
        gaps
    }

    /// The intervals as a report shows them.
    pub fn intervals(&self) -> Vec<Interval> {
        let spans = self.0.iter();
        let spans = spans.map(|span| Interval {
            start: span.start.as_ref().map(ToString::to_string),
            end: Some(span.end.to_string()),
        });
        spans.collect()
    }
}

impl From<Vec<Span>> for Coverage {
    fn from(spans: Vec<Span>) -> Self {
        let mut coverage = Self::default();
        for span in spans {
            coverage.add(span.start.as_ref(), &span.end);
        }
        coverage
    }
}

impl From<Coverage> for Vec<Span> {
    fn from(coverage: Coverage) -> Self {
        coverage.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(number: u8) -> Cursor {
        Cursor::Integer(i128::from(number).into())
    }

    fn of(spans: &[(u8, u8)]) -> Coverage {
        let mut coverage = Coverage::default();
        for (start, end) in spans {
            coverage.add(Some(&at(*start)), &at(*end));
        }
        coverage
    }

    #[track_caller]
    fn check(added: &[(u8, u8)], expected: &[(u8, u8)]) {
        let spans: Vec<_> = expected
            .iter()
            .map(|(start, end)| Span {
                start: Some(at(*start)),
                end: at(*end),
            })
            .collect();
        assert_eq!(of(added).spans(), spans);
    }

    #[test]
    fn what_touches_grows_together() {
        check(&[(1, 3), (3, 5)], &[(1, 5)]);
        check(&[(1, 3), (4, 5)], &[(1, 3), (4, 5)]);
        check(&[(1, 3), (7, 9), (2, 8)], &[(1, 9)]);
        check(&[(7, 9), (1, 2)], &[(1, 2), (7, 9)]);
        check(&[(1, 9), (2, 3)], &[(1, 9)]);
        check(&[(5, 5), (9, 2)], &[]);
    }

    #[test]
    fn texts_cover_nothing() {
        let text = |text: &str| Cursor::String(text.to_owned());
        let mut coverage = Coverage::default();
        coverage.add(Some(&text("a")), &text("b"));
        coverage.add(None, &text("b"));
        assert!(coverage.is_empty() && !coverage.contains(&text("a")));
    }

    #[test]
    fn the_gap_below_everything_has_no_start() {
        let coverage = of(&[(5, 7), (9, 12)]);
        assert_eq!(
            coverage.gaps(None, &at(11)),
            [(None, at(5)), (Some(at(7)), at(9))]
        );
        assert_eq!(coverage.gaps(None, &at(3)), [(None, at(3))]);
        assert_eq!(coverage.gaps(Some(&at(5)), &at(7)), []);
    }

    #[test]
    fn what_reaches_back_to_the_beginning_has_no_gap_below() {
        let mut coverage = of(&[(9, 12)]);
        coverage.add(None, &at(5));
        assert!(coverage.contains(&at(0)) && !coverage.contains(&at(5)));
        assert_eq!(coverage.gaps(None, &at(12)), [(Some(at(5)), at(9))]);
        assert_eq!(coverage.gaps(None, &at(3)), []);
        assert_eq!(coverage.gaps(Some(&at(7)), &at(12)), [(Some(at(7)), at(9))]);
        coverage.add(Some(&at(4)), &at(9));
        assert_eq!(
            coverage.spans(),
            [Span {
                start: None,
                end: at(12)
            }]
        );
        coverage.add(None, &at(3));
        assert_eq!(coverage.gaps(None, &at(12)), []);
        let from_five = of(&[(5, 20)]);
        assert_eq!(coverage.intersection(&from_five), of(&[(5, 12)]));
    }

    #[test]
    fn what_is_stored_out_of_order_is_put_in_order() {
        let json = r#"[{"start":{"type":"integer","value":"5"},"end":{"type":"integer","value":"7"}},
                       {"start":{"type":"integer","value":"1"},"end":{"type":"integer","value":"5"}}]"#;
        assert_eq!(
            serde_json::from_str::<Coverage>(json).unwrap(),
            of(&[(1, 7)])
        );
    }

    /// The numbers below 64, as bits.
    fn bits(spans: &[(u8, u8)]) -> u64 {
        let set = |start: u8, end: u8| (start..end).fold(0, |set, bit| set | 1_u64 << bit);
        spans
            .iter()
            .fold(0, |all, (start, end)| all | set(*start, *end))
    }

    proptest! {
        #[test]
        fn it_is_a_set_of_numbers(
            added in prop::collection::vec((0_u8..60, 0_u8..60), 0..12),
            more in prop::collection::vec((0_u8..60, 0_u8..60), 0..4),
            (start, end) in (0_u8..60, 0_u8..60),
        ) {
            let (coverage, set) = (of(&added), bits(&added));
            for number in 0..60 {
                prop_assert_eq!(coverage.contains(&at(number)), set >> number & 1 == 1);
            }
            for pair in coverage.spans().windows(2) {
                prop_assert!(Some(&pair[0].end) < pair[1].start.as_ref());
            }
            prop_assert!(coverage.spans().iter().all(|span| span.start.as_ref() < Some(&span.end)));
            let upper = 64 - set.leading_zeros();
            let upper = (set != 0).then(|| at(u8::try_from(upper).unwrap()));
            prop_assert_eq!(coverage.upper(), upper.as_ref());

            let missing = bits(&[(start, end)]) & !set;
            let gaps = Coverage::from(
                coverage.gaps(Some(&at(start)), &at(end)).into_iter()
                    .map(|(start, end)| Span { start, end })
                    .collect::<Vec<_>>(),
            );
            for number in 0..60 {
                prop_assert_eq!(gaps.contains(&at(number)), missing >> number & 1 == 1);
            }

            let mut both = coverage.clone();
            both.merge(&of(&more));
            let all: Vec<_> = more.iter().chain(&added).copied().collect();
            prop_assert_eq!(both, of(&all));

            let shared = coverage.intersection(&of(&more));
            for number in 0..60 {
                prop_assert_eq!(shared.contains(&at(number)), (set & bits(&more)) >> number & 1 == 1);
            }
        }
    }
}
