//! Generic mode: the operator gives `urlParams` and the like, as whole objects, where `spec`
//! declares parameters of these names.
//!
//! What was given is laid over the document's own `attributes`, which are then read and judged as
//! if the author had written them.

use serde_json::Value;
use tapline_expr::{Param, Params};

use super::lineage::Member;
use super::params::missing;
use crate::{ConnectorDocument, Diagnostic, check, tolerant};

/// The attributes that a parameter can be.
pub(crate) const KEYS: [&str; 11] = [
    "urlParams",
    "headerParams",
    "bodyParams",
    "contentPath",
    "explodeEntityPath",
    "paginationParams",
    "scheduleParams",
    "incrementalParams",
    "rateParams",
    "responseParams",
    "partitionParams",
];

/// Lays what was given over the stream's attributes.
pub(super) fn apply(
    document: &ConnectorDocument,
    member: &mut Member,
    given: &Params,
) -> Result<(), Vec<Diagnostic>> {
    let open: Vec<&str> = KEYS
        .into_iter()
        .filter(|key| member.source.declares(key))
        .collect();
    let mut laid = Vec::new();
    for key in open {
        match given.get(key) {
            Some(Param::Plain(text)) => laid.push((key, read(text))),
            Some(Param::Secret(_)) => return Err(vec![secret(key)]),
            None => laid.extend(default(member, key).map(|value| (key, value))),
        }
    }
    let absent: Vec<Diagnostic> = ["urlParams", "contentPath"]
        .into_iter()
        .filter(|key| member.source.declares(key) && laid.iter().all(|(laid, _)| laid != key))
        .filter(|key| !member.source.attributes.has(key))
        .map(|key| missing(&member.source.spec, key))
        .collect();
    if !absent.is_empty() {
        return Err(absent);
    }
    if laid.is_empty() {
        return Ok(());
    }
    let document = judged(document, member, laid)?;
    if let Some(source) = document.stream(&member.name) {
        member.source = source.clone();
    }
    Ok(())
}

/// An object or a list as it is; anything else is a text.
fn read(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => value,
        _ => text.into(),
    }
}

fn default(member: &Member, key: &str) -> Option<Value> {
    let (_, property) = member.source.properties().find(|(name, _)| *name == key)?;
    property.get("default").cloned()
}

fn secret(key: &str) -> Diagnostic {
    let message = format!("the parameter `{key}` holds a secret, which a plan must not");
    Diagnostic::error("E-parameter", "", message)
        .with_hint("write `${name}` in its place, and give `name` among the parameters of `auth`")
}

/// The document with the attributes replaced, if it is sound.
fn judged(
    document: &ConnectorDocument,
    member: &Member,
    laid: Vec<(&str, Value)>,
) -> Result<ConnectorDocument, Vec<Diagnostic>> {
    let unusable = |message: String| vec![Diagnostic::error("E-parameter", "", message)];
    let mut value = serde_json::to_value(document).map_err(|error| unusable(error.to_string()))?;
    let at = format!("{}/attributes", member.at);
    for (key, given) in laid {
        if let Some(Value::Object(attributes)) = value.pointer_mut(&at) {
            attributes.insert(key.to_owned(), given);
        }
    }
    let mut reading = tolerant::read(value);
    let mut found = std::mem::take(&mut reading.diagnostics);
    let sound = match check::strict(&reading.value) {
        Ok(document) => {
            found.extend(check::judged(&document));
            Some(document)
        }
        Err(errors) => {
            found.extend(errors);
            None
        }
    };
    found.retain(Diagnostic::is_error);
    match sound {
        Some(document) if found.is_empty() => Ok(document),
        _ => Err(found
            .into_iter()
            .map(|finding| named(finding, &reading, &at))
            .collect()),
    }
}

/// The finding as one about a parameter, which has no place in the document.
fn named(finding: Diagnostic, reading: &tolerant::Reading, at: &str) -> Diagnostic {
    let written = reading.as_written(&finding.pointer);
    let below = written.strip_prefix(at).unwrap_or_default();
    let (parameter, inner) = below.trim_start_matches('/').split_once('/').unzip();
    let parameter = parameter.unwrap_or_else(|| below.trim_start_matches('/'));
    let message = match (parameter, inner) {
        ("", _) => format!("what the parameters describe together: {}", finding.message),
        (parameter, None) => format!("the parameter `{parameter}`: {}", finding.message),
        (parameter, Some(inner)) => {
            format!(
                "the parameter `{parameter}`, at `{inner}`: {}",
                finding.message
            )
        }
    };
    Diagnostic {
        code: "E-parameter",
        pointer: String::new(),
        message,
        ..finding
    }
}
