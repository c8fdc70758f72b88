//! A cursor: the value of a record that tells new records from old ones.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tapline_spec::{CursorType, Step};

use crate::instant;

/// A value of a cursor. Serialised as `{"type": "integer", "value": "42"}`.
///
/// Timestamps and integers are in their natural order. Texts have an order too, so that they can
/// be sorted, but it means nothing: only the source knows which of two is newer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Cursor {
    /// A point in time.
    Timestamp(Timestamp),
    /// A whole number of any size.
    Integer(Integer),
    /// A text that only the source can order.
    String(String),
}

impl Cursor {
    /// What kind of value it is.
    pub fn cursor_type(&self) -> CursorType {
        match self {
            Self::Timestamp(_) => CursorType::Timestamp,
            Self::Integer(_) => CursorType::Integer,
            Self::String(_) => CursorType::String,
        }
    }

    /// Reads a row's value, or what an operator wrote. `None`: it is no cursor of this type.
    pub fn read(cursor_type: CursorType, text: &str) -> Option<Self> {
        match cursor_type {
            CursorType::Timestamp => instant::read(text).map(Self::Timestamp),
            CursorType::Integer => text.parse().ok().map(Self::Integer),
            CursorType::String => (!text.is_empty()).then(|| Self::String(text.to_owned())),
        }
    }

    /// The same of a number. `None`: it is no cursor of this type.
    pub fn of_number(cursor_type: CursorType, number: i64) -> Option<Self> {
        match cursor_type {
            CursorType::Timestamp => instant::of_number(number).map(Self::Timestamp),
            CursorType::Integer => Some(Self::Integer(Integer::from(i128::from(number)))),
            CursorType::String => Some(Self::String(number.to_string())),
        }
    }

    /// Bytes that are in the order of the cursors of its type, for databases that sort them. `None`: only
    /// the source knows the order. Numbers of more than 38 digits are all the same.
    pub fn rank(&self) -> Option<[u8; 16]> {
        let number = match self {
            Self::Timestamp(at) => at.as_nanosecond(),
            Self::Integer(number) => number.clamped(),
            Self::String(_) => return None,
        };
        let unsigned = number.cast_unsigned() ^ (1 << 127);
        Some(unsigned.to_be_bytes())
    }

    /// The cursor `step` before this one, as far as there is one. `None`: there is no such
    /// distance between cursors of this type.
    pub fn minus(&self, step: Step) -> Option<Self> {
        self.shifted(step, -1)
    }

    /// The cursor `step` after this one, as far as there is one.
    pub fn plus(&self, step: Step) -> Option<Self> {
        self.shifted(step, 1)
    }

    fn shifted(&self, step: Step, sign: i64) -> Option<Self> {
        match (self, step) {
            (Self::Timestamp(at), Step::Seconds(seconds)) => {
                let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
                let by = SignedDuration::from_secs(seconds.saturating_mul(sign));
                let shifted = at.saturating_add(by).unwrap_or(*at);
                Some(Self::Timestamp(shifted))
            }
            (Self::Integer(at), Step::Count(count)) => {
                let by = i128::from(count) * i128::from(sign);
                Some(Self::Integer(Integer::from(
                    at.to_i128()?.saturating_add(by),
                )))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timestamp(at) => at.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::String(text) => f.write_str(text),
        }
    }
}

/// A whole number of any size, stored as text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Integer(Number);

/// A number that is small whenever it can be, so that equal ones are alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Number {
    Small(i128),
    /// Digits without zeros before them.
    Big {
        is_negative: bool,
        digits: String,
    },
}

impl Integer {
    /// The number, if it is not too large.
    pub fn to_i128(&self) -> Option<i128> {
        match self.0 {
            Number::Small(number) => Some(number),
            Number::Big { .. } => None,
        }
    }

    fn clamped(&self) -> i128 {
        match self.0 {
            Number::Small(number) => number,
            Number::Big {
                is_negative: true, ..
            } => i128::MIN,
            Number::Big { .. } => i128::MAX,
        }
    }
}

impl From<i128> for Integer {
    fn from(number: i128) -> Self {
        Self(Number::Small(number))
    }
}

impl FromStr for Integer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(number) = text.parse() {
            return Ok(Self(Number::Small(number)));
        }
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("`{text}` is no whole number"));
        }
        let digits = digits.trim_start_matches('0').to_owned();
        Ok(Self(Number::Big {
            is_negative,
            digits,
        }))
    }
}

impl TryFrom<String> for Integer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Integer> for String {
    fn from(integer: Integer) -> Self {
        integer.to_string()
    }
}

impl Ord for Integer {
    fn cmp(&self, other: &Self) -> Ordering {
        use Number::{Big, Small};
        let by_sign = |is_negative: &bool| match is_negative {
            true => Ordering::Less,
            false => Ordering::Greater,
        };
        match (&self.0, &other.0) {
            (Small(a), Small(b)) => a.cmp(b),
            (Big { is_negative, .. }, Small(_)) => by_sign(is_negative),
            (Small(_), Big { is_negative, .. }) => by_sign(is_negative).reverse(),
            (
                Big {
                    is_negative: a,
                    digits: of_a,
                },
                Big {
                    is_negative: b,
                    digits: of_b,
                },
            ) => {
                let by_size = of_a.len().cmp(&of_b.len()).then_with(|| of_a.cmp(of_b));
                b.cmp(a).then(if *a { by_size.reverse() } else { by_size })
            }
        }
    }
}

impl PartialOrd for Integer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Number::Small(number) => number.fmt(f),
            Number::Big {
                is_negative,
                digits,
            } => write!(f, "{}{digits}", if *is_negative { "-" } else { "" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integer(text: &str) -> Integer {
        text.parse().unwrap()
    }

    #[test]
    fn integers_of_any_size_are_numbers() {
        const BIG: &str = "00100000000000000000000000000000000000000000";
        let ascending = [
            "-200000000000000000000000000000000000000000",
            "-100000000000000000000000000000000000000001",
            "-10",
            "-9",
            "0",
            "9",
            "10",
            "99999999999999999999999",
            "170141183460469231731687303715884105727",
            "170141183460469231731687303715884105728",
            "100000000000000000000000000000000000000000",
        ];
        for (index, a) in ascending.iter().enumerate() {
            for (other, b) in ascending.iter().enumerate() {
                assert_eq!(integer(a).cmp(&integer(b)), index.cmp(&other), "{a} {b}");
            }
        }
        for (written, shown) in [
            ("007", "7"),
            ("-0", "0"),
            ("+5", "5"),
            ("-01", "-1"),
            (BIG, &BIG[2..]),
        ] {
            assert_eq!(integer(written).to_string(), shown);
        }
        for wrong in ["", "-", "1.5", "1e3", "0x1", " 1", "--1"] {
            assert!(wrong.parse::<Integer>().is_err(), "{wrong}");
        }
    }

    #[track_caller]
    fn check(cursor_type: CursorType, text: &str, expected: Option<&str>) {
        let cursor = Cursor::read(cursor_type, text);
        let shown = cursor.as_ref().map(ToString::to_string);
        assert_eq!(shown.as_deref(), expected, "{text}");
        if let Some(cursor) = cursor {
            assert_eq!(cursor.cursor_type(), cursor_type);
            let stored = serde_json::to_string(&cursor).unwrap();
            assert_eq!(serde_json::from_str::<Cursor>(&stored).unwrap(), cursor);
            // What is shown is read again: people copy it into options.
            assert_eq!(Cursor::read(cursor_type, &cursor.to_string()), Some(cursor));
        }
    }

    #[test]
    fn values_are_read_by_type() {
        let (at, number) = (CursorType::Timestamp, CursorType::Integer);
        check(at, "2026-01-31", Some("2026-01-31T00:00:00Z"));
        check(at, "yesterday", None);
        check(number, "0042", Some("42"));
        check(number, "2026-01-31", None);
        check(CursorType::String, "xyz", Some("xyz"));
        check(CursorType::String, "", None);
    }

    #[test]
    fn steps_are_taken_as_far_as_the_type_goes() {
        let at = |text| Cursor::read(CursorType::Timestamp, text).unwrap();
        let number = |text| Cursor::read(CursorType::Integer, text).unwrap();
        let (day, ten) = (Step::Seconds(86_400), Step::Count(10));
        assert_eq!(at("2026-03-01").minus(day), Some(at("2026-02-28")));
        assert_eq!(at("2026-02-28").plus(day), Some(at("2026-03-01")));
        assert_eq!(number("5").minus(ten), Some(number("-5")));
        assert_eq!(at("2026-03-01").minus(ten), None);
        assert_eq!(number("5").plus(day), None);
        assert_eq!(Cursor::String("a".to_owned()).minus(ten), None);
        let whole = Step::Seconds(u64::MAX);
        let first = at("2026-03-01").minus(whole);
        assert_eq!(first, Some(Cursor::Timestamp(Timestamp::MIN)));
    }
}
