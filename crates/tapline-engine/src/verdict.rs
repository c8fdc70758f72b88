//! Judges a slice: what its pages prove, taken together.

use tapline_core::{EndSignal, Evidence, ShortReason, UnknownReason, Verdict};

/// Collects the evidence of a slice, page by page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judge {
    received: u64,
    total: Option<u64>,
    end: Option<EndSignal>,
    short: Option<ShortReason>,
}

impl Judge {
    /// Takes a page's evidence into account. The first sign of missing records stands.
    pub(crate) fn hear(&mut self, evidence: &Evidence) {
        self.received += evidence.records;
        self.total = evidence.total.or(self.total);
        self.end = evidence.end.clone().or(self.end.take());
        if self.short.is_none() {
            self.short.clone_from(&evidence.short);
        }
    }

    /// Takes something that ended the slice from outside its pages into account.
    pub(crate) fn cut(&mut self, reason: ShortReason) {
        self.short.get_or_insert(reason);
    }

    /// What all of it proves.
    pub(crate) fn verdict(self) -> Verdict {
        if let Some(reason) = self.short {
            return Verdict::Short(reason);
        }
        match (self.end, self.total) {
            (None, _) => Verdict::Unknown(UnknownReason::NoEndSignal),
            (Some(_), Some(total)) if total != self.received => {
                Verdict::Short(ShortReason::TotalMismatch {
                    total,
                    received: self.received,
                })
            }
            (Some(signal), _) => Verdict::Complete(signal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pages: &[Evidence], expected: Verdict) {
        let mut judge = Judge::default();
        for page in pages {
            judge.hear(page);
        }
        assert_eq!(judge.verdict(), expected);
    }

    fn page(records: u64) -> Evidence {
        Evidence {
            records,
            ..Evidence::default()
        }
    }

    fn last(records: u64, total: Option<u64>) -> Evidence {
        Evidence {
            records,
            total,
            end: Some(EndSignal::EmptyPage),
            short: None,
        }
    }

    #[test]
    fn complete_needs_an_end_signal_and_no_contradiction() {
        check(
            &[page(2), last(0, Some(2))],
            Verdict::Complete(EndSignal::EmptyPage),
        );
        check(&[last(0, None)], Verdict::Complete(EndSignal::EmptyPage));
        check(&[page(2)], Verdict::Unknown(UnknownReason::NoEndSignal));
        check(&[], Verdict::Unknown(UnknownReason::NoEndSignal));
        check(
            &[page(2), last(0, Some(3))],
            Verdict::Short(ShortReason::TotalMismatch {
                total: 3,
                received: 2,
            }),
        );
    }

    #[test]
    fn evidence_of_missing_records_outweighs_an_end_signal() {
        let repeated = Evidence {
            short: Some(ShortReason::RepeatedPage),
            ..page(2)
        };
        check(
            &[repeated, last(0, None)],
            Verdict::Short(ShortReason::RepeatedPage),
        );
    }
}
