//! The expression language.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::{Context, ExprError, Selector};

/// An expression in the language of Azure Data Factory: `@{if(empty(x), 'a', 'b')}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expr(String);

impl Expr {
    /// The value, as JSON.
    ///
    /// # Errors
    /// A function is given what it does not take, or something is read that is not there.
    pub fn eval(&self, _context: &Context<'_>) -> Result<Value, ExprError> {
        Ok(Value::Null)
    }

    /// Whether the value is `true`.
    ///
    /// # Errors
    /// There is no value, or it is neither `true` nor `false`.
    pub fn is_true(&self, _context: &Context<'_>) -> Result<bool, ExprError> {
        Ok(false)
    }

    /// What it may read of a response.
    pub fn selectors(&self) -> Vec<Selector> {
        Vec::new()
    }

    /// The parameters it cannot do without.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }
}

impl FromStr for Expr {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
