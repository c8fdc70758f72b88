//! When a pipeline runs, under a scheduler.

use schemars::JsonSchema;
use serde::Deserialize;
use tapline_spec::Diagnostic;

/// Minutes between two runs, at least.
const FEWEST_MINUTES: u32 = 15;

/// When a pipeline runs.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Schedule {
    /// The unit of `interval`.
    frequency: Frequency,
    /// Runs every so many units; 1 unless given, or 15 if the unit is a minute.
    #[schemars(range(min = 1))]
    interval: Option<u32>,
    /// Whether the past is fetched too.
    backfill: Option<bool>,
}

/// The unit of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Frequency {
    /// A single run.
    Once,
    /// Minutes.
    Minute,
    /// Hours.
    Hour,
    /// Days.
    Day,
    /// Weeks.
    Week,
}

impl Schedule {
    /// What cannot be kept, of the schedule at `pointer`.
    pub(super) fn check(self, pointer: &str, found: &mut Vec<Diagnostic>) {
        let mut refuse = |key: &str, message: String| {
            let at = format!("{pointer}/{key}");
            found.push(Diagnostic::error("E-interval", at, message));
        };
        match (self.frequency, self.interval) {
            (Frequency::Once, Some(_)) => {
                refuse("interval", "a single run has no `interval`".to_owned());
            }
            (Frequency::Minute, Some(minutes)) if minutes < FEWEST_MINUTES => {
                let message = format!("runs are at least {FEWEST_MINUTES} minutes apart");
                refuse("interval", message);
            }
            _ => {}
        }
        if self.frequency == Frequency::Once && self.backfill.is_some() {
            refuse("backfill", "a single run has no `backfill`".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: serde_json::Value, expected: &[&str]) {
        let schedule: Schedule = serde_json::from_value(json).unwrap();
        let mut found = Vec::new();
        schedule.check("", &mut found);
        let found: Vec<&str> = found.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_single_run_has_no_interval_and_minutes_are_fifteen() {
        check(serde_json::json!({"frequency": "once"}), &[]);
        check(
            serde_json::json!({"frequency": "once", "interval": 1, "backfill": true}),
            &["/interval", "/backfill"],
        );
        check(
            serde_json::json!({"frequency": "minute", "interval": 14}),
            &["/interval"],
        );
        check(
            serde_json::json!({"frequency": "minute", "interval": 15}),
            &[],
        );
        check(
            serde_json::json!({"frequency": "hour", "interval": 1, "backfill": false}),
            &[],
        );
    }
}
