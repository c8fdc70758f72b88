//! Where records are: a plain path, or a query that leads to many places.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ExprError, Path, Query};

/// A place in the body. What can be read as a plain path is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Keys and indices: found while the page is scanned.
    Path(Path),
    /// Anything more: needs a tree of the page.
    Query(Query),
}

impl Place {
    /// The last key of a plain path, which names what it leads to.
    pub fn last_key(&self) -> Option<&str> {
        match self {
            Self::Path(path) => path.last_key(),
            Self::Query(_) => None,
        }
    }
}

impl FromStr for Place {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let plain = match text.parse() {
            Ok(path) => return Ok(Self::Path(path)),
            Err(error) => error,
        };
        match text.parse() {
            Ok(query) => Ok(Self::Query(query)),
            Err(error) if text.contains(QUERY_MARKS) || text.contains("..") => Err(error),
            Err(_) => Err(plain),
        }
    }
}

/// Characters that only a query has.
const QUERY_MARKS: [char; 6] = ['*', '?', '@', ':', ',', '('];

impl From<Path> for Place {
    fn from(path: Path) -> Self {
        Self::Path(path)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.fmt(f),
            Self::Query(query) => query.fmt(f),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, is_plain: bool) {
        let place: Place = text.parse().unwrap();
        assert_eq!(matches!(place, Place::Path(_)), is_plain, "{text}");
        assert_eq!(place.to_string().parse::<Place>().unwrap(), place);
    }

    #[test]
    fn a_plain_path_stays_plain() {
        check("$", true);
        check("$.a.b[0]['c d']", true);
        check("paging.next", true);
        check("$['@odata.nextLink']", true);
        check("$.a[*].b", false);
        check("groups[*].items", false);
        check("$.results[-1].id", false);
        check("$..items", false);
        check("$.a['b','c']", false);
        check("$.a[1:3]", false);
        check(r"$['a\\b']", false);
        check(r"$['it\'s']", false);
        check("$.links[?@.rel == 'next'].href", false);
    }

    #[test]
    fn what_is_neither_says_what_it_most_likely_was_meant_to_be() {
        let message = |text: &str| text.parse::<Place>().unwrap_err().to_string();
        assert!(message("$.a[").contains("is not a path"));
        assert!(message("$.a[?@.b ==]").contains("is not a JSONPath"));
    }
}
