//! What a spec can point at in a response: a place in the body, or a header.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ExprError, Path, Place, Query};

/// `$.meta.total` in the body, or `headers.x-pagecount`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// A place in the body.
    Body(Path),
    /// A place in the body that only a query finds.
    Query(Query),
    /// A header, by lower-case name.
    Header(String),
}

impl FromStr for Selector {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let trimmed = text.trim();
        let header = ["headers.", "Headers."]
            .iter()
            .find_map(|prefix| trimmed.strip_prefix(prefix));
        match header {
            Some("") => Err(ExprError::Path {
                text: text.to_owned(),
                reason: "a header name is missing",
            }),
            Some(name) => Ok(Self::Header(name.to_ascii_lowercase())),
            None => Ok(match trimmed.parse()? {
                Place::Path(path) => Self::Body(path),
                Place::Query(query) => Self::Query(query),
            }),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(path) => path.fmt(f),
            Self::Query(query) => query.fmt(f),
            Self::Header(name) => write!(f, "headers.{name}"),
        }
    }
}

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_by_prefix_in_any_case() {
        assert_eq!(
            "headers.X-PageCount".parse(),
            Ok(Selector::Header("x-pagecount".to_owned()))
        );
        assert_eq!(
            "$.headers.x".parse::<Selector>().unwrap().to_string(),
            "$.headers.x"
        );
        assert!("headers.".parse::<Selector>().is_err());
    }
}
