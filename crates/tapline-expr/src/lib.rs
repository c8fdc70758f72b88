//! The small languages of a source spec: paths into a response, placeholders in a request,
//! conditions that end a paging. Pure: text and values in, text and values out.
//!
//! A spec is read once into [`Path`], [`Selector`], [`Template`] and [`Condition`]; from then on
//! nothing is parsed again. All of them serialise as the text they were read from.

mod condition;
mod context;
mod date;
mod expression;
mod params;
mod path;
mod place;
mod query;
mod schedule;
mod secret;
mod selector;
mod template;

pub use condition::{Condition, Observed};
pub use context::{Bound, Context, Edge, Response, Span};
pub use date::DateFormat;
pub use expression::Expr;
pub use params::{Param, Params};
pub use path::{Path, Step};
pub use place::Place;
pub use query::Query;
pub use schedule::Schedule;
pub use secret::Secret;
pub use selector::Selector;
pub use template::{Encoding, Template};

use thiserror::Error;

/// Why an expression cannot be read or rendered. The caller adds the place.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExprError {
    /// The text is not a path.
    #[error("`{text}` is not a path: {reason}; write `$.a.b`, `$['a b']` or `$.a[0]`")]
    Path {
        /// What was written.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The text is not a JSONPath.
    #[error("`{text}` is not a JSONPath: {reason}")]
    Query {
        /// What was written.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The text is not a date format.
    #[error("`{text}` is not a date format: {reason}")]
    Date {
        /// What was written.
        text: String,
        /// What is wrong with it, and what to write instead.
        reason: String,
    },
    /// An expression cannot be read, or has no value.
    #[error("`{text}`, column {column}: {reason}")]
    Expression {
        /// What was written.
        text: String,
        /// Where in it, in characters from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A placeholder of the time window has no value.
    #[error("`{{{name}}}` has no value: {reason}")]
    Window {
        /// The placeholder.
        name: &'static str,
        /// Why not, and what to do.
        reason: &'static str,
    },
    /// A placeholder is not closed, or empty.
    #[error("`{text}`: {reason}")]
    Template {
        /// What was written.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A condition is not one of those known.
    #[error("`{text}` is not an end condition; known: Empty, NonExist, Exist, Const:<value>")]
    Condition {
        /// What was written.
        text: String,
    },
    /// A placeholder names no parameter.
    #[error("no value for `${{{name}}}`; known parameters: {known}")]
    Unresolved {
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A value cannot stand where its placeholder stands.
    #[error("the value of `{name}` {reason}")]
    Value {
        /// The placeholder, as written.
        name: String,
        /// Why not.
        reason: &'static str,
    },
}
