//! Judges a connector document: reads it tolerantly, checks it against the strict schema, then
//! checks what a schema cannot say.

mod auth;
mod content;
mod headers;
mod incremental;
mod pages;
mod paging;
mod params;
mod partition;
mod rate;
mod response;
mod schedule;
mod schemas;
mod stream;
mod texts;

use std::sync::LazyLock;

use jsonschema::Validator;
use serde::Deserialize;
use serde_json::Value;

pub(crate) use schemas::compile;

use crate::judge::judge;
use crate::source::Source;
use crate::{ConnectorDocument, Diagnostic, connector_schema, tolerant};

/// What [`check`] found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The document in its strict form; `None` if there is any error.
    pub document: Option<ConnectorDocument>,
    /// Errors and lints, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks a connector document, or a bare source spec, written as JSON or YAML.
pub fn check(text: &str) -> Checked {
    let source = match Source::read(text) {
        Ok(source) => source,
        Err(diagnostic) => {
            return Checked {
                document: None,
                diagnostics: vec![diagnostic],
            };
        }
    };
    let mut reading = tolerant::read(source.value.clone());
    let mut diagnostics = std::mem::take(&mut reading.diagnostics);
    let document = match strict(&reading.value) {
        Ok(document) => {
            diagnostics.extend(judged(&document));
            Some(document)
        }
        Err(errors) => {
            diagnostics.extend(errors);
            None
        }
    };
    for diagnostic in &mut diagnostics {
        diagnostic.pointer = reading.as_written(&diagnostic.pointer);
    }
    source.locate(&mut diagnostics);
    let is_sound = !diagnostics.iter().any(Diagnostic::is_error);
    Checked {
        document: document.filter(|_| is_sound),
        diagnostics,
    }
}

/// The strict schema, and what validates by it: made once, for a thousand documents.
static STRICT: LazyLock<(Value, Result<Validator, String>)> = LazyLock::new(|| {
    let schema = connector_schema();
    let validator = jsonschema::validator_for(&schema).map_err(|error| error.to_string());
    (schema, validator)
});

/// The document, if it has the strict form.
pub(crate) fn strict(value: &Value) -> Result<ConnectorDocument, Vec<Diagnostic>> {
    let unusable = |error: &str| vec![Diagnostic::error("E-schema", "", error)];
    let (schema, validator) = &*STRICT;
    let validator = validator.as_ref().map_err(|error| unusable(error))?;
    let errors = judge(value, schema, validator);
    if !errors.is_empty() {
        return Err(errors);
    }
    ConnectorDocument::deserialize(value).map_err(|error| unusable(&error.to_string()))
}

/// What a schema cannot say.
pub(crate) fn judged(document: &ConnectorDocument) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    whole(document, &mut out);
    for (index, way) in document.auth_specs().iter().enumerate() {
        auth::check(way, &format!("/authSpec/{index}"), &mut out);
    }
    if let Some(source) = &document.source_spec {
        stream::check(document, source, "/sourceSpec", &mut out);
    }
    for (name, source) in &document.streams {
        let at = crate::pointer::join("/streams", name);
        stream::check(document, source, &at, &mut out);
    }
    out
}

fn whole(document: &ConnectorDocument, out: &mut Vec<Diagnostic>) {
    let has_streams = !document.streams.is_empty();
    match &document.source_spec {
        Some(_) if has_streams => out.push(
            Diagnostic::error(
                "E-two-forms",
                "/sourceSpec",
                "`sourceSpec` and `streams` are both given",
            )
            .with_hint("move it into `streams`, under a name"),
        ),
        // A connector with ways to sign in may leave its streams to the project.
        None if !has_streams && document.is_fragment() => out.push(Diagnostic::lint(
            "L-no-stream",
            "",
            "neither `streams` nor `sourceSpec` is given: nothing can be read",
        )),
        _ => {}
    }
    if !document.is_fragment() && document.id.is_none() {
        out.push(Diagnostic::lint(
            "L-no-id",
            "",
            "there is no `id`, so no project can name this connector",
        ));
    }
}
