//! Where a first run begins, as a project writes it: a text or a number.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A value of a cursor, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start(String);

impl Start {
    /// The value as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Start {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

struct Written;

impl Visitor<'_> for Written {
    type Value = Start;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a day or time such as 2024-01-31, or a whole number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Start, E> {
        Ok(Start(text.to_owned()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Start, E> {
        Ok(Start(number.to_string()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Start, E> {
        Ok(Start(number.to_string()))
    }
}

impl JsonSchema for Start {
    fn schema_name() -> Cow<'static, str> {
        "Start".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"] })
    }
}
