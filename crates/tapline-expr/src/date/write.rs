//! A time, written in a compiled format.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::Offset;

use super::pattern::Piece;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Length of a short name of a month or a day.
const SHORT: usize = 3;

/// `timestamp` in UTC.
pub(super) fn pieces(pieces: &[Piece], timestamp: Timestamp) -> String {
    let moment = Offset::UTC.to_datetime(timestamp);
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Field(letter, count) => field(&mut out, *letter, *count, moment),
        }
    }
    out
}

fn field(out: &mut String, letter: char, count: usize, moment: DateTime) {
    let hour = moment.hour();
    match (letter, count) {
        ('y', 1 | 2) => number(out, moment.year().rem_euclid(100), count),
        ('y', _) => number(out, moment.year(), count),
        ('M', 1 | 2) => number(out, moment.month().into(), count),
        ('M', _) => name(out, month(moment), count),
        ('d', 1 | 2) => number(out, moment.day().into(), count),
        ('d', _) => name(out, weekday(moment), count),
        ('H', _) => number(out, hour.into(), count),
        ('h', _) => number(out, (i16::from(hour) + 11) % 12 + 1, count),
        ('m', _) => number(out, moment.minute().into(), count),
        ('s', _) => number(out, moment.second().into(), count),
        ('f', _) => out.push_str(&fraction(moment, count)),
        ('F', _) => trimmed_fraction(out, &fraction(moment, count)),
        ('t', 1) => out.push(if hour < 12 { 'A' } else { 'P' }),
        ('t', _) => out.push_str(if hour < 12 { "AM" } else { "PM" }),
        ('g', _) => out.push_str("A.D."),
        ('z', 1) => out.push_str("+0"),
        ('z', 2) => out.push_str("+00"),
        ('z', _) => out.push_str("+00:00"),
        // `K`, the only other specifier there is.
        _ => out.push('Z'),
    }
}

fn number(out: &mut String, value: i16, width: usize) {
    write!(out, "{value:0width$}").expect("writing to a string cannot fail");
}

fn name(out: &mut String, name: &str, count: usize) {
    let length = if count > SHORT { name.len() } else { SHORT };
    out.push_str(name.get(..length).unwrap_or(name));
}

fn month(moment: DateTime) -> &'static str {
    let index = usize::try_from(moment.month() - 1).unwrap_or_default();
    MONTHS.get(index).copied().unwrap_or_default()
}

fn weekday(moment: DateTime) -> &'static str {
    match moment.weekday() {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

/// The first `count` digits of the second's fraction, not rounded.
fn fraction(moment: DateTime, count: usize) -> String {
    let digits = format!("{:09}", moment.subsec_nanosecond());
    digits.chars().take(count).collect()
}

/// The fraction without zeros at its end, and without the point before it if nothing is left.
fn trimmed_fraction(out: &mut String, digits: &str) {
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() && out.ends_with('.') {
        out.pop();
    }
    out.push_str(digits);
}
