//! The first time, not before a given one, that a format can say.
//!
//! A format of days cuts the hours off. As the end of a window that would leave out the rest of
//! the day, so an end is rounded up: too much is asked for, never too little.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::pattern::Piece;
use super::{DateFormat, Kind};

const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;

/// The smallest unit that a format tells apart.
#[derive(Clone, Copy)]
enum Unit {
    /// So many nanoseconds, a day at most.
    Nanoseconds(i128),
    Month,
    Year,
}

impl DateFormat {
    /// `timestamp`, or the next time after it that this format can say. Where there is none, or
    /// the format says no time at all, `timestamp` itself.
    pub fn round_up(&self, timestamp: Timestamp) -> Timestamp {
        let rounded = self.unit().and_then(|unit| match unit {
            Unit::Nanoseconds(unit) => {
                let nanoseconds = timestamp.as_nanosecond();
                let up = nanoseconds + (-nanoseconds).rem_euclid(unit);
                Timestamp::from_nanosecond(up).ok()
            }
            Unit::Month => calendar(timestamp, |date| (date.first_of_month(), 1)),
            Unit::Year => calendar(timestamp, |date| (date.first_of_year(), 12)),
        });
        rounded.unwrap_or(timestamp)
    }

    fn unit(&self) -> Option<Unit> {
        let pieces = match &self.kind {
            Kind::EpochSeconds => return Some(Unit::Nanoseconds(SECOND)),
            Kind::EpochMillis => return Some(Unit::Nanoseconds(SECOND / 1000)),
            Kind::Iso8601 => return Some(Unit::Nanoseconds(1)),
            Kind::Pattern(pieces) => pieces,
        };
        let units = pieces.iter().filter_map(|piece| match piece {
            Piece::Field('f' | 'F', digits) => {
                let digits = u32::try_from(*digits).unwrap_or(9).min(9);
                Some(Unit::Nanoseconds(SECOND / 10_i128.pow(digits)))
            }
            Piece::Field('s', _) => Some(Unit::Nanoseconds(SECOND)),
            Piece::Field('m', _) => Some(Unit::Nanoseconds(60 * SECOND)),
            Piece::Field('h' | 'H', _) => Some(Unit::Nanoseconds(3600 * SECOND)),
            Piece::Field('d', 1..=2) => Some(Unit::Nanoseconds(DAY)),
            Piece::Field('M', _) => Some(Unit::Month),
            Piece::Field('y', _) => Some(Unit::Year),
            _ => None,
        });
        units.min_by_key(|unit| match unit {
            Unit::Nanoseconds(unit) => *unit,
            Unit::Month => 28 * DAY,
            Unit::Year => 365 * DAY,
        })
    }
}

/// The first instant of the period that `period` finds, if `timestamp` is that, or of the one
/// after it, which is so many months later.
fn calendar(timestamp: Timestamp, period: impl Fn(Date) -> (Date, i64)) -> Option<Timestamp> {
    let now = timestamp.to_zoned(TimeZone::UTC).datetime();
    let (first, months) = period(now.date());
    let first = DateTime::from_parts(first, Time::midnight());
    let up = match first == now {
        true => first,
        false => first.checked_add(jiff::Span::new().months(months)).ok()?,
    };
    Some(up.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(format: &str, time: &str, expected: &str) {
        let format: DateFormat = format.parse().unwrap();
        assert_eq!(
            format.round_up(time.parse().unwrap()).to_string(),
            expected,
            "{format}"
        );
    }

    #[test]
    fn an_end_is_never_before_the_time_it_stands_for() {
        let time = "2026-11-22T11:28:42.5Z";
        check("yyyy-MM-dd", time, "2026-11-23T00:00:00Z");
        check("yyyy-MM-dd", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z");
        check("yyyy-MM", "2026-12-22T00:00:00Z", "2027-01-01T00:00:00Z");
        check("yyyy-MM", "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z");
        check("yyyy", time, "2027-01-01T00:00:00Z");
        check("yyyyMMddHH", time, "2026-11-22T12:00:00Z");
        check("yyyy-MM-ddTHH:mmZ", time, "2026-11-22T11:29:00Z");
        check("yyyy-MM-ddTHH:mm:ssK", time, "2026-11-22T11:28:43Z");
        check("yyyy-MM-ddTHH:mm:ss.fK", time, "2026-11-22T11:28:42.5Z");
        check("epoch_s", "1969-12-31T23:59:58.5Z", "1969-12-31T23:59:59Z");
        check("iso8601", time, time);
        check("'now'", time, time);
    }

    proptest! {
        #[test]
        fn rounding_up_is_done_once_and_moves_by_less_than_a_unit(
            seconds in -60_000_000_000_i64..60_000_000_000,
            nanos in 0_i32..1_000_000_000,
        ) {
            let time = Timestamp::new(seconds, nanos).unwrap();
            for format in ["yyyy", "yyyy-MM", "yyyy-MM-dd", "yyyyMMddHHmm", "epoch_s", "o"] {
                let format: DateFormat = format.parse().unwrap();
                let up = format.round_up(time);
                prop_assert!(up >= time);
                prop_assert_eq!(format.round_up(up), up);
                if up > time {
                    prop_assert_ne!(format.format(up), format.format(time));
                }
            }
        }
    }
}
