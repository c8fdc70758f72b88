//! What ends a paging: a test of one value of the response.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ExprError;

/// What a selector found in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed<'a> {
    /// Nothing is there.
    Absent,
    /// A header's text.
    Text(&'a str),
    /// A JSON value, as written in the body.
    Json(&'a str),
}

/// `endConditionValue`, in the vocabulary of Azure Data Factory's end conditions.
///
/// A value that is absent satisfies [`Condition::NonExist`] and [`Condition::Empty`], never
/// [`Condition::Const`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Absent, null, or an empty text, array or object.
    Empty,
    /// Absent.
    NonExist,
    /// There, whatever it is.
    Exist,
    /// There, and equal to this text; strings are compared without their quotes.
    Const(String),
}

impl Condition {
    /// Whether `observed` meets the condition.
    pub fn met(&self, observed: Observed<'_>) -> bool {
        match (self, observed) {
            (Self::Empty | Self::NonExist, Observed::Absent) => true,
            (Self::Exist | Self::Const(_), Observed::Absent) => false,
            (Self::NonExist, _) => false,
            (Self::Exist, _) => true,
            (Self::Empty, Observed::Text(text)) => text.trim().is_empty(),
            (Self::Empty, Observed::Json(json)) => {
                let inner: String = json.chars().filter(|c| !c.is_whitespace()).collect();
                matches!(inner.as_str(), "null" | "\"\"" | "[]" | "{}")
            }
            (Self::Const(wanted), Observed::Text(text)) => text.trim() == wanted,
            (Self::Const(wanted), Observed::Json(json)) => {
                match serde_json::from_str::<String>(json) {
                    Ok(text) => text == *wanted,
                    Err(_) => json.trim() == wanted,
                }
            }
        }
    }
}

impl FromStr for Condition {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        match text {
            "Empty" => Ok(Self::Empty),
            "NonExist" => Ok(Self::NonExist),
            "Exist" => Ok(Self::Exist),
            _ => text
                .strip_prefix("Const:")
                .map(|value| Self::Const(value.to_owned()))
                .ok_or_else(|| ExprError::Condition {
                    text: text.to_owned(),
                }),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::NonExist => f.write_str("NonExist"),
            Self::Exist => f.write_str("Exist"),
            Self::Const(value) => write!(f, "Const:{value}"),
        }
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Observed::{Absent, Json, Text};
    use super::*;

    #[test]
    fn conditions_and_what_meets_them() {
        let cases = [
            ("Empty", Absent, true),
            ("Empty", Json("null"), true),
            ("Empty", Json("[ ]"), true),
            ("Empty", Json("[0]"), false),
            ("Empty", Text(""), true),
            ("NonExist", Absent, true),
            ("NonExist", Json("null"), false),
            ("Exist", Absent, false),
            ("Exist", Json("false"), true),
            ("Const:false", Absent, false),
            ("Const:false", Json("false"), true),
            ("Const:false", Json("\"false\""), true),
            ("Const:false", Json("true"), false),
            ("Const:7", Text("7"), true),
        ];
        for (text, observed, expected) in cases {
            let condition: Condition = text.parse().unwrap();
            assert_eq!(condition.met(observed), expected, "{text} on {observed:?}");
            assert_eq!(condition.to_string(), text);
        }
        assert!("const:false".parse::<Condition>().is_err());
    }
}
