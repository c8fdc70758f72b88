//! Holds what a run has brought against what its pipeline expects. A source that quietly gives less
//! than it has leaves no other trace.

use jiff::Timestamp;
use tapline_core::{Asked, Cursor, Result, RunReport, StateStore};

use super::Expectations;

/// Entries of a pipeline's log that are searched for a run to compare with.
const RUNS: u32 = 100;

/// What a run has brought.
pub(super) struct Brought<'a> {
    /// [`RunReport::brought`].
    pub(super) records: u64,
    /// The newest cursor that is known.
    pub(super) newest: Option<&'a Cursor>,
    /// When the run began.
    pub(super) at: Timestamp,
    /// What kind of run it is: its sync mode, and what it was asked for.
    pub(super) kind: (&'a str, Asked),
}

impl Expectations {
    /// Which of them `brought` does not meet, in words.
    ///
    /// # Errors
    /// The log of earlier runs cannot be read.
    pub(super) async fn unmet(
        &self,
        brought: &Brought<'_>,
        state: &dyn StateStore,
        log: &str,
    ) -> Result<Option<String>> {
        if let Some(unmet) = self
            .too_few(brought.records)
            .or_else(|| self.too_old(brought))
        {
            return Ok(Some(unmet));
        }
        let Some(percent) = self.max_drop else {
            return Ok(None);
        };
        let last = last(state, log, brought.kind).await?;
        Ok(last.and_then(|last| dropped(last, brought.records, percent)))
    }

    fn too_few(&self, records: u64) -> Option<String> {
        let least = self.min_records.filter(|least| records < *least)?;
        Some(format!(
            "{records} records came, and the pipeline expects at least {least} (min_records)"
        ))
    }

    fn too_old(&self, brought: &Brought<'_>) -> Option<String> {
        let lag = self.max_lag?;
        let Some(newest) = brought.newest else {
            return Some(format!(
                "no record is known, and the pipeline expects one that is at most {lag:#} old \
                 (max_lag)"
            ));
        };
        let Cursor::Timestamp(newest) = newest else {
            return None;
        };
        let is_old = brought.at.duration_since(*newest) > lag;
        is_old.then(|| {
            format!(
                "the newest record is of {newest}, and the pipeline expects one that is at most \
                 {lag:#} old (max_lag)"
            )
        })
    }
}

fn dropped(last: u64, records: u64, percent: f64) -> Option<String> {
    let least = last as f64 * (1.0 - percent / 100.0);
    ((records as f64) < least).then(|| {
        format!(
            "{records} records came, {last} the last time, and the pipeline expects at most \
             {percent} % fewer (max_drop)"
        )
    })
}

/// What the last complete run of the same kind has brought.
async fn last(state: &dyn StateStore, log: &str, kind: (&str, Asked)) -> Result<Option<u64>> {
    let runs = state.tail(log, RUNS).await?.into_iter();
    let mut reports =
        runs.filter_map(|entry| serde_json::from_value::<RunReport>(entry.value).ok());
    let same = reports.find(|report| {
        report.verdict.is_complete() && (report.sync_mode.as_str(), report.asked) == kind
    });
    Ok(same.map(|report| report.brought))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn what_is_too_few_too_old_or_much_less_is_said() {
        let expect = Expectations {
            min_records: Some(3),
            max_drop: Some(50.0),
            max_lag: Some(SignedDuration::from_hours(1)),
        };
        assert_eq!(expect.too_few(3), None);
        assert!(expect.too_few(2).unwrap().starts_with("2 records came"));
        let at = |second| Timestamp::from_second(second).unwrap();
        let old = |newest: Option<Cursor>| {
            expect.too_old(&Brought {
                records: 3,
                newest: newest.as_ref(),
                at: at(10_000),
                kind: ("full_load", Asked::Everything),
            })
        };
        assert_eq!(old(Some(Cursor::Timestamp(at(6_400)))), None);
        assert!(old(Some(Cursor::Timestamp(at(6_399)))).is_some());
        assert_eq!(old(Some(Cursor::Integer(5.into()))), None);
        assert!(old(None).is_some());
        assert_eq!(dropped(10, 5, 50.0), None);
        assert!(dropped(10, 4, 50.0).unwrap().contains("4 records came, 10"));
        assert_eq!(dropped(0, 0, 0.0), None);
    }
}
