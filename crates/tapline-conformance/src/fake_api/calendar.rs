//! When records were made and changed: in the order of their indexes, one a minute.
//!
//! A request for a stretch of time is thereby a range of indexes, found without looking at records.

use std::ops::Range;

use jiff::Timestamp;

/// 2024-01-01T00:00:00Z.
const EPOCH: i64 = 1_704_067_200;
/// Seconds between two changes.
const STEP: i64 = 60;

/// When the record `index` was last changed.
pub(super) fn changed_at(index: u64) -> Timestamp {
    at(index, 0)
}

/// Some days before that.
pub(super) fn days_before(index: u64, days: u64) -> Timestamp {
    at(index, days)
}

fn at(index: u64, days_before: u64) -> Timestamp {
    let seconds = i64::try_from(index)
        .unwrap_or(i64::MAX)
        .saturating_mul(STEP);
    let back = i64::try_from(days_before)
        .unwrap_or(0)
        .saturating_mul(86_400);
    let second = EPOCH.saturating_add(seconds).saturating_sub(back);
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}

/// `2024-01-01T00:00:00+00:00`, as MailChimp writes it.
pub(super) fn with_offset(timestamp: Timestamp) -> String {
    timestamp.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// `2024-01-01T00:00:00Z`, as Zendesk writes it.
pub(super) fn zulu(timestamp: Timestamp) -> String {
    timestamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads a time stamp. Adobe's published format for MailChimp has a colon before the fraction of
/// a second (`...:05:0000000Z`); it is taken like a point.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let colons = text.match_indices(':').map(|(at, _)| at);
    let third = colons.filter(|at| *at > 10).nth(2);
    let fraction = third.filter(|_| text.as_bytes().get(19) == Some(&b':'));
    let pointed = fraction.map(|at| format!("{}.{}", &text[..at], &text[at + 1..]));
    pointed.as_deref().unwrap_or(text).parse().ok()
}

/// The records changed at or after `since` and before `before`, out of `count`.
pub(super) fn between(
    since: Option<Timestamp>,
    before: Option<Timestamp>,
    count: u64,
) -> Range<u64> {
    let end = before.map_or(count, |b| first_at_or_after(b).min(count));
    let start = since.map_or(0, first_at_or_after).min(end);
    start..end
}

fn first_at_or_after(timestamp: Timestamp) -> u64 {
    let fraction = i64::from(timestamp.subsec_nanosecond() > 0);
    let seconds = timestamp.as_second().saturating_add(fraction) - EPOCH;
    let steps = seconds.div_euclid(STEP) + i64::from(seconds.rem_euclid(STEP) > 0);
    u64::try_from(steps).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        assert_eq!(with_offset(changed_at(1)), "2024-01-01T00:01:00+00:00");
        assert_eq!(zulu(days_before(1, 1)), "2023-12-31T00:01:00Z");
    }

    #[test]
    fn read_back() {
        for text in [
            "2024-01-01T00:02:00Z",
            "2024-01-01T00:02:00+00:00",
            "2024-01-01T01:02:00+01:00",
            "2024-01-01T00:02:00.0000000Z",
            "2024-01-01T00:02:00:0000000Z",
        ] {
            assert_eq!(read(text), Some(changed_at(2)), "{text}");
        }
        assert_eq!(read("yesterday"), None);
        assert_eq!(read("ä:ö:ü:ß"), None);
    }

    #[test]
    fn ranges() {
        let time = |text: &str| Some(read(text).unwrap());
        assert_eq!(between(None, None, 10), 0..10);
        assert_eq!(between(time("2024-01-01T00:02:00Z"), None, 10), 2..10);
        assert_eq!(between(time("2024-01-01T00:02:00.5Z"), None, 10), 3..10);
        assert_eq!(between(None, time("2024-01-01T00:02:00Z"), 10), 0..2);
        assert_eq!(between(time("2030-01-01T00:00:00Z"), None, 10), 10..10);
        assert_eq!(between(time("1999-01-01T00:00:00Z"), None, 10), 0..10);
    }
}
