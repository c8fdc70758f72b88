//! How a time is written: .NET's date formats, and the three names that APIs need besides.
//!
//! A format is compiled when it is read, so that writing a time cannot fail. Where .NET would
//! silently print a letter that is no specifier, we refuse it: `YYYY-MM-DD` would send `YYYY-05-DD`
//! to the server. Only `T` and `Z` stand for themselves, as every published format has them bare.

mod hint;
mod pattern;
mod round;
mod write;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::pattern::Piece;
use crate::ExprError;

/// How a time is written: a .NET date format, custom (`yyyy-MM-ddTHH:mm:ssK`) or of one letter
/// (`o`), or one of `epoch_s`, `epoch_ms` and `iso8601`. Times are in UTC, names are English.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DateFormat {
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// Seconds since 1970.
    EpochSeconds,
    /// Milliseconds since 1970.
    EpochMillis,
    /// RFC 3339 in UTC, with as many digits of a second as there are.
    Iso8601,
    /// .NET's.
    Pattern(Vec<Piece>),
}

impl DateFormat {
    /// `timestamp` in UTC, written this way.
    pub fn format(&self, timestamp: Timestamp) -> String {
        match &self.kind {
            Kind::EpochSeconds => epoch(timestamp, 1_000_000_000),
            Kind::EpochMillis => epoch(timestamp, 1_000_000),
            Kind::Iso8601 => timestamp.to_string(),
            Kind::Pattern(pieces) => write::pieces(pieces, timestamp),
        }
    }

    /// What is most likely a slip in it: .NET takes it, and two times look the same.
    pub fn slip(&self) -> Option<&'static str> {
        let Kind::Pattern(pieces) = &self.kind else {
            return None;
        };
        let has = |wanted: &[char]| {
            let mut pieces = pieces.iter();
            pieces.any(|piece| matches!(piece, Piece::Field(letter, _) if wanted.contains(letter)))
        };
        if has(&['m']) && !has(&['h', 'H']) {
            return Some("`mm` are minutes, and there is no hour: the month is `MM`");
        }
        let is_ambiguous = has(&['h']) && !has(&['t', 'H']);
        is_ambiguous.then_some("`hh` is the hour of 12, without `tt`: the hour of 24 is `HH`")
    }
}

impl Default for DateFormat {
    /// `iso8601`.
    fn default() -> Self {
        Self {
            text: "iso8601".to_owned(),
            kind: Kind::Iso8601,
        }
    }
}

/// Whole units of `nanoseconds` since 1970, rounded down.
fn epoch(timestamp: Timestamp, nanoseconds: i128) -> String {
    timestamp
        .as_nanosecond()
        .div_euclid(nanoseconds)
        .to_string()
}

impl FromStr for DateFormat {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let kind = match text {
            "epoch_s" => Kind::EpochSeconds,
            "epoch_ms" => Kind::EpochMillis,
            "iso8601" => Kind::Iso8601,
            pattern => {
                Kind::Pattern(pattern::compile(pattern).map_err(|reason| ExprError::Date {
                    text: text.to_owned(),
                    reason,
                })?)
            }
        };
        Ok(Self {
            text: text.to_owned(),
            kind,
        })
    }
}

impl fmt::Display for DateFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for DateFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DateFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
