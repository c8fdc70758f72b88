//! The tree of an expression.

use super::function::Function;
use crate::{Bound, Selector};

/// A part of an expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// A text of the author's.
    Text(String),
    /// `pipeline().parameters.name`.
    Param {
        /// Its name.
        name: String,
        /// Read with `?.`: null where it is not given.
        optional: bool,
        /// Where it stands.
        column: usize,
    },
    /// `pipeline().parameters.ingestionStart` or `ingestionEnd`; null where it is open.
    Bound(Bound),
    /// `response().status`.
    Status,
    /// `response().body.a.b` or `response().headers['x-y']`; null where there is none.
    Response(Selector),
    /// `of.key` or `of[key]`.
    Member {
        /// What it is taken from.
        of: Box<Node>,
        /// A name or an index.
        key: Box<Node>,
        /// Taken with `?.`: null where there is none.
        optional: bool,
        /// Where it stands.
        column: usize,
    },
    /// `function(args)`.
    Call {
        /// What is called.
        function: Function,
        /// What with, as many as it takes.
        args: Vec<Node>,
        /// Where it stands.
        column: usize,
    },
}

/// The types that a value can be known to have beforehand, besides null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Number,
    Text,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::Text => "a text",
        }
    }
}

impl Node {
    /// Calls `see` with this and all that it is made of.
    pub(super) fn walk<'a>(&'a self, see: &mut impl FnMut(&'a Self)) {
        see(self);
        match self {
            Self::Member { of, key, .. } => {
                of.walk(see);
                key.walk(see);
            }
            Self::Call { args, .. } => args.iter().for_each(|arg| arg.walk(see)),
            _ => {}
        }
    }

    /// Where it stands, or else `outside`, where what it is part of stands.
    pub(super) fn column(&self, outside: usize) -> usize {
        match self {
            Self::Param { column, .. }
            | Self::Member { column, .. }
            | Self::Call { column, .. } => *column,
            _ => outside,
        }
    }

    /// The type of its value, if that is known and the value is not null.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Bool(_) => Some(Kind::Bool),
            Self::Number(_) | Self::Status => Some(Kind::Number),
            Self::Text(_)
            | Self::Param { .. }
            | Self::Bound(_)
            | Self::Response(Selector::Header(_)) => Some(Kind::Text),
            Self::Call { function, .. } => function.kind(),
            Self::Null | Self::Response(_) | Self::Member { .. } => None,
        }
    }
}
