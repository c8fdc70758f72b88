//! Reads the many ways in which sources write a point in time.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// Reads a time, a day, or a number of seconds, milliseconds, microseconds or nanoseconds since
/// 1970. What has no zone is taken for UTC.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    match text.as_bytes() {
        [_, _, _, _, b'-', ..] => read_date(text),
        _ => read_number(text),
    }
}

/// Down to a whole second: all that many formats can say. A report then says what was sent, and
/// what came in the rest of that second belongs to the next run.
pub fn whole_second(at: Timestamp) -> Timestamp {
    const SECOND: i128 = 1_000_000_000;
    let whole = at.as_nanosecond().div_euclid(SECOND) * SECOND;
    Timestamp::from_nanosecond(whole).unwrap_or(at)
}

fn read_date(text: &str) -> Option<Timestamp> {
    let after = text.as_bytes().get(10..)?;
    let is_zone = |byte: &u8| matches!(byte, b'Z' | b'z' | b'+' | b'-');
    let civil = if after.is_empty() {
        text.parse::<Date>().ok()?.to_datetime(Time::midnight())
    } else if after.iter().any(is_zone) {
        return text.parse().ok();
    } else {
        text.parse::<DateTime>().ok()?
    };
    Offset::UTC.to_timestamp(civil).ok()
}

/// Reads a number, perhaps with a fraction, by [`unit`].
fn read_number(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let number: i64 = whole.parse().ok()?;
    let per_unit = unit(number);
    let part = nanos(fraction)? * per_unit / unit(0);
    let part = if whole.starts_with('-') { -part } else { part };
    Timestamp::from_nanosecond(i128::from(number) * per_unit + part).ok()
}

/// The time that a number stands for, by [`unit`].
pub(crate) fn of_number(number: i64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(number) * unit(number)).ok()
}

/// How many nanoseconds a number counts: seconds, milliseconds, microseconds or single ones. Its
/// size shows which. Eleven digits of seconds lead beyond the year 5000, and eleven digits of
/// milliseconds no further than 1973.
fn unit(number: i64) -> i128 {
    match number.unsigned_abs() {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    }
}

/// A fraction of one, in billionths; what is finer is left off.
fn nanos(fraction: &str) -> Option<i128> {
    let mut nanos = 0;
    for index in 0..9 {
        let digit = fraction.as_bytes().get(index).unwrap_or(&b'0');
        nanos = nanos * 10 + i128::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
    }
    let mut rest = fraction.bytes().skip(9);
    rest.all(|byte| byte.is_ascii_digit()).then_some(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let found = read(text).map(|at| at.to_string());
        assert_eq!(found.as_deref(), expected, "{text}");
    }

    #[test]
    fn times_are_read_in_the_forms_of_sources() {
        for utc in [
            "2026-01-31T09:00:00Z",
            "2026-01-31T09:00:00.000Z",
            "2026-01-31 09:00:00+00:00",
            "2026-01-31T10:00:00+01:00",
            "2026-01-31T10:00:00+0100",
            "2026-01-31T09:00:00",
            "2026-01-31 09:00",
            "1769850000",
            "1769850000.0",
            "1769850000000",
            "1769850000000000",
            "1769850000000000000",
        ] {
            check(utc, Some("2026-01-31T09:00:00Z"));
        }
        check("2026-01-31", Some("2026-01-31T00:00:00Z"));
        check("1769850000.25", Some("2026-01-31T09:00:00.25Z"));
        check("-1.5", Some("1969-12-31T23:59:58.5Z"));
        check("1769850000123.5", Some("2026-01-31T09:00:00.1235Z"));
        check("0", Some("1970-01-01T00:00:00Z"));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for wrong in [
            "",
            "now",
            "2026-02-30",
            "2026-13-01T00:00:00Z",
            "1.x",
            "2026-01-31T",
            "12:00",
            "99999999999999999999999",
            "-",
            "Sat, 31 Jan 2026 09:00:00 GMT",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn the_end_is_a_whole_second() {
        let cases = [
            ("2026-01-31T09:00:00.999999999Z", "2026-01-31T09:00:00Z"),
            ("2026-01-31T09:00:00Z", "2026-01-31T09:00:00Z"),
            ("1969-12-31T23:59:59.25Z", "1969-12-31T23:59:59Z"),
        ];
        for (now, expected) in cases {
            assert_eq!(
                whole_second(now.parse().unwrap()).to_string(),
                expected,
                "{now}"
            );
        }
    }
}
