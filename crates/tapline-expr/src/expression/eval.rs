//! Tree to value.

use std::borrow::Cow;

use serde_json::Value;

use super::node::Node;
use super::value::{Worth, joined, tree};
use super::{Fault, date};
use crate::{Bound, Context, Selector};

/// Most bytes that one evaluation may join, take apart or compare.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Most names that a message lists.
const SHOWN: usize = 12;

/// One evaluation.
pub(super) struct Evaluation<'a> {
    pub(super) context: &'a Context<'a>,
    spent: usize,
}

pub(super) type Evaluated<'a> = Result<Worth<'a>, Fault>;

impl<'a> Evaluation<'a> {
    pub(super) fn new(context: &'a Context<'a>) -> Self {
        Self { context, spent: 0 }
    }

    /// The value of `node`.
    pub(super) fn value(&mut self, node: &Node) -> Evaluated<'a> {
        match node {
            Node::Null => Ok(Worth::Null),
            Node::Bool(value) => Ok(Worth::Bool(*value)),
            Node::Number(text) => Ok(Worth::Number(Cow::Owned(text.clone()))),
            Node::Text(text) => Ok(Worth::written(text)),
            Node::Param {
                name,
                optional,
                column,
            } => self.param(name, *optional, *column),
            Node::Bound(bound) => Ok(self.bound(*bound)),
            Node::Status => self.status(),
            Node::Response(selector) => self.response(selector),
            Node::Member {
                of,
                key,
                optional,
                column,
            } => {
                let of = self.value(of)?;
                let key = self.value(key)?;
                self.member(&of, &key, *optional, *column)
            }
            Node::Call {
                function,
                args,
                column,
            } => self.call(*function, args, *column),
        }
    }

    /// Whether `node` is true, which is part of what stands at `column`.
    pub(super) fn truth(&mut self, node: &Node, column: usize) -> Result<bool, Fault> {
        match self.value(node)? {
            Worth::Bool(value) => Ok(value),
            other => Err(Fault::new(
                node.column(column),
                format!("expected true or false, found {}", other.kind()),
            )),
        }
    }

    /// Takes note of `bytes` that are about to be handled.
    pub(super) fn spend(&mut self, bytes: usize, column: usize) -> Result<(), Fault> {
        self.spent = self.spent.saturating_add(bytes);
        if self.spent > MAX_BYTES {
            return Err(Fault::new(
                column,
                format!("it handles more than {MAX_BYTES} bytes"),
            ));
        }
        Ok(())
    }

    fn param(&self, name: &str, optional: bool, column: usize) -> Evaluated<'a> {
        let params = self.context.params;
        match params.get(name) {
            Some(param) => Ok(Worth::given(param.expose())),
            None if optional => Ok(Worth::Null),
            None => Err(Fault::new(
                column,
                format!(
                    "no value for the parameter `{name}`; known parameters: {}; `?.` reads null \
                     where there is none",
                    params.names()
                ),
            )),
        }
    }

    fn bound(&self, bound: Bound) -> Worth<'a> {
        let edge = bound.of(self.context.window);
        edge.map_or(Worth::Null, |edge| Worth::given(edge.to_string()))
    }

    fn status(&self) -> Evaluated<'a> {
        let response = self.context.response.ok_or_else(no_response)?;
        Ok(Worth::Number(response.status().to_string().into()))
    }

    fn response(&self, selector: &Selector) -> Evaluated<'a> {
        let response = self.context.response.ok_or_else(no_response)?;
        Worth::observed(response.value(selector))
            .ok_or_else(|| Fault::new(1, format!("what stands at `{selector}` is not Unicode")))
    }

    fn member(
        &mut self,
        of: &Worth<'a>,
        key: &Worth<'a>,
        optional: bool,
        column: usize,
    ) -> Evaluated<'a> {
        let text = match of {
            Worth::Null if optional => return Ok(Worth::Null),
            Worth::Nested(text) => text,
            other => {
                let hint = "; `?.` and `?[` read null there";
                let hint = if matches!(other, Worth::Null) {
                    hint
                } else {
                    ""
                };
                let reason = format!("{} has no members{hint}", other.kind());
                return Err(Fault::new(column, reason));
            }
        };
        self.spend(text.len(), column)?;
        let of = tree(text, column)?;
        let found = match (&of, key) {
            (Value::Object(members), Worth::Text(runs)) => members.get(&joined(runs)),
            (Value::Array(items), Worth::Number(index)) => {
                let index: Option<usize> = index.parse().ok();
                index.and_then(|index| items.get(index))
            }
            (_, key) => {
                let kind = if of.is_array() { "a list" } else { "an object" };
                let reason = format!("{kind} has no member that {} names", key.kind());
                return Err(Fault::new(column, reason));
            }
        };
        match found {
            Some(value) => Ok(Worth::of_json(value)),
            None if optional => Ok(Worth::Null),
            None => Err(Fault::new(column, absent(&of))),
        }
    }

    /// The text of a format, or what `default` says.
    pub(super) fn format(
        &mut self,
        node: Option<&Node>,
        column: usize,
    ) -> Result<crate::DateFormat, Fault> {
        let text = match node {
            None => date::DEFAULT.to_owned(),
            Some(node) => match self.value(node)? {
                Worth::Text(runs) => joined(&runs),
                other => {
                    let reason = format!("a date format is a text, not {}", other.kind());
                    return Err(Fault::new(column, reason));
                }
            },
        };
        text.parse()
            .map_err(|error: crate::ExprError| Fault::new(column, error.to_string()))
    }
}

fn no_response() -> Fault {
    Fault::new(
        1,
        "there is no answer to read here: `response()` is for rules",
    )
}

fn absent(of: &Value) -> String {
    match of {
        Value::Object(members) => {
            let names: Vec<&str> = members.keys().map(String::as_str).take(SHOWN).collect();
            format!("there is no such member; there are: {}", names.join(", "))
        }
        Value::Array(items) => format!("there is no such element; there are {}", items.len()),
        _ => "there is no such member".to_owned(),
    }
}
