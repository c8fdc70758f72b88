//! JSONPath with wildcards, slices and filters (RFC 9535).
//!
//! A query can lead to many places, so it needs a tree of the whole page. Whatever leads to one
//! place only is a [`Path`](crate::Path), which does without.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json_path::{JsonPath, PathElement};

use crate::{ExprError, Path, Step};

/// Longest query, in bytes.
const MAX_LENGTH: usize = 1024;

/// Deepest nesting of brackets. The time to read a query may double with each.
const MAX_NESTING: usize = 8;

/// `$.groups[*].items`, `$.links[?@.rel == 'next'].href`, `$.results[-1].id`.
#[derive(Clone, Debug)]
pub struct Query {
    text: String,
    parsed: JsonPath,
}

impl Query {
    /// The places in `document` that the query leads to, in order.
    pub fn locate(&self, document: &Value) -> Vec<Vec<Step>> {
        let found = self.parsed.query_located(document);
        let place = |path: &serde_json_path::NormalizedPath<'_>| path.iter().map(step).collect();
        found.locations().map(place).collect()
    }

    /// The path that everything it leads to begins with: `$.groups` of `$.groups[*].items`.
    pub fn fixed_part(&self) -> Path {
        Path::beginning(&self.text)
    }

    /// Whether it may leave out what is there, by what it says.
    pub fn filters(&self) -> bool {
        self.text.contains('?')
    }
}

fn step(element: &PathElement<'_>) -> Step {
    match element {
        PathElement::Name(name) => Step::Key((*name).to_owned()),
        PathElement::Index(index) => Step::Index(*index),
    }
}

impl FromStr for Query {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let error = |reason: String| ExprError::Query {
            text: text.to_owned(),
            reason,
        };
        let trimmed = text.trim();
        let rooted = match trimmed.chars().next() {
            Some('$') => trimmed.to_owned(),
            Some('[') => format!("${trimmed}"),
            _ => format!("$.{trimmed}"),
        };
        if rooted.len() > MAX_LENGTH {
            return Err(error(format!("it has more than {MAX_LENGTH} bytes")));
        }
        if nesting(&rooted) > MAX_NESTING {
            return Err(error(format!("brackets nest deeper than {MAX_NESTING}")));
        }
        let parsed = JsonPath::parse(&rooted).map_err(|wrong| error(wrong.to_string()))?;
        Ok(Self {
            text: rooted,
            parsed,
        })
    }
}

/// How deep the brackets of `text` nest. Those in quotes count too, which errs on the safe side.
fn nesting(text: &str) -> usize {
    let mut depth: usize = 0;
    let mut deepest = 0;
    for character in text.chars() {
        match character {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Query {}

impl Hash for Query {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Query {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Query {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(query: &str, expected: &[&str]) {
        let document = json!({
            "groups": [
                {"name": "a", "items": [{"id": 1}, {"id": 2}]},
                {"name": "b", "items": []},
            ],
            "links": [{"rel": "self", "href": "/1"}, {"rel": "next", "href": "/2"}],
        });
        let query: Query = query.parse().unwrap();
        let found = query.locate(&document);
        let found: Vec<String> = found
            .into_iter()
            .map(|s| Path::from(s).to_string())
            .collect();
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn queries_find_places() {
        check(
            "$.groups[*].items",
            &["$.groups[0].items", "$.groups[1].items"],
        );
        check("groups[-1].name", &["$.groups[1].name"]);
        check(
            "$..id",
            &["$.groups[0].items[0].id", "$.groups[0].items[1].id"],
        );
        check("$.links[?@.rel == 'next'].href", &["$.links[1].href"]);
        check("$.groups[?length(@.items) > 1].name", &["$.groups[0].name"]);
        check("$.links[?match(@.rel, 'ne.*')].href", &["$.links[1].href"]);
        check("$.links[0:1]", &["$.links[0]"]);
        check("$.gone[*]", &[]);
    }

    #[test]
    fn the_beginning_of_a_query_is_a_path() {
        for (query, fixed) in [
            ("$.a.b[*].c", "$.a.b"),
            ("$..a", "$"),
            ("$.a.*", "$.a"),
            ("$.a[?@.b]", "$.a"),
            ("$.a[0][1:2]", "$.a[0]"),
            ("$.a['b','c'].d", "$.a"),
        ] {
            let query: Query = query.parse().unwrap();
            assert_eq!(query.fixed_part().to_string(), fixed);
        }
    }

    #[test]
    fn what_would_take_long_to_read_is_refused_at_once() {
        for (open, close) in [
            ("[?@", "]"),
            ("[?(", ")]"),
            ("[?!(", ")]"),
            ("[?length(", ")]"),
        ] {
            for depth in [2, 4, 8, 200] {
                let text = format!("${}@.a{}", open.repeat(depth), close.repeat(depth));
                let _result = text.parse::<Query>();
            }
        }
        let parens = format!("$[?{}@.a{}]", "(".repeat(7), ")".repeat(7));
        assert!(parens.parse::<Query>().is_ok());
        assert!(
            format!("$[?{}@.a]", "(".repeat(400))
                .parse::<Query>()
                .is_err()
        );
        assert!(format!("${}", ".a".repeat(600)).parse::<Query>().is_err());
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\\$((\\[|\\]|\\*|\\?|@|\\.|\\.\\.|a|'b'|:|,|-|-?9007199254740991|-9223372036854775808|1|0|==|&&|\\(|\\)|!|length|match| ){0,16}|\\PC{0,12})") {
            if let Ok(query) = text.parse::<Query>() {
                let _places = query.locate(&json!({"a": [{"b": 1}, [2, 3]], "b": "a"}));
                prop_assert_eq!(&query.to_string().parse::<Query>().unwrap(), &query);
                let _path = query.fixed_part();
            }
        }

        #[test]
        fn slices_and_indices_stay_inside(a in any::<i64>(), b in -4_i64..4, c in -3_i64..4) {
            for text in [format!("$.a[{a}]"), format!("$.a[{a}:{b}:{c}]"), format!("$.a[{b}:{a}:{c}]"), format!("$.a[{b}:{c}:{a}]")] {
                if let Ok(query) = text.parse::<Query>() {
                    let _places = query.locate(&json!({"a": [1, 2, 3]}));
                }
            }
        }
    }
}
