//! The expression language of Azure Data Factory, as far as a spec of ours needs it.
//!
//! An expression is read once, into a tree in which every function is known and has the arguments
//! it takes, and in which it is plain what is read of a response and which parameters are needed.
//! Nothing loops, so a value costs no more than its expression is long; texts have limits besides.
//!
//! Where this differs from Azure: what is absent from a response is null, with `.` as with `?.`,
//! for a rule is asked about answers of every shape.

mod call;
mod date;
mod eval;
mod function;
mod node;
mod parser;
mod value;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use self::eval::Evaluation;
use self::node::Node;
use self::parser::Parser;
pub(crate) use self::value::Run;
use crate::{Bound, Context, ExprError, Selector};

/// Longest expression, in bytes.
const MAX_LENGTH: usize = 8 * 1024;

/// An expression: `@equals(response().body.ok, false)`, with or without the `@`, or in `@{...}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expr {
    /// Without `@`.
    text: String,
    root: Node,
}

impl Expr {
    /// The value, as JSON. A number that no JSON number of ours can hold becomes its text.
    ///
    /// # Errors
    /// A function is given what it does not take, or something is read that is not there.
    pub fn eval(&self, context: &Context<'_>) -> Result<Value, ExprError> {
        self.evaluate(context, |evaluation| {
            let value = evaluation.value(&self.root)?;
            value.into_json(self.root.column(1))
        })
    }

    /// Whether the value is `true`.
    ///
    /// # Errors
    /// There is no value, or it is neither `true` nor `false`.
    pub fn is_true(&self, context: &Context<'_>) -> Result<bool, ExprError> {
        self.evaluate(context, |evaluation| evaluation.truth(&self.root, 1))
    }

    /// What it may read of a response.
    pub fn selectors(&self) -> Vec<Selector> {
        let mut found = Vec::new();
        self.root.walk(&mut |node| {
            if let Node::Response(selector) = node {
                found.push(selector.clone());
            }
        });
        found
    }

    /// The parameters it cannot do without: not those read with `?.`.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        let mut found = Vec::new();
        self.root.walk(&mut |node| {
            if let Node::Param {
                name,
                optional: false,
                ..
            } = node
            {
                found.push(name.as_str());
            }
        });
        found.into_iter()
    }

    /// As written, without `@`.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it reads this bound of the window.
    pub(crate) fn asks(&self, bound: Bound) -> bool {
        let mut found = false;
        self.root
            .walk(&mut |node| found |= matches!(node, Node::Bound(read) if *read == bound));
        found
    }

    /// Whether it reads a response.
    pub(crate) fn reads_response(&self) -> bool {
        let mut found = false;
        self.root
            .walk(&mut |node| found |= matches!(node, Node::Response(_) | Node::Status));
        found
    }

    /// The value as text, in runs of the author's words and of values. Null is no text.
    pub(crate) fn runs(&self, context: &Context<'_>) -> Result<Vec<Run>, ExprError> {
        self.evaluate(context, |evaluation| {
            Ok(evaluation.value(&self.root)?.into_runs())
        })
    }

    fn evaluate<T>(
        &self,
        context: &Context<'_>,
        with: impl FnOnce(&mut Evaluation<'_>) -> Result<T, Fault>,
    ) -> Result<T, ExprError> {
        with(&mut Evaluation::new(context)).map_err(|fault| fault.about(&self.text))
    }

    /// Reads the expression at the beginning of `text`, up to and without the `}` after it. Also
    /// returns its length in bytes.
    pub(crate) fn in_braces(text: &str) -> Result<(Self, usize), ExprError> {
        let mut parser = Parser::new(text);
        let root = parser.expression().and_then(|root| {
            parser.expect('}', "`}`")?;
            Ok(root)
        });
        let root = root.map_err(|fault| fault.about(text))?;
        let length = parser.position() - '}'.len_utf8();
        let text = text.get(..length).unwrap_or_default().to_owned();
        Ok((Self { text, root }, length))
    }
}

/// What is wrong, and where: in characters, from 1.
#[derive(Debug)]
struct Fault {
    column: usize,
    reason: String,
}

impl Fault {
    fn new(column: usize, reason: impl Into<String>) -> Self {
        Self {
            column,
            reason: reason.into(),
        }
    }

    fn about(self, text: &str) -> ExprError {
        /// Longest text that a message repeats, in characters.
        const SHOWN: usize = 200;
        ExprError::Expression {
            text: text.chars().take(SHOWN).collect(),
            column: self.column,
            reason: self.reason,
        }
    }
}

/// `text` without the `@`, or without `@{` and `}`, and without space around it.
fn inner(text: &str) -> &str {
    let text = text.trim();
    let braced = text.strip_prefix("@{").and_then(|t| t.strip_suffix('}'));
    braced
        .unwrap_or(text.strip_prefix('@').unwrap_or(text))
        .trim()
}

impl FromStr for Expr {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let text = inner(text);
        let mut parser = Parser::new(text);
        let root = parser.expression().and_then(|root| {
            parser.expect_end()?;
            Ok(root)
        });
        Ok(Self {
            root: root.map_err(|fault| fault.about(text))?,
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for Expr {
    /// With `@` in front.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.text)
    }
}

impl Serialize for Expr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Expr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
