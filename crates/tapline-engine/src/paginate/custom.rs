//! The positions that a connector's `next_position` hook makes up: a JSON object that says what the
//! next request carries in place of what the pagination would add.
//!
//! ```json
//! {"url": "https://...", "query": {"after": "x"}, "headers": {"x-cursor": "x"}, "body": {"page.after": 7}}
//! ```
//!
//! All members may be missing. `url` takes the place of the whole URL, and may be relative to the
//! last one; names in `body` may be dotted, as those of a continuation token.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use tapline_core::{Error, ErrorKind, Result};

use super::Addition;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Custom {
    url: Option<String>,
    #[serde(default)]
    query: BTreeMap<String, Value>,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    #[serde(default)]
    body: BTreeMap<String, Value>,
}

/// What the request at the position `json` carries.
pub(crate) fn addition(json: &str) -> Result<Addition> {
    let custom: Custom = serde_json::from_str(json).map_err(|error| {
        // The position itself may hold a token, and is not shown.
        let reason = format!(
            "its position is no object with `url`, `query`, `headers` and `body`: {:?} error at \
             line {} column {}",
            error.classify(),
            error.line(),
            error.column()
        );
        invalid(reason)
    })?;
    Ok(Addition {
        url: custom.url,
        query: texts(custom.query, "query")?,
        headers: texts(custom.headers, "headers")?,
        body: custom.body.into_iter().collect(),
        ..Addition::default()
    })
}

/// `members` as texts; those that are null are left out.
fn texts(members: BTreeMap<String, Value>, place: &str) -> Result<Vec<(String, String)>> {
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    members
        .map(|(name, value)| match value {
            Value::String(text) => Ok((name, text)),
            Value::Number(_) | Value::Bool(_) => Ok((name, value.to_string())),
            _ => Err(invalid(format!(
                "`{name}` in `{place}` of its position is neither a text nor a number"
            ))),
        })
        .collect()
}

fn invalid(reason: String) -> Error {
    Error::new(ErrorKind::Plugin, "next_position", reason)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_position_says_what_its_request_carries() {
        let position = json!({
            "url": "/next", "query": {"a": "b", "n": 1, "gone": null},
            "headers": {"x-a": true}, "body": {"a.b": {"c": 1}}
        });
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            addition(&position.to_string()).unwrap(),
            Addition {
                url: Some("/next".to_owned()),
                query: vec![pair("a", "b"), pair("n", "1")],
                headers: vec![pair("x-a", "true")],
                body: vec![("a.b".to_owned(), json!({"c": 1}))],
                ..Addition::default()
            }
        );
        assert_eq!(addition("{}").unwrap(), Addition::default());
    }

    #[test]
    fn what_cannot_be_sent_says_why_and_not_what() {
        for wrong in [
            "s3cret",
            "\"s3cret\"",
            r#"{"querry": {"a": "s3cret"}}"#,
            r#"{"query": {"a": ["s3cret"]}}"#,
        ] {
            let error = addition(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Plugin);
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}
