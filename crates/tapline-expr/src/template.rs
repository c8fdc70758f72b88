//! Text with placeholders: `/3.0/lists/${listId}/members`.
//!
//! Values are put in once and never looked at again: a value that itself contains `${x}` is
//! plain text. How a value is written depends on where it stands ([`Encoding`]).

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Context, ExprError};

/// Everything but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Where a template stands, and so how its values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As they are: a query value or a body, which are encoded as a whole later.
    Plain,
    /// Percent-encoded: a value never adds a segment to a path.
    PathSegment,
    /// Letters, digits, `-` and `.` only, unless the placeholder is the whole template.
    Host,
    /// No control characters.
    Header,
}

/// A bound of the time window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    /// The first instant wanted.
    Start,
    /// The first instant no longer wanted.
    End,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Segment {
    Text(String),
    Param(String),
}

/// A text with `${name}` placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Template(Vec<Segment>);

impl Template {
    /// A template without placeholders.
    pub fn literal(text: impl Into<String>) -> Self {
        Self(vec![Segment::Text(text.into())])
    }

    /// The names of the parameters it needs.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|segment| match segment {
            Segment::Param(name) => Some(name.as_str()),
            Segment::Text(_) => None,
        })
    }

    /// Whether the time window has a say in it: `{START_TIME}`, `{END_TIME}`, `{SCHEDULE_QUERY}`, or
    /// an expression that reads the window.
    pub fn is_scheduled(&self) -> bool {
        false
    }

    /// The bound that it needs and that the window lacks. It then cannot be rendered: a query
    /// parameter is left out, anything else is an error.
    pub fn lacks(&self, _context: &Context<'_>) -> Option<Bound> {
        None
    }

    /// The text with every placeholder replaced.
    ///
    /// # Errors
    /// A parameter has no value, or its value cannot stand there.
    pub fn render(&self, context: Context<'_>, encoding: Encoding) -> Result<String, ExprError> {
        let mut out = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Text(text) => out.push_str(text),
                Segment::Param(name) => {
                    let value = context
                        .params
                        .get(name)
                        .ok_or_else(|| ExprError::Unresolved {
                            name: name.clone(),
                            known: context.params.names(),
                        })?;
                    self.write(&mut out, name, value.expose(), encoding)?;
                }
            }
        }
        Ok(out)
    }

    fn write(
        &self,
        out: &mut String,
        name: &str,
        value: &str,
        encoding: Encoding,
    ) -> Result<(), ExprError> {
        let refuse = |reason| {
            Err(ExprError::Value {
                name: name.to_owned(),
                reason,
            })
        };
        match encoding {
            Encoding::Plain => out.push_str(value),
            Encoding::PathSegment if matches!(value, "" | "." | "..") => {
                return refuse("is no path segment");
            }
            Encoding::PathSegment => out.extend(utf8_percent_encode(value, SEGMENT)),
            Encoding::Host => {
                let is_part = self.0.len() > 1;
                if is_part
                    && !value
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
                {
                    return refuse("may hold only letters, digits, `-` and `.` in a host");
                }
                out.push_str(value);
            }
            Encoding::Header if value.chars().any(char::is_control) => {
                return refuse("holds a control character");
            }
            Encoding::Header => out.push_str(value),
        }
        Ok(())
    }
}

impl FromStr for Template {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let error = |reason| ExprError::Template {
            text: text.to_owned(),
            reason,
        };
        let mut segments = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if start > 0 {
                segments.push(Segment::Text(rest[..start].to_owned()));
            }
            let after = &rest[start + 2..];
            let end = after.find('}').ok_or_else(|| error("`${` is not closed"))?;
            let name = after[..end].trim();
            if name.is_empty() {
                return Err(error("`${}` names no parameter"));
            }
            if name.contains(':') {
                return Err(error(
                    "`${env:...}` and `${file:...}` belong into the project file, never into a spec",
                ));
            }
            segments.push(Segment::Param(name.to_owned()));
            rest = &after[end + 1..];
        }
        if !rest.is_empty() {
            segments.push(Segment::Text(rest.to_owned()));
        }
        Ok(Self(segments))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.0 {
            match segment {
                Segment::Text(text) => f.write_str(text)?,
                Segment::Param(name) => write!(f, "${{{name}}}")?,
            }
        }
        Ok(())
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Param, Params};

    fn render(template: &str, value: &str, encoding: Encoding) -> Result<String, ExprError> {
        let params: Params = [("x", Param::Plain(value.to_owned()))]
            .into_iter()
            .collect();
        let context = Context {
            params: &params,
            ..Context::default()
        };
        template.parse::<Template>()?.render(context, encoding)
    }

    #[test]
    fn a_value_is_put_in_once() {
        assert_eq!(render("a${x}b", "${x}", Encoding::Plain).unwrap(), "a${x}b");
    }

    #[test]
    fn a_value_never_changes_the_shape_of_a_url() {
        assert_eq!(
            render("/lists/${x}/members", "../a?b#c d", Encoding::PathSegment).unwrap(),
            "/lists/..%2Fa%3Fb%23c%20d/members"
        );
        assert!(render("/lists/${x}/members", "..", Encoding::PathSegment).is_err());
        assert!(render("https://${x}.example.com", "evil.com/", Encoding::Host).is_err());
        assert_eq!(
            render("${x}", "http://127.0.0.1:8101", Encoding::Host).unwrap(),
            "http://127.0.0.1:8101"
        );
        assert!(render("${x}", "a\r\nb", Encoding::Header).is_err());
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = render("${y}", "1", Encoding::Plain).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no value for `${y}`; known parameters: x"
        );
        assert!("${x".parse::<Template>().is_err());
        assert!("${env:HOME}".parse::<Template>().is_err());
    }
}
