//! How much of its source's quota a connection may use.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use tapline_spec::{RatePlan, Step};

/// How much of its source's quota a connection may use. Of two limits, one here and one in the spec,
/// the smaller counts. Requests are counted in the state, together with those of all other runs
/// that use the same key at the same host.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quota {
    /// The part of every budget that is used, those included that the source reports: `80%`. The
    /// rest is left to others who use the same key. All of it unless given.
    share: Option<Share>,
    /// Requests within any second.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    requests_per_second: Option<u64>,
    /// Requests within any minute.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    requests_per_minute: Option<u64>,
    /// Requests within a day, which begins at 00:00 UTC.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    requests_per_day: Option<u64>,
    /// The longest wait for new requests, or for a source that asks for one: `30s`, `5m`, `1h`. What
    /// takes longer ends the run with exit code 4, and the next run goes on. `5m` unless given.
    max_wait: Option<Wait>,
    /// Whether what the source reports in headers (`X-RateLimit-Remaining`, `RateLimit`, and so on)
    /// is kept to; `true` unless given. `false` is for sources that report nonsense.
    reported: Option<bool>,
}

impl Quota {
    /// The percentage of every budget that is used.
    pub(crate) fn share(&self) -> u8 {
        self.share.map_or(100, |share| share.0)
    }

    /// Whether what the source reports is kept to.
    pub(crate) fn reported(&self) -> bool {
        self.reported.unwrap_or(true)
    }

    /// The limits.
    pub(crate) fn rate(&self) -> RatePlan {
        RatePlan {
            per_second: self.requests_per_second,
            per_minute: self.requests_per_minute,
            per_day: self.requests_per_day,
            ..RatePlan::default()
        }
    }

    /// The longest wait, if it is given.
    pub(crate) fn max_wait(&self) -> Option<Duration> {
        self.max_wait.map(|wait| wait.0)
    }
}

/// A percentage from 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Share(u8);

impl TryFrom<String> for Share {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = text
            .strip_suffix('%')
            .and_then(|number| number.parse().ok());
        let number = number.filter(|number| (1..=100).contains(number));
        let wrong = || format!("`{text}` is no part; write 80%");
        number.map(Self).ok_or_else(wrong)
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(100|[1-9][0-9]?)%$" })
    }
}

/// A time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Wait(Duration);

impl TryFrom<String> for Wait {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.parse()? {
            Step::Seconds(seconds) => Ok(Self(Duration::from_secs(seconds))),
            Step::Count(_) => Err(format!("`{text}` is no time; write 30s, 5m or 1h")),
        }
    }
}

impl JsonSchema for Wait {
    fn schema_name() -> Cow<'static, str> {
        "Wait".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]{1,6}[smhdw]$" })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(written: Value) -> Option<Quota> {
        serde_json::from_value(written).ok()
    }

    #[test]
    fn what_is_not_said_limits_nothing() {
        let quota = read(json!({})).unwrap();
        assert_eq!((quota.share(), quota.reported()), (100, true));
        assert_eq!(
            (quota.rate(), quota.max_wait()),
            (RatePlan::default(), None)
        );
    }

    #[test]
    fn shares_and_waits_are_read() {
        let quota = read(json!({
            "share": "80%", "requests_per_day": 10, "max_wait": "5m", "reported": false,
        }));
        let quota = quota.unwrap();
        assert_eq!((quota.share(), quota.reported()), (80, false));
        assert_eq!(quota.rate().per_day, Some(10));
        assert_eq!(quota.max_wait(), Some(Duration::from_secs(300)));
        for share in ["0%", "101%", "80", "-1%", "80 %", "%", "0.5%"] {
            assert!(read(json!({ "share": share })).is_none(), "{share}");
        }
        for wait in [json!("5"), json!(5), json!("5 m"), json!("-5m"), json!("")] {
            assert!(read(json!({ "max_wait": wait })).is_none(), "{wait}");
        }
    }
}
