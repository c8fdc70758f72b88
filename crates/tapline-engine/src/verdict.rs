//! Judges a slice: what its pages prove, taken together.

use jiff::Timestamp;
use tapline_core::{
    EndSignal, Error, ErrorKind, Evidence, ShortReason, SliceCounts, SliceProgress, UnknownReason,
    Verdict,
};

/// Collects the evidence of a slice, page by page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judge {
    /// Pages that this process has read.
    pages: u64,
    progress: SliceProgress,
    /// What stopped it, though the source has more.
    limit: Option<ShortReason>,
}

/// Judges a slice on from where an earlier process left it.
impl From<SliceProgress> for Judge {
    fn from(progress: SliceProgress) -> Self {
        Self {
            progress,
            ..Self::default()
        }
    }
}

impl Judge {
    /// Takes a page's evidence into account. The first sign of missing records stands.
    pub(crate) fn hear(&mut self, evidence: &Evidence) {
        self.pages += 1;
        let progress = &mut self.progress;
        progress.read += evidence.records;
        if evidence.records > 0 && progress.gap.is_none() {
            progress.gap = progress.underfull.take();
        }
        progress.underfull = underfull(evidence);
        progress.total = evidence.total.or(progress.total);
        progress.end = evidence.end.clone().or(progress.end.take());
        if let Some(most) = evidence.most.filter(|most| progress.read >= *most) {
            progress.short.get_or_insert(ShortReason::Capped { most });
        }
        match &evidence.short {
            None => {}
            Some(limit @ ShortReason::Limit { .. }) => self.limit = Some(limit.clone()),
            Some(short) => {
                progress.short.get_or_insert_with(|| short.clone());
            }
        }
    }

    /// How many records the source gives for one question, if `evidence`, of its first page, says
    /// that there are as many or more. A source that counts no further says just so many.
    pub(crate) fn is_beyond(&self, evidence: &Evidence) -> Option<u64> {
        let most = evidence.most.filter(|_| self.progress.read == 0)?;
        evidence.total.filter(|total| *total >= most).map(|_| most)
    }

    /// Takes note that the first page says so, and that its records are read in other pieces.
    pub(crate) fn split(&mut self, most: u64) {
        self.pages += 1;
        self.progress.short = Some(ShortReason::Capped { most });
    }

    /// Whether the source gives no more records, though it may have some.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self.progress.short, Some(ShortReason::Capped { .. }))
    }

    /// Whether a page has been read, by this process.
    pub(crate) fn has_heard(&self) -> bool {
        self.pages > 0
    }

    /// What is known once a page has come that arrived `at` that time.
    pub(crate) fn progress(&self, at: Timestamp) -> SliceProgress {
        SliceProgress {
            at,
            ..self.progress.clone()
        }
    }

    /// Takes into account that `error` ended the slice, if that says something of its pages: a next
    /// link to a forbidden address ends a slice short; a first request to one is an error.
    ///
    /// # Errors
    /// It says nothing of them.
    pub(crate) fn cut(&mut self, error: Error) -> Result<(), Error> {
        if error.kind() != ErrorKind::Refused || self.pages == 0 {
            return Err(error);
        }
        let reason = error.message().to_owned();
        self.progress
            .short
            .get_or_insert(ShortReason::NextRefused { reason });
        Ok(())
    }

    /// What all of it proves.
    pub(crate) fn verdict(self) -> Verdict {
        let progress = self.progress;
        if let Some(reason) = progress.short.or(self.limit) {
            return Verdict::Short(reason);
        }
        match (progress.end, progress.total) {
            (None, _) => Verdict::Unknown(UnknownReason::NoEndSignal),
            // What was not asked for was not read.
            (Some(signal @ EndSignal::WindowPassed), _) => Verdict::Complete(signal),
            (Some(_), Some(total)) if total != progress.read => {
                Verdict::Short(ShortReason::TotalMismatch {
                    total,
                    received: progress.read,
                })
            }
            (Some(signal), Some(_)) => Verdict::Complete(signal),
            (Some(EndSignal::Ignored), None) => Verdict::Unknown(UnknownReason::Ignored),
            (Some(signal), None) => {
                let gap = progress.gap.map(Verdict::Unknown);
                gap.unwrap_or(Verdict::Complete(signal))
            }
        }
    }
}

/// What it proves that all slices of a stream came to an end. A source that has nothing in any of
/// them is likely not the one that is meant.
pub(crate) fn of_all(slices: SliceCounts) -> Verdict {
    match slices {
        SliceCounts {
            read: 0,
            skipped: 1..,
        } => Verdict::Unknown(UnknownReason::AllSkipped),
        _ => Verdict::Complete(EndSignal::AllSlices),
    }
}

fn underfull(evidence: &Evidence) -> Option<UnknownReason> {
    let got = evidence.records;
    let asked = evidence.asked.filter(|asked| (1..*asked).contains(&got))?;
    Some(UnknownReason::ShortPage { asked, got })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pages: &[Evidence], expected: Verdict) {
        let mut judge = Judge::default();
        for page in pages {
            judge.hear(page);
            // Every page may be the last that its process reads.
            judge = Judge::from(judge.progress(Timestamp::UNIX_EPOCH));
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
            ..Evidence::default()
        }
    }

    fn by_offset(records: u64) -> Evidence {
        Evidence {
            asked: Some(10),
            ..page(records)
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
    fn a_short_page_in_the_middle_proves_nothing_unless_the_total_does() {
        let pages = |total| [by_offset(10), by_offset(4), by_offset(3), last(0, total)];
        check(
            &pages(None),
            Verdict::Unknown(UnknownReason::ShortPage { asked: 10, got: 4 }),
        );
        check(&pages(Some(17)), Verdict::Complete(EndSignal::EmptyPage));
        check(
            &[by_offset(10), by_offset(3), last(0, None)],
            Verdict::Complete(EndSignal::EmptyPage),
        );
    }

    #[test]
    fn an_ignored_answer_is_no_end_unless_the_total_agrees() {
        let ignored = |total| Evidence {
            end: Some(EndSignal::Ignored),
            ..last(0, total)
        };
        check(
            &[page(2), ignored(None)],
            Verdict::Unknown(UnknownReason::Ignored),
        );
        check(
            &[page(2), ignored(Some(2))],
            Verdict::Complete(EndSignal::Ignored),
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
