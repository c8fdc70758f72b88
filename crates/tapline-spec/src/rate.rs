//! How much a source lets be asked of it, as a document says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many requests the source allows, and where its answers say how many are left. Ours. The
/// usual names of the headers (`X-RateLimit-Remaining`, `RateLimit`, and so on) need not be said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateParams {
    /// Requests that may be sent within any second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub requests_per_second: Option<u64>,
    /// Requests that may be sent within any minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub requests_per_minute: Option<u64>,
    /// Requests that may be sent within a day, which begins at 00:00 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub requests_per_day: Option<u64>,
    /// The header with the number of requests that are allowed in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_header: Option<String>,
    /// The header with the number of requests that are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_header: Option<String>,
    /// The header that says when there are new ones: a date, seconds from now, or seconds or
    /// milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_header: Option<String>,
}

impl RateParams {
    /// The headers that are named, by the keys that name them.
    pub(crate) fn headers(&self) -> [(&'static str, Option<&str>); 3] {
        [
            ("limitHeader", self.limit_header.as_deref()),
            ("remainingHeader", self.remaining_header.as_deref()),
            ("resetHeader", self.reset_header.as_deref()),
        ]
    }

    /// The limits, shortest window first, by the keys that set them.
    pub(crate) fn limits(&self) -> [(&'static str, Option<u64>); 3] {
        [
            ("requestsPerSecond", self.requests_per_second),
            ("requestsPerMinute", self.requests_per_minute),
            ("requestsPerDay", self.requests_per_day),
        ]
    }
}
