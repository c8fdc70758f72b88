//! Text to template.

use std::str::FromStr;

use super::{Segment, Template};
use crate::{Bound, Expr, ExprError};

/// Placeholders that are always the same.
const FIXED: [(&str, Segment); 3] = [
    ("{START_TIME}", Segment::Bound(Bound::Start)),
    ("{END_TIME}", Segment::Bound(Bound::End)),
    ("{SCHEDULE_QUERY}", Segment::ScheduleQuery),
];

impl FromStr for Template {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let mut segments = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (found, length) = placeholder(text, rest)?;
            match found {
                Some(segment) => {
                    if !literal.is_empty() {
                        segments.push(Segment::Text(std::mem::take(&mut literal)));
                    }
                    segments.push(segment);
                }
                None if rest.starts_with("@@{") => literal.push_str("@{"),
                None => literal.push_str(&rest[..length]),
            }
            rest = &rest[length..];
        }
        if !literal.is_empty() {
            segments.push(Segment::Text(literal));
        }
        Ok(Self(segments))
    }
}

/// The placeholder at the beginning of `rest`, and its length; without one, the length of what
/// stands for itself.
fn placeholder(text: &str, rest: &str) -> Result<(Option<Segment>, usize), ExprError> {
    if rest.starts_with("@@{") {
        return Ok((None, "@@{".len()));
    }
    if let Some(after) = rest.strip_prefix("${") {
        let (name, length) = param(after).map_err(|reason| ExprError::Template {
            text: text.to_owned(),
            reason,
        })?;
        return Ok((Some(Segment::Param(name)), "${}".len() + length));
    }
    if let Some(after) = rest.strip_prefix("@{") {
        let (expr, length) = Expr::in_braces(after)?;
        if expr.reads_response() {
            return Err(ExprError::Template {
                text: text.to_owned(),
                reason: "`response()` can be read by rules only: a request has no answer yet",
            });
        }
        return Ok((Some(Segment::Expr(expr)), "@{}".len() + length));
    }
    if let Some((mark, segment)) = FIXED.iter().find(|(mark, _)| rest.starts_with(mark)) {
        return Ok((Some(segment.clone()), mark.len()));
    }
    let first = rest.chars().next().map_or(0, char::len_utf8);
    let next = rest[first..].find(['$', '@', '{']);
    Ok((None, next.map_or(rest.len(), |next| first + next)))
}

/// The name that `after` begins with, and its length up to the `}`.
fn param(after: &str) -> Result<(String, usize), &'static str> {
    let end = after.find('}').ok_or("`${` is not closed")?;
    let name = after[..end].trim();
    if name.is_empty() {
        return Err("`${}` names no parameter");
    }
    if name.contains(':') {
        return Err(
            "`${env:...}` and `${file:...}` belong into the project file, never into a spec",
        );
    }
    Ok((name.to_owned(), end))
}
