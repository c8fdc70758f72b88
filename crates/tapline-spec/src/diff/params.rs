//! What changes about the parameters that users give.

use serde_json::{Map, Value};

use super::Changes;
use crate::document::properties;
use crate::pointer;

/// Keywords that say nothing about which values are allowed.
const WORDS: [&str; 7] = [
    "title",
    "description",
    "default",
    "example",
    "examples",
    "uiAttributes",
    "$comment",
];

/// Compares the parameters of two schemas.
pub(super) fn compare(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    at: &str,
    changes: &mut Changes,
) {
    for (name, before) in properties(old) {
        let at = pointer::join(&format!("{at}/properties"), name);
        match properties(new).find(|(known, _)| *known == name) {
            None => changes.breaking(at, format!("the parameter `{name}` is gone")),
            Some((_, now)) => values(name, before, now, &at, changes),
        }
    }
    for name in required(new).filter(|name| !required(old).any(|known| known == *name)) {
        let default = properties(new).find(|(known, _)| *known == name);
        if default.is_some_and(|(_, property)| property.get("default").is_some()) {
            continue;
        }
        changes.breaking(
            format!("{at}/required"),
            format!("the parameter `{name}` must be given"),
        );
    }
    let is_new = |name: &str| properties(old).all(|(known, _)| known != name);
    for (name, _) in properties(new).filter(|(name, _)| is_new(name)) {
        if !required(new).any(|known| known == name) {
            let at = pointer::join(&format!("{at}/properties"), name);
            changes.compatible(at, format!("the parameter `{name}` may be given"));
        }
    }
}

fn required(schema: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let names = schema.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str)
}

/// Which values a parameter may have.
fn values(name: &str, old: &Value, new: &Value, at: &str, changes: &mut Changes) {
    if old.get("default") != new.get("default") {
        changes.compatible(at, format!("the parameter `{name}` has another default"));
    }
    let (before, now) = (limits(old), limits(new));
    if before == now {
        return;
    }
    // What limits nothing any more takes everything it took.
    let is_wider = now.iter().all(|(key, limit)| match before.get(key) {
        Some(known) if key == "enum" => has_all(limit, known),
        known => known == Some(limit),
    });
    if is_wider {
        changes.compatible(at, format!("the parameter `{name}` takes more values"));
    } else {
        changes.breaking(
            at,
            format!("the parameter `{name}` may refuse values that it took"),
        );
    }
}

/// The keywords that refuse values.
fn limits(property: &Value) -> Map<String, Value> {
    let mut limits = property.as_object().cloned().unwrap_or_default();
    limits.retain(|key, value| {
        let is_secret = key == "format" && value == "password";
        !WORDS.contains(&key.as_str()) && !is_secret
    });
    limits
}

fn has_all(limit: &Value, known: &Value) -> bool {
    let (Some(limit), Some(known)) = (limit.as_array(), known.as_array()) else {
        return false;
    };
    known.iter().all(|word| limit.contains(word))
}
