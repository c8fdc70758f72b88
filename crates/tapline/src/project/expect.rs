//! What a pipeline expects of its runs.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use tapline_engine::Expectations;
use tapline_spec::{Diagnostic, Step};

use super::share::Share;

/// What a pipeline expects of its runs. One that brings less is `short`, whatever its source says.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// Least number of records of a run.
    #[schemars(range(min = 1))]
    min_records: Option<u64>,
    /// By how much they may be fewer than those of the last complete run: `50%`. Runs with and
    /// without a start are compared each with their own kind.
    max_drop: Option<Share>,
    /// How far the newest record may lie back when a run begins: `2d`. The cursor has to be a time.
    max_lag: Option<Step>,
}

impl Expect {
    /// The same for the engine.
    pub(crate) fn expectations(&self) -> Expectations {
        Expectations {
            min_records: self.min_records,
            max_drop: self.max_drop.map(Share::percent),
            max_lag: self.max_lag.and_then(|lag| match lag {
                Step::Seconds(seconds) => {
                    i64::try_from(seconds).ok().map(SignedDuration::from_secs)
                }
                Step::Count(_) => None,
            }),
        }
    }

    /// Whether the newest record matters.
    pub(crate) fn needs_cursor(&self) -> bool {
        self.max_lag.is_some()
    }

    /// What cannot be meant, of the expectations at `pointer`, of a pipeline with or without a
    /// cursor that is a time.
    pub(super) fn check(&self, pointer: &str, has_time: bool, found: &mut Vec<Diagnostic>) {
        let Some(lag) = self.max_lag else { return };
        let mut refuse = |message: String| {
            let at = format!("{pointer}/max_lag");
            found.push(Diagnostic::error("E-incremental", at, message));
        };
        if let Step::Count(count) = lag {
            refuse(format!(
                "`{count}` of what? A lag is so many hours or days: `{count}h`"
            ));
        } else if !has_time {
            let message = "how old a record is, only a `cursor` that is a time can tell; name one in \
                           `sync`";
            refuse(message.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(written: Value, has_time: bool, expected: &[&str]) {
        let expect: Expect = serde_json::from_value(written).unwrap();
        let mut found = Vec::new();
        expect.check("/expect", has_time, &mut found);
        let found: Vec<_> = found.iter().map(|found| found.pointer.as_str()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_lag_is_a_time_and_needs_one() {
        check(json!({ "min_records": 1, "max_drop": "50%" }), false, &[]);
        check(json!({ "max_lag": "2d" }), true, &[]);
        check(json!({ "max_lag": "2d" }), false, &["/expect/max_lag"]);
        check(json!({ "max_lag": 2 }), true, &["/expect/max_lag"]);
    }

    #[test]
    fn expectations_are_read() {
        let written = json!({ "min_records": 3, "max_drop": "12.5%", "max_lag": "1h" });
        let expect: Expect = serde_json::from_value(written).unwrap();
        assert_eq!(
            expect.expectations(),
            Expectations {
                min_records: Some(3),
                max_drop: Some(12.5),
                max_lag: Some(SignedDuration::from_hours(1)),
            }
        );
        assert!(serde_json::from_value::<Expect>(json!({ "max_drop": 50 })).is_err());
        assert!(serde_json::from_value::<Expect>(json!({ "min_rows": 50 })).is_err());
    }
}
