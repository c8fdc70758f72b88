//! How long a source asks to wait, in the forms in which sources say it.

use std::time::{Duration, SystemTime};

use http::header::{DATE, HeaderMap, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use tapline_core::{Error, ErrorKind};

/// Headers that say when a quota is renewed. There is no standard for the value: it is seconds
/// from now, seconds or milliseconds since 1970, or a date.
const RESETS: [&str; 3] = ["ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset"];

/// Below this (2001, or 31 years) a number of seconds counts from now, not from 1970.
const FIRST_EPOCH: f64 = 1e9;

/// From this on (the year 5138) an epoch is in milliseconds.
const FIRST_MILLIS: f64 = 1e11;

/// Longer waits than ten years are ten years; so no sum with a date can overflow.
const LONGEST: f64 = 10.0 * 365.0 * 86400.0;

/// Time the source asks to wait, if it does; zero for a time that has passed. Dates are compared
/// with the response's own `Date`, so that a clock that is off does no harm.
pub(crate) fn asked(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let here = made(headers, now);
    if let Some(wait) = headers.get(RETRY_AFTER).and_then(|v| retry_after(v, here)) {
        return Some(wait);
    }
    // Many sources send the reset with every answer; only a 429 says that the quota is used up.
    if status != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let mut resets = RESETS.into_iter().filter_map(|name| headers.get(name));
    resets.find_map(|value| renewed(value.to_str().ok()?, here))
}

/// When a response was made, by its own clock if it says so.
pub(crate) fn made(headers: &HeaderMap, now: Timestamp) -> Timestamp {
    headers.get(DATE).and_then(date).unwrap_or(now)
}

/// How far off from `here` the time is that a reset header names: a number as in [`RESETS`], or a
/// date as in HTTP or in ISO 8601.
pub(crate) fn renewed(text: &str, here: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Some(number) = real(text) {
        return Some(reset(number, here));
    }
    let date = http_date(text).or_else(|| text.parse().ok())?;
    Some(until(date, here))
}

fn retry_after(value: &HeaderValue, here: Timestamp) -> Option<Duration> {
    match number(value) {
        Some(seconds) => Some(clamped(seconds)),
        None => Some(until(date(value)?, here)),
    }
}

fn reset(number: f64, here: Timestamp) -> Duration {
    if number < FIRST_EPOCH {
        return clamped(number);
    }
    let millis = if number < FIRST_MILLIS {
        number * 1e3
    } else {
        number
    };
    clamped((millis - here.as_millisecond() as f64) / 1e3)
}

fn until(date: Timestamp, here: Timestamp) -> Duration {
    clamped(date.duration_since(here).as_secs_f64())
}

fn clamped(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, LONGEST))
}

fn number(value: &HeaderValue) -> Option<f64> {
    real(value.to_str().ok()?.trim())
}

fn real(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    (!number.is_nan()).then_some(number)
}

fn date(value: &HeaderValue) -> Option<Timestamp> {
    http_date(value.to_str().ok()?)
}

fn http_date(text: &str) -> Option<Timestamp> {
    let date: SystemTime = httpdate::parse_http_date(text).ok()?;
    // The year 9999 does not end within what a timestamp holds, and is no less of a wish for that.
    Some(Timestamp::try_from(date).unwrap_or(Timestamp::MAX))
}

/// A wait that the source asks for and that is left to the operator.
pub(crate) fn too_long(wait: Duration, now: Timestamp, max: Duration) -> Error {
    beyond("the source asks to wait", wait, now, max).retry_later(Some(wait))
}

/// The error for `what` takes longer than the operator lets a run wait.
pub(crate) fn beyond(what: &str, wait: Duration, now: Timestamp, max: Duration) -> Error {
    let resume = SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| now.checked_add(wait).ok())
        .unwrap_or(Timestamp::MAX)
        .strftime("%Y-%m-%dT%H:%M:%SZ");
    let message = format!(
        "{what} until {resume} ({} s), longer than the {} s allowed",
        wait.as_secs(),
        max.as_secs()
    );
    Error::new(ErrorKind::Quota, "send request", message)
}

/// Whether an operator would notice the wait.
pub(crate) fn is_noticeable(wait: Duration) -> bool {
    wait > Duration::from_millis(100)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    /// 2026-01-01T00:00:00Z.
    const NOW: i64 = 1_767_225_600;

    fn wait(status: u16, headers: &[(&'static str, &str)]) -> Option<f64> {
        let pairs = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_str(value).unwrap())
        });
        let now = Timestamp::from_second(NOW).unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        asked(status, &pairs.collect(), now).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        fn check(value: &str, expected: Option<f64>) {
            assert_eq!(wait(503, &[("retry-after", value)]), expected, "{value}");
        }
        check("120", Some(120.0));
        check(" 1.5 ", Some(1.5));
        check("0", Some(0.0));
        check("-5", Some(0.0));
        check("99999999", Some(99_999_999.0));
        check("1e300", Some(LONGEST));
        check("Thu, 01 Jan 2026 00:01:00 GMT", Some(60.0));
        check("Thu, 01 Jan 1970 00:00:00 GMT", Some(0.0));
        check("Fri, 31 Dec 9999 23:59:59 GMT", Some(LONGEST));
        check("NaN", None);
        check("soon", None);
    }

    #[test]
    fn dates_count_from_the_response() {
        let date = ("date", "Thu, 01 Jan 2026 12:00:00 GMT");
        let after = ("retry-after", "Thu, 01 Jan 2026 12:00:07 GMT");
        assert_eq!(wait(429, &[date, after]), Some(7.0));
    }

    #[test]
    fn resets_are_told_apart_by_their_size() {
        fn check(name: &'static str, value: String, expected: Option<f64>) {
            assert_eq!(wait(429, &[(name, &value)]), expected, "{value}");
        }
        check("x-ratelimit-reset", "30".to_owned(), Some(30.0));
        check("ratelimit-reset", "30".to_owned(), Some(30.0));
        check("x-ratelimit-reset", (NOW + 9).to_string(), Some(9.0));
        check(
            "x-rate-limit-reset",
            (NOW * 1000 + 2500).to_string(),
            Some(2.5),
        );
        check("x-ratelimit-reset", (NOW - 9).to_string(), Some(0.0));
        check("x-ratelimit-reset", "0".to_owned(), Some(0.0));
        check("x-ratelimit-reset", "-1".to_owned(), Some(0.0));
        check("x-ratelimit-reset", "later".to_owned(), None);
        check(
            "x-ratelimit-reset",
            "Thu, 01 Jan 2026 00:01:00 GMT".to_owned(),
            Some(60.0),
        );
        check(
            "x-ratelimit-reset",
            "2026-01-01T00:00:30.5Z".to_owned(),
            Some(30.5),
        );
        assert_eq!(wait(503, &[("x-ratelimit-reset", "30")]), None);
        let both = [("retry-after", "2"), ("x-ratelimit-reset", "30")];
        assert_eq!(wait(429, &both), Some(2.0));
    }

    #[test]
    fn a_long_wait_names_its_end() {
        let now = Timestamp::from_second(NOW).unwrap();
        let error = too_long(Duration::from_secs(3600), now, Duration::from_secs(300));
        assert_eq!(error.kind(), ErrorKind::Quota);
        let shown = error.to_string();
        assert!(shown.contains("2026-01-01T01:00:00Z (3600 s)"), "{shown}");
        too_long(Duration::MAX, now, Duration::ZERO);
    }
}
