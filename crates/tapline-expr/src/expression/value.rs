//! What an expression's parts are worth.

use std::borrow::Cow;

use serde_json::Value;

use super::Fault;
use crate::Observed;

/// A part of a text, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// What it says.
    pub(crate) text: String,
    /// Whether it came from a parameter, a response or a clock, rather than from the author.
    pub(crate) is_given: bool,
}

/// A value. Numbers, lists and objects stay as they were written.
#[derive(Clone, Debug)]
pub(super) enum Worth<'a> {
    Null,
    Bool(bool),
    Number(Cow<'a, str>),
    /// A text; its runs are remembered, so that the author's words and values are told apart.
    Text(Vec<Run>),
    /// A list or an object.
    Nested(Cow<'a, str>),
}

impl<'a> Worth<'a> {
    /// A text that is not the author's.
    pub(super) fn given(text: impl Into<String>) -> Self {
        Self::Text(vec![Run {
            text: text.into(),
            is_given: true,
        }])
    }

    /// A text of the author's.
    pub(super) fn written(text: &str) -> Self {
        Self::Text(vec![Run {
            text: text.to_owned(),
            is_given: false,
        }])
    }

    /// What a response holds. `None`: a text that no text of ours can be.
    pub(super) fn observed(observed: Observed<'a>) -> Option<Self> {
        let json = match observed {
            Observed::Absent => return Some(Self::Null),
            Observed::Text(text) => return Some(Self::given(text)),
            Observed::Json(json) => json.trim(),
        };
        Some(match json.as_bytes().first() {
            Some(b'"') => Self::given(serde_json::from_str::<String>(json).ok()?),
            Some(b'{' | b'[') => Self::Nested(json.into()),
            Some(b't' | b'f') => Self::Bool(json == "true"),
            Some(b'n') | None => Self::Null,
            Some(_) => Self::Number(json.into()),
        })
    }

    /// The same value, read from a tree.
    pub(super) fn of_json(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number.to_string().into()),
            Value::String(text) => Self::given(text.as_str()),
            nested => Self::Nested(nested.to_string().into()),
        }
    }

    /// The value as JSON, for an expression at `column`.
    pub(super) fn into_json(self, column: usize) -> Result<Value, Fault> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(text) => match serde_json::from_str(&text) {
                Ok(number) => number,
                Err(_) => Value::String(text.into_owned()),
            },
            Self::Text(runs) => Value::String(joined(&runs)),
            Self::Nested(text) => tree(&text, column)?,
        })
    }

    /// The value as text: null is none, booleans are spelt as .NET does.
    pub(super) fn into_runs(self) -> Vec<Run> {
        let text = match self {
            Self::Null => return Vec::new(),
            Self::Text(runs) => return runs,
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Number(text) | Self::Nested(text) => text.into_owned(),
        };
        vec![Run {
            text,
            is_given: true,
        }]
    }

    /// Its type, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Nested(text) if text.starts_with('[') => "a list",
            Self::Nested(_) => "an object",
        }
    }
}

/// The whole text.
pub(super) fn joined(runs: &[Run]) -> String {
    runs.iter().map(|run| run.text.as_str()).collect()
}

/// The tree of a list or an object.
pub(super) fn tree(text: &str, column: usize) -> Result<Value, Fault> {
    let unreadable = |_| Fault::new(column, "it holds a number that is too large to be read");
    serde_json::from_str(text).map_err(unreadable)
}
