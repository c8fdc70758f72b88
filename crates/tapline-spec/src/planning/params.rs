//! The parameters of a run: what the spec declares, what the operator gave.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use tapline_expr::Template;

use crate::document::properties;
use crate::judge::plain;
use crate::{
    AuthSpec, ConnectorDocument, Diagnostic, Param, Params, Secret, SourceSpec, check, oauth_param,
    suggest,
};
use jsonschema::error::ValidationErrorKind as Kind;

/// Defaults overlaid by what was given; everything that is wrong goes to `errors`.
pub(super) fn effective(
    document: &ConnectorDocument,
    sources: &[&SourceSpec],
    way: Option<&AuthSpec>,
    given: &Params,
    errors: &mut Vec<Diagnostic>,
) -> Params {
    let mut schemas: Vec<_> = sources.iter().map(|source| &source.spec).collect();
    schemas.extend(way.map(|way| &way.spec));
    unknown(document, sources, &schemas, given, errors);
    let params = merged(&schemas, given);
    for source in sources {
        validate(&source.spec, &params, &source.varying(), errors);
    }
    if let Some(way) = way {
        validate(&way.spec, &params, &[], errors);
    }
    params
}

/// The declared property called `name`, wherever it is declared.
fn property<'a>(schemas: &[&'a Map<String, Value>], name: &str) -> Option<&'a Value> {
    schemas
        .iter()
        .find_map(|schema| properties(schema).find(|(n, _)| *n == name))
        .map(|(_, property)| property)
}

fn is_password(property: &Value) -> bool {
    property.get("format").and_then(Value::as_str) == Some("password")
}

fn merged(schemas: &[&Map<String, Value>], given: &Params) -> Params {
    let mut params = Params::default();
    for (name, property) in schemas.iter().flat_map(|schema| properties(schema)) {
        let text = |default: &Value| match name {
            oauth_param::OVERRIDE => Some(default.to_string()),
            _ => as_text(default),
        };
        if let Some(default) = property.get("default").and_then(text) {
            params.set(name, Param::Plain(default));
        }
    }
    params.overlay(given);
    let secrets: Params = params
        .iter()
        .filter(|(name, _)| property(schemas, name).is_some_and(is_password))
        .map(|(name, param)| (name, Param::Secret(Secret::new(param.expose()))))
        .collect();
    params.overlay(&secrets);
    params
}

/// How a value of JSON is written into a request.
pub(super) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

fn unknown(
    document: &ConnectorDocument,
    sources: &[&SourceSpec],
    schemas: &[&Map<String, Value>],
    given: &Params,
    errors: &mut Vec<Diagnostic>,
) {
    let mut known: Vec<&str> = schemas
        .iter()
        .flat_map(|schema| properties(schema))
        .map(|(name, _)| name)
        .collect();
    known.push("host");
    let open = if document.is_fragment() {
        sources.iter().flat_map(|s| open_in_host(s)).collect()
    } else {
        Vec::new()
    };
    known.extend(open.iter().map(String::as_str));
    let mut seen = BTreeSet::new();
    known.retain(|name| seen.insert(*name));
    for (name, _) in given.iter().filter(|(name, _)| !known.contains(name)) {
        let message = format!("unknown parameter `{name}`");
        let hint = suggest::hint(name, known.iter().copied());
        errors.push(Diagnostic::error("E-unknown-parameter", "", message).with_hint(hint));
    }
}

/// What a fragment's host leaves to its connection.
fn open_in_host(source: &SourceSpec) -> Vec<String> {
    let url = source.attributes.url_params.as_ref();
    let host = url.and_then(|url| url.host.as_deref());
    let template: Option<Template> = host.and_then(|host| host.parse().ok());
    template
        .iter()
        .flat_map(Template::params)
        .map(str::to_owned)
        .collect()
}

/// Validates what `schema` speaks about, but for what slices and pages give. Values are never shown: they
/// may be secret.
fn validate(
    schema: &Map<String, Value>,
    params: &Params,
    varying: &[&str],
    errors: &mut Vec<Diagnostic>,
) {
    let validator = match check::compile(&Value::Object(schema.clone())) {
        Ok(validator) => validator,
        Err(error) => {
            let message = format!("`spec` is no JSON Schema (draft-07): {error}");
            return errors.push(Diagnostic::error("E-spec-schema", "", message));
        }
    };
    for error in validator.iter_errors(&instance(schema, params)) {
        let finding = match error.kind() {
            Kind::Required { property } if varying.iter().any(|name| property == name) => continue,
            Kind::Required { property } => missing(schema, property.as_str().unwrap_or_default()),
            _ => invalid(&error),
        };
        if !errors.contains(&finding) {
            errors.push(finding);
        }
    }
}

/// The parameters that `schema` speaks about, each as the type it is declared with.
fn instance(schema: &Map<String, Value>, params: &Params) -> Value {
    let required = schema.get("required").and_then(Value::as_array);
    let names = required.into_iter().flatten().filter_map(Value::as_str);
    let mut object = Map::new();
    for name in properties(schema).map(|(name, _)| name).chain(names) {
        if let Some(param) = params.get(name) {
            let property = property(&[schema], name);
            object.insert(name.to_owned(), typed(param.expose(), property));
        }
    }
    Value::Object(object)
}

/// `text` as the declared type, where it can be read as that; else the text itself.
fn typed(text: &str, property: Option<&Value>) -> Value {
    let kind = property.and_then(|property| property.get("type"));
    let names = |wanted: &str| match kind {
        Some(Value::String(kind)) => kind == wanted,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == wanted),
        _ => false,
    };
    if names("string") {
        return text.into();
    }
    let other = ["integer", "number", "boolean", "object", "array"];
    let parsed = other
        .into_iter()
        .any(names)
        .then(|| serde_json::from_str(text));
    parsed.and_then(Result::ok).unwrap_or_else(|| text.into())
}

pub(super) fn missing(schema: &Map<String, Value>, name: &str) -> Diagnostic {
    let description = property(&[schema], name)
        .and_then(|property| property.get("description"))
        .and_then(Value::as_str);
    let message = match description {
        Some(text) => format!(
            "the parameter `{name}` is missing ({})",
            text.trim_end_matches('.')
        ),
        None => format!("the parameter `{name}` is missing"),
    };
    Diagnostic::error("E-missing-parameter", "", message)
}

fn invalid(error: &jsonschema::ValidationError<'_>) -> Diagnostic {
    let name = crate::judge::subject(error.instance_path().as_str());
    let message = format!("the parameter {name} {}", plain(error));
    Diagnostic::error("E-parameter", "", message)
}
