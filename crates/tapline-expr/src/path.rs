//! A plain path into a JSON document: keys and indices, no wildcards.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ExprError;

/// Most steps of a path: looking for it takes a stack frame for each.
const MAX_STEPS: usize = 256;

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A member of an object.
    Key(String),
    /// An element of an array, from 0.
    Index(usize),
}

/// `$`, `$.a.b`, `$['a b'].c`, `$.items[0]`; Adobe's documents also write `a.b` without `$.`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path(Vec<Step>);

impl Path {
    /// The whole document.
    pub const ROOT: Self = Self(Vec::new());

    /// The longest path that `text`, which starts with `$`, begins with.
    pub(crate) fn beginning(text: &str) -> Self {
        let mut steps = Vec::new();
        let mut rest = text.strip_prefix('$').unwrap_or_default();
        while let Ok((step, remaining)) = next_step(rest) {
            steps.push(step);
            rest = remaining;
        }
        Self(steps)
    }

    /// The steps from the root.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The last key, which names what the path leads to.
    pub fn last_key(&self) -> Option<&str> {
        self.0.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
    }
}

impl From<Vec<Step>> for Path {
    fn from(steps: Vec<Step>) -> Self {
        Self(steps)
    }
}

impl FromStr for Path {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let error = |reason| ExprError::Path {
            text: text.to_owned(),
            reason,
        };
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(error("it is empty"));
        }
        let rooted = match trimmed.strip_prefix('$') {
            Some(rest) => rest.to_owned(),
            None if trimmed.starts_with('[') => trimmed.to_owned(),
            None => format!(".{trimmed}"),
        };
        let mut rest = rooted.as_str();
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, remaining) = next_step(rest).map_err(error)?;
            steps.push(step);
            rest = remaining;
            if steps.len() > MAX_STEPS {
                return Err(error("it has more than 256 steps"));
            }
        }
        Ok(Self(steps))
    }
}

/// Splits the first step off `rest`, which starts with `.` or `[`.
fn next_step(rest: &str) -> Result<(Step, &str), &'static str> {
    if let Some(after) = rest.strip_prefix('.') {
        let end = after.find(['.', '[']).unwrap_or(after.len());
        let key = &after[..end];
        if key.is_empty() {
            return Err("a key is missing after `.`");
        }
        if key.contains(['*', '?', '@', ']', '(']) {
            return Err("wildcards and filters are not supported");
        }
        if key.contains('\\') || (key.contains('\'') && key.contains('"')) {
            return Err("a key cannot hold a backslash, or both kinds of quotes");
        }
        return Ok((Step::Key(key.to_owned()), &after[end..]));
    }
    let after = rest.strip_prefix('[').ok_or("expected `.` or `[`")?;
    if let Some(quote) = after.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let inner = &after[1..];
        let end = inner.find(quote).ok_or("a quote is not closed")?;
        if inner[..end].contains('\\') {
            return Err("escapes are not supported");
        }
        let closed = inner[end + 1..].strip_prefix(']').ok_or("`]` is missing")?;
        return Ok((Step::Key(inner[..end].to_owned()), closed));
    }
    if after.starts_with(['*', '?']) {
        return Err("wildcards and filters are not supported");
    }
    let end = after.find(']').ok_or("`]` is missing")?;
    let index = after[..end]
        .parse()
        .map_err(|_| "an index is a number, a key stands in quotes")?;
    Ok((Step::Index(index), &after[end + 1..]))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for step in &self.0 {
            match step {
                Step::Key(key) if is_plain(key) => write!(f, ".{key}")?,
                Step::Key(key) if key.contains('\'') => write!(f, "[\"{key}\"]")?,
                Step::Key(key) => write!(f, "['{key}']")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Path {
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
    fn check(text: &str, canonical: &str) {
        let path: Path = text.parse().unwrap();
        assert_eq!(path.to_string(), canonical);
        assert_eq!(canonical.parse::<Path>().unwrap(), path);
    }

    #[test]
    fn every_spelling_has_one_canonical_form() {
        check("$", "$");
        check("$.a.b", "$.a.b");
        check("paging.next", "$.paging.next");
        check("$['a b'][\"c\"]", "$['a b'].c");
        check("$.items[0].id", "$.items[0].id");
        check("$['@odata.nextLink']", "$['@odata.nextLink']");
        check("[0].a", "$[0].a");
        check("['a']", "$.a");
        check("it's", "$[\"it's\"]");
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in [
            "",
            "$.",
            "$..a",
            "$.a[",
            "$.a['b]",
            "$.a[*]",
            "$.*",
            "$x",
            r"$['a\\b']",
            r"$.a\b",
            r#"$.a'b""#,
            &format!("${}", ".a".repeat(MAX_STEPS + 1)),
        ] {
            assert!(text.parse::<Path>().is_err(), "{text}");
        }
    }
}
