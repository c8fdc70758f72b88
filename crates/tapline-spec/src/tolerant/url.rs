//! `urlParams` and its neighbours as written over the years.

use serde_json::{Map, Value};

use super::placeholder::{double_braces, single_braces};
use super::rewrite::Rewrite;

pub(super) fn forms(attributes: &mut Map<String, Value>, at: &str, rewrite: &mut Rewrite) {
    query_place(attributes, at, rewrite);
    for key in ["headerParams", "bodyParams"] {
        pairs(attributes, key, at, rewrite);
        if let Some(params) = attributes.get_mut(key) {
            double_braces(params, &format!("{at}/{key}"), rewrite);
        }
    }
    let Some(Value::Object(url)) = attributes.get_mut("urlParams") else {
        return;
    };
    let at = format!("{at}/urlParams");
    for old in ["hostname", "hostName"] {
        rewrite.rename(url, &at, (old, "host"), "L-host-name");
    }
    rewrite.upper_case(url, "method", &at);
    pairs(url, "queryParams", &at, rewrite);
    for (key, value) in url.iter_mut() {
        double_braces(value, &format!("{at}/{key}"), rewrite);
    }
    if let Some(host) = url.get_mut("host") {
        single_braces(host, &format!("{at}/host"), rewrite);
    }
}

/// The drafts have `queryParams` beside `urlParams`.
fn query_place(attributes: &mut Map<String, Value>, at: &str, rewrite: &mut Rewrite) {
    let fits = attributes
        .get("urlParams")
        .is_some_and(|url| url.is_object() && url.get("queryParams").is_none());
    if !fits {
        return;
    }
    let Some(query) = attributes.shift_remove("queryParams") else {
        return;
    };
    let from = format!("{at}/queryParams");
    let message = "`queryParams` belongs into `urlParams`".to_owned();
    rewrite.lint("L-query-place", from.clone(), message);
    if let Some(Value::Object(url)) = attributes.get_mut("urlParams") {
        url.insert("queryParams".to_owned(), query);
    }
    rewrite
        .moves
        .push((format!("{at}/urlParams/queryParams"), from));
}

/// `"a=b,c=d"` is an object; an empty text is nothing. A body may be any other text.
fn pairs(object: &mut Map<String, Value>, key: &str, at: &str, rewrite: &mut Rewrite) {
    let Some(Value::String(text)) = object.get(key) else {
        return;
    };
    let text = text.clone();
    if !text.trim().is_empty() && key == "bodyParams" {
        return;
    }
    let message = format!("`{key}` is an object, not a text");
    if text.trim().is_empty() {
        object.shift_remove(key);
        return rewrite.lint("L-params-string", format!("{at}/{key}"), message);
    }
    let parts: Option<Map<String, Value>> = text
        .split(',')
        .map(|pair| pair.split_once('='))
        .map(|pair| pair.map(|(name, value)| (name.trim().to_owned(), value.trim().into())))
        .collect();
    if let Some(parts) = parts {
        let parts = Value::Object(parts);
        let hint = format!("write {parts}");
        rewrite.lint_with("L-params-string", format!("{at}/{key}"), message, hint);
        object.insert(key.to_owned(), parts);
    }
}
