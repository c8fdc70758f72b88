//! Text with placeholders: `/3.0/lists/${listId}/members`.
//!
//! `${name}` is a parameter. `{START_TIME}`, `{END_TIME}` and `{SCHEDULE_QUERY}` are what the time
//! window makes of the schedule. `@{...}` is an expression, and `@@{` the text `@{`.
//!
//! Values are put in once and never looked at again: a value that itself contains `${x}` is
//! plain text. How a value is written depends on where it stands ([`Encoding`]). The author's own
//! words are written as they are, in an expression as outside: `@{if(x, '?a=b', '')}` may add a
//! query to a path, and what a parameter says in that expression may not.

mod encode;
mod parse;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::encode::Encoding;
use crate::{Bound, Context, DateFormat, Expr, ExprError, Schedule};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Segment {
    Text(String),
    /// `${name}`.
    Param(String),
    /// `{START_TIME}` or `{END_TIME}`.
    Bound(Bound),
    /// `{SCHEDULE_QUERY}`.
    ScheduleQuery,
    /// `@{...}`.
    Expr(Expr),
}

/// A text with placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Template(Vec<Segment>);

impl Template {
    /// A template without placeholders.
    pub fn literal(text: impl Into<String>) -> Self {
        Self(vec![Segment::Text(text.into())])
    }

    /// The names of the parameters it cannot do without, those in expressions included.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|segment| match segment {
            Segment::Param(name) => vec![name.as_str()],
            Segment::Expr(expr) => expr.params().collect(),
            _ => Vec::new(),
        })
    }

    /// Whether `bound` has a say in it, where a window has a start: by name, in the text that
    /// `{SCHEDULE_QUERY}` stands for, or in an expression that reads the window.
    pub fn asks(&self, bound: Bound, schedule: Option<&Schedule>) -> bool {
        self.0.iter().any(|segment| match segment {
            Segment::Bound(named) => *named == bound,
            // Within its own text the name stands for nothing.
            Segment::ScheduleQuery => {
                schedule.is_some_and(|schedule| schedule.incremental.asks(bound, None))
            }
            Segment::Expr(expr) => expr.asks(bound),
            Segment::Text(_) | Segment::Param(_) => false,
        })
    }

    /// The bound that it needs and that the window lacks. It then cannot be rendered: a query
    /// parameter is left out, anything else is an error.
    pub fn lacks(&self, context: &Context<'_>) -> Option<Bound> {
        self.lacks_in(context, false)
    }

    fn lacks_in(&self, context: &Context<'_>, is_inner: bool) -> Option<Bound> {
        self.0.iter().find_map(|segment| match segment {
            Segment::Bound(bound) if bound.of(context.window).is_none() => Some(*bound),
            Segment::ScheduleQuery => schedule_text(context, is_inner)?.lacks_in(context, true),
            _ => None,
        })
    }

    /// The text with every placeholder replaced.
    ///
    /// # Errors
    /// A parameter or the window's bound has no value, an expression has none, or a value cannot
    /// stand there.
    pub fn render(&self, context: Context<'_>, encoding: Encoding) -> Result<String, ExprError> {
        let mut out = String::new();
        self.render_in(&mut out, &context, encoding, false)?;
        Ok(out)
    }

    /// Renders this, which is what `{SCHEDULE_QUERY}` stands for if `is_inner`.
    fn render_in(
        &self,
        out: &mut String,
        context: &Context<'_>,
        encoding: Encoding,
        is_inner: bool,
    ) -> Result<(), ExprError> {
        let is_whole = self.0.len() == 1;
        for segment in &self.0 {
            let written = match segment {
                Segment::Text(text) => {
                    out.push_str(text);
                    Ok(())
                }
                Segment::ScheduleQuery => {
                    let text = schedule_text(context, is_inner).ok_or(NO_SCHEDULE)?;
                    text.render_in(out, context, encoding, true)?;
                    Ok(())
                }
                Segment::Param(name) => {
                    encode::value(out, param(name, context)?, encoding, is_whole)
                }
                Segment::Bound(bound) => {
                    encode::value(out, &bound_text(*bound, context)?, encoding, is_whole)
                }
                Segment::Expr(expr) => encode::runs(out, &expr.runs(context)?, encoding, is_whole),
            };
            written.map_err(|reason| ExprError::Value {
                name: segment.to_string(),
                reason,
            })?;
        }
        Ok(())
    }
}

/// Why `{SCHEDULE_QUERY}` has no value where there is no schedule, or within its own text.
const NO_SCHEDULE: ExprError = ExprError::Window {
    name: "SCHEDULE_QUERY",
    reason: "`scheduleParams` of type ADVANCE says what it stands for",
};

fn param<'a>(name: &str, context: &Context<'a>) -> Result<&'a str, ExprError> {
    let param = context.params.get(name);
    let param = param.ok_or_else(|| ExprError::Unresolved {
        name: name.to_owned(),
        known: context.params.names(),
    })?;
    Ok(param.expose())
}

fn bound_text(bound: Bound, context: &Context<'_>) -> Result<String, ExprError> {
    let name = bound.placeholder();
    let reason = match bound {
        Bound::Start => "the window has no start; `backfill` says what stands there without one",
        Bound::End => "the window has no end",
    };
    let edge = bound.of(context.window);
    let edge = edge.ok_or(ExprError::Window { name, reason })?;
    let usual = DateFormat::default();
    let format = context.schedule.map_or(&usual, |schedule| &schedule.format);
    Ok(edge.write(bound, format))
}

/// What `{SCHEDULE_QUERY}` stands for in this window; nothing inside its own text.
fn schedule_text<'a>(context: &Context<'a>, is_inner: bool) -> Option<&'a Template> {
    let schedule = context.schedule.filter(|_| !is_inner)?;
    Some(match context.window.start {
        Some(_) => &schedule.incremental,
        None => &schedule.backfill,
    })
}

impl Bound {
    /// Its placeholder, without braces.
    fn placeholder(self) -> &'static str {
        match self {
            Self::Start => "START_TIME",
            Self::End => "END_TIME",
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&text.replace("@{", "@@{")),
            Self::Param(name) => write!(f, "${{{name}}}"),
            Self::Bound(bound) => write!(f, "{{{}}}", bound.placeholder()),
            Self::ScheduleQuery => f.write_str("{SCHEDULE_QUERY}"),
            Self::Expr(expr) => write!(f, "@{{{}}}", expr.text()),
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| segment.fmt(f))
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
