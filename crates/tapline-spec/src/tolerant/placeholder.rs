//! Placeholders of other times: `{{name}}` and `{name}` for `${name}`.

use serde_json::Value;

use super::rewrite::Rewrite;

/// Rewrites `{{name}}` in every text of `value`.
pub(super) fn double_braces(value: &mut Value, at: &str, rewrite: &mut Rewrite) {
    match value {
        Value::String(text) => replace(text, "{{", "}}", at, rewrite),
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                double_braces(item, &format!("{at}/{index}"), rewrite);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                double_braces(member, &crate::pointer::join(at, key), rewrite);
            }
        }
        _ => {}
    }
}

/// Rewrites `{name}` in a host, the only place where Adobe's documents use it.
pub(super) fn single_braces(host: &mut Value, at: &str, rewrite: &mut Rewrite) {
    if let Value::String(text) = host {
        replace(text, "{", "}", at, rewrite);
    }
}

fn replace(text: &mut String, open: &str, close: &str, at: &str, rewrite: &mut Rewrite) {
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(start) = rest.find(open) {
        let (before, after) = (&rest[..start], &rest[start + open.len()..]);
        let name = after.find(close).map(|end| &after[..end]);
        match name.filter(|name| is_name(name) && !before.ends_with('$')) {
            Some(name) => {
                out.push_str(before);
                out.push_str(&format!("${{{}}}", name.trim()));
                let written = format!("{open}{name}{close}");
                let message = format!("`{written}` is written `${{{}}}`", name.trim());
                rewrite.lint("L-placeholder", at.to_owned(), message);
                rest = &after[name.len() + close.len()..];
            }
            None => {
                out.push_str(&rest[..start + open.len()]);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    *text = out;
}

fn is_name(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}
