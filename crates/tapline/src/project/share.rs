//! A share of something: `80%`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A share, in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share(f64);

impl Share {
    /// Percent, from 0 to 100.
    pub(crate) fn percent(self) -> f64 {
        self.0
    }

    fn read(text: &str) -> Option<Self> {
        let digits = text.strip_suffix('%')?;
        let is_plain = digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let percent: f64 = digits.parse().ok().filter(|_| is_plain)?;
        (0.0..=100.0).contains(&percent).then_some(Self(percent))
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no share; write 80%")))
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(100(\\.0+)?|[0-9]{1,2}(\\.[0-9]+)?)%$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_number_with_a_percent_sign() {
        for (text, expected) in [("80%", 80.0), ("0%", 0.0), ("12.5%", 12.5), ("100%", 100.0)] {
            assert_eq!(Share::read(text), Some(Share(expected)), "{text}");
        }
        for wrong in ["80", "%", "101%", "-1%", "1e1%", "0x1%", "80 %", "NaN%"] {
            assert_eq!(Share::read(wrong), None, "{wrong}");
        }
    }
}
