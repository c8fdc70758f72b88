//! Reads what Adobe's published documents use, and turns it into the strict form.
//!
//! Their pages, examples and drafts differ from each other: two spellings of `offSetName`, numbers
//! as texts, a path where an object belongs. Each rewriting is a lint with a code of its own.

mod paging;
mod placeholder;
mod rewrite;
mod ui;
mod url;

use serde_json::{Map, Value, json};

use crate::{AuthKind, Diagnostic, pointer};
use rewrite::Rewrite;

/// A document in the strict form, if it was close enough to it.
pub(crate) struct Reading {
    pub(crate) value: Value,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) moves: Vec<(String, String)>,
    pub(crate) is_bare: bool,
}

impl Reading {
    /// Where that which is now at `at` stood in the text.
    pub(crate) fn as_written(&self, at: &str) -> String {
        let moved = self
            .moves
            .iter()
            .filter_map(|(to, from)| Some((at.strip_prefix(to.as_str())?, to.len(), from)))
            .filter(|(rest, ..)| rest.is_empty() || rest.starts_with('/'))
            .max_by_key(|(_, length, _)| *length);
        let at = match moved {
            Some((rest, _, from)) => format!("{from}{rest}"),
            None => at.to_owned(),
        };
        match at.strip_prefix("/sourceSpec") {
            Some(rest) if self.is_bare => rest.to_owned(),
            _ => at,
        }
    }
}

/// Rewrites `value` into the strict form, as far as it can.
pub(crate) fn read(value: Value) -> Reading {
    let is_bare = is_bare_source_spec(&value);
    let mut value = if is_bare { wrapped(value) } else { value };
    let mut rewrite = Rewrite::default();
    if let Value::Object(document) = &mut value {
        document_forms(document, &mut rewrite);
    }
    Reading {
        value,
        diagnostics: rewrite.diagnostics,
        moves: rewrite.moves,
        is_bare,
    }
}

/// `{attributes, spec}` without anything around it.
pub(crate) fn is_bare_source_spec(value: &Value) -> bool {
    let Some(object) = value.as_object() else {
        return false;
    };
    let connector_keys = ["id", "name", "type", "authSpec", "sourceSpec", "streams"];
    (object.contains_key("attributes") || object.contains_key("spec"))
        && !connector_keys.iter().any(|key| object.contains_key(*key))
}

/// The source spec as the only one of a document, whose `$schema` it may have named.
fn wrapped(mut source: Value) -> Value {
    if let Some(object) = source.as_object_mut() {
        object.shift_remove("$schema");
    }
    json!({ "sourceSpec": source })
}

fn document_forms(document: &mut Map<String, Value>, rewrite: &mut Rewrite) {
    for key in ["transformationSpec", "transformationSpecs"] {
        if document.shift_remove(key).is_some() {
            let message = format!("`{key}` is not read: tapline moves records as they are");
            rewrite.lint("L-transformation", format!("/{key}"), message);
        }
    }
    if let Some(Value::Array(ways)) = document.get_mut("authSpec") {
        for (index, way) in ways.iter_mut().enumerate() {
            auth_forms(way, &format!("/authSpec/{index}"), rewrite);
        }
    }
    if let Some(Value::Object(source)) = document.get_mut("sourceSpec") {
        source_forms(source, "/sourceSpec", rewrite);
    }
    if let Some(Value::Object(streams)) = document.get_mut("streams") {
        for (name, stream) in streams {
            if let Value::Object(source) = stream {
                source_forms(source, &pointer::join("/streams", name), rewrite);
            }
        }
    }
}

/// `oAuth2-refresh-code` is `OAuth2RefreshCode`.
fn auth_forms(way: &mut Value, at: &str, rewrite: &mut Rewrite) {
    let Some(Value::String(kind)) = way.get_mut("type") else {
        return;
    };
    let meant = AuthKind::meant(kind).map(AuthKind::as_str);
    if let Some(meant) = meant.filter(|meant| *meant != kind.as_str()) {
        let message = format!("the type `{kind}` is written `{meant}`");
        rewrite.lint("L-auth-type", format!("{at}/type"), message);
        *kind = meant.to_owned();
    }
}

fn source_forms(source: &mut Map<String, Value>, at: &str, rewrite: &mut Rewrite) {
    let attributes_at = format!("{at}/attributes");
    for key in ["spec", "schema"] {
        let found = match source.get_mut("attributes") {
            Some(Value::Object(attributes)) if attributes.contains_key(key) => attributes,
            _ => continue,
        };
        let Some(value) = found.shift_remove(key) else {
            continue;
        };
        let from = format!("{attributes_at}/{key}");
        let to = format!("{at}/{key}");
        if source.contains_key(key) {
            let message = format!("`{key}` stands beside `attributes` and in it");
            rewrite.error("E-both-spellings", from, message, "keep the one beside it");
            continue;
        }
        let message = format!("`{key}` belongs beside `attributes`, not into it");
        rewrite.lint("L-spec-place", from.clone(), message);
        source.insert(key.to_owned(), value);
        rewrite.moves.push((to, from));
    }
    if let Some(Value::Object(attributes)) = source.get_mut("attributes") {
        attribute_forms(attributes, &attributes_at, rewrite);
    }
}

fn attribute_forms(attributes: &mut Map<String, Value>, at: &str, rewrite: &mut Rewrite) {
    ui::forms(attributes, at, rewrite);
    url::forms(attributes, at, rewrite);
    content_forms(attributes, at, rewrite);
    if let Some(Value::Object(paging)) = attributes.get_mut("paginationParams") {
        paging::forms(paging, &format!("{at}/paginationParams"), rewrite);
    }
    if let Some(Value::Object(schedule)) = attributes.get_mut("scheduleParams") {
        rewrite.upper_case(schedule, "type", &format!("{at}/scheduleParams"));
    }
    if let Some(Value::Object(response)) = attributes.get_mut("responseParams") {
        rewrite.rooted(response, "total", &format!("{at}/responseParams"));
    }
}

/// A bare path means the bare elements: no wrapper, and nothing copied from beside the array.
fn content_forms(attributes: &mut Map<String, Value>, at: &str, rewrite: &mut Rewrite) {
    for (key, marks) in [
        (
            "contentPath",
            json!({ "path": null, "unwrap": true, "siblings": false }),
        ),
        ("explodeEntityPath", json!({ "path": null })),
    ] {
        let at = format!("{at}/{key}");
        match attributes.get_mut(key) {
            Some(Value::Object(content)) => rewrite.rooted(content, "path", &at),
            Some(place @ Value::String(_)) => {
                let message = format!("`{key}` is an object, not a path alone");
                let mut object = marks;
                object["path"] = place.take();
                rewrite.lint_with(
                    "L-path-string",
                    at.clone(),
                    message,
                    format!("write {object}"),
                );
                *place = object;
                rewrite.moves.push((format!("{at}/path"), at));
            }
            _ => {}
        }
    }
}
