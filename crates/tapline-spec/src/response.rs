//! What a response says besides its records, as a document says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{BodyFormat, RuleAction};

/// What else a response says. Ours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResponseParams {
    /// How the body holds its records: `json` unless given. In `ndjson` each line is one, so
    /// `contentPath` is `$`, and what leads to the next page is in a header, or known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<BodyFormat>,
    /// Where the number of all records is: `$.total_items` or `headers.x-total-count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<String>,
    /// What an answer means besides a page; the first rule that fits counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<ResponseRule>,
}

/// What an answer means besides a page: by its status, by what it says, or both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResponseRule {
    /// The statuses it is about: `404`, `"5xx"`, `"400-499"`, or a list of these. Left out: all.
    #[schemars(schema_with = "statuses")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Value>,
    /// What must hold of the response besides: `@equals(response().body.ok, false)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What to do with the answer.
    pub action: RuleAction,
}

impl ResponseRule {
    /// The statuses as inclusive ranges; empty: all.
    ///
    /// # Errors
    /// What is written is none.
    pub(crate) fn ranges(&self) -> Result<Vec<(u16, u16)>, String> {
        match &self.status {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items.iter().map(range).collect(),
            Some(one) => Ok(vec![range(one)?]),
        }
    }
}

fn range(written: &Value) -> Result<(u16, u16), String> {
    let range = match written {
        Value::String(text) => text_range(text.trim()),
        other => other
            .as_u64()
            .and_then(|n| u16::try_from(n).ok())
            .map(|n| (n, n)),
    };
    range
        .filter(|(first, last)| first <= last && (100..=599).contains(first) && *last <= 599)
        .ok_or_else(|| {
            let written = written
                .as_str()
                .map_or_else(|| written.to_string(), str::to_owned);
            format!("`{written}` is no HTTP status; write 404, \"5xx\" or \"400-499\"")
        })
}

fn text_range(text: &str) -> Option<(u16, u16)> {
    if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
        let class: u16 = class.parse().ok()?;
        return Some((
            class.checked_mul(100)?,
            class.checked_mul(100)?.checked_add(99)?,
        ));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

fn statuses(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": ["integer", "string", "array"],
        "items": { "type": ["integer", "string"] },
        "minItems": 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(status: Value, expected: Option<&[(u16, u16)]>) {
        let (status, action) = (Some(status), RuleAction::Fail);
        let rule = ResponseRule {
            status,
            when: None,
            action,
        };
        assert_eq!(rule.ranges().ok().as_deref(), expected);
    }

    #[test]
    fn statuses_are_numbers_classes_and_ranges() {
        check(json!(404), Some(&[(404, 404)]));
        check(json!("404"), Some(&[(404, 404)]));
        check(json!("5xx"), Some(&[(500, 599)]));
        check(json!("400-499"), Some(&[(400, 499)]));
        check(json!([404, "410-411"]), Some(&[(404, 404), (410, 411)]));
        for wrong in [
            json!(20),
            json!("6xx"),
            json!("499-400"),
            json!("655xx"),
            json!("ok"),
        ] {
            check(wrong, None);
        }
    }
}
