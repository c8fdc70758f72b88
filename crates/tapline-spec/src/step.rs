//! A distance on the scale of a cursor: a time, or a number.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use crate::CursorType;

/// The units of time, largest first, and their seconds.
const UNITS: [(&str, u64); 5] = [
    ("w", 604_800),
    ("d", 86_400),
    ("h", 3_600),
    ("m", 60),
    ("s", 1),
];

/// Most digits of a time: with weeks that is 19,000 years.
const DIGITS: usize = 6;

/// A distance between two cursors: `7d`, or `1000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A time, in seconds. Written with its unit: `90s`, `15m`, `1h`, `7d`, `2w`.
    Seconds(u64),
    /// A distance between whole numbers.
    Count(u64),
}

impl Step {
    /// Whether it is no distance at all.
    pub fn is_zero(self) -> bool {
        matches!(self, Self::Seconds(0) | Self::Count(0))
    }

    /// Why no cursor of this type can be that far from another.
    pub fn misfit(self, cursor_type: CursorType) -> Option<String> {
        match (cursor_type, self) {
            (CursorType::Timestamp, Self::Seconds(_)) | (CursorType::Integer, Self::Count(_)) => {
                None
            }
            (CursorType::Timestamp, Self::Count(count)) => Some(format!(
                "`{count}` of what? A timestamp is so many seconds or days away: `{count}s`"
            )),
            (CursorType::Integer, Self::Seconds(_)) => Some(format!(
                "`{self}` is a time, and the cursor is an integer; write a number"
            )),
            (CursorType::String, _) => Some(format!(
                "the cursor is a text, and no text is `{self}` away from another"
            )),
        }
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unit = UNITS
            .iter()
            .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)));
        let step = unit
            .filter(|(digits, _)| digits.len() <= DIGITS)
            .filter(|(digits, _)| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|(digits, seconds)| digits.parse::<u64>().ok()?.checked_mul(seconds));
        step.map(Self::Seconds)
            .ok_or_else(|| format!("`{text}` is no time; write 90s, 15m, 1h, 7d or 2w"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Seconds(0) => f.write_str("0s"),
            Self::Seconds(all) => {
                let whole = UNITS.iter().find(|(_, seconds)| all % seconds == 0);
                let (unit, seconds) = whole.unwrap_or(&("s", 1));
                write!(f, "{}{unit}", all / seconds)
            }
        }
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Seconds(_) => serializer.collect_str(self),
            Self::Count(count) => serializer.serialize_u64(*count),
        }
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

struct Written;

impl Visitor<'_> for Written {
    type Value = Step;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time such as 7d, or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Step, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, count: u64) -> Result<Step, E> {
        Ok(Step::Count(count))
    }

    fn visit_i64<E: de::Error>(self, count: i64) -> Result<Step, E> {
        u64::try_from(count)
            .map(Step::Count)
            .map_err(|_| E::custom(format!("`{count}` is less than nothing")))
    }
}

impl JsonSchema for Step {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "pattern": "^[0-9]{1,6}[smhdw]$",
            "minimum": 0,
            "maximum": 1_000_000_000_000_000_u64
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[track_caller]
    fn check(written: Value, expected: Option<(Step, &str)>) {
        let step: Option<Step> = serde_json::from_value(written).ok();
        assert_eq!(step, expected.map(|(step, _)| step));
        if let (Some(step), Some((_, shown))) = (step, expected) {
            assert_eq!(step.to_string(), shown);
            let again = serde_json::to_value(step).unwrap();
            assert_eq!(serde_json::from_value::<Step>(again).unwrap(), step);
        }
    }

    #[test]
    fn steps_are_times_with_a_unit_and_plain_numbers() {
        check(json!("90s"), Some((Step::Seconds(90), "90s")));
        check(json!("15m"), Some((Step::Seconds(900), "15m")));
        check(json!("24h"), Some((Step::Seconds(86_400), "1d")));
        check(json!("7d"), Some((Step::Seconds(604_800), "1w")));
        check(json!("0h"), Some((Step::Seconds(0), "0s")));
        check(
            json!("999999w"),
            Some((Step::Seconds(604_799_395_200), "999999w")),
        );
        check(json!(1000), Some((Step::Count(1000), "1000")));
        for wrong in ["1000", "1.5h", "-1h", "h", "", "1 h", "1000000s", "1month"] {
            check(json!(wrong), None);
        }
        check(json!(-1), None);
        check(json!(true), None);
    }
}
