//! .NET date formats.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ExprError;

/// How a time is written: a .NET date format, `epoch_s`, `epoch_ms` or `iso8601`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DateFormat(String);

impl DateFormat {
    /// `timestamp` in UTC, written this way.
    pub fn format(&self, timestamp: Timestamp) -> String {
        timestamp.to_string()
    }
}

impl FromStr for DateFormat {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for DateFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
