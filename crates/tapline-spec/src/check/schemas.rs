//! Whether a JSON Schema inside a document is one, and stays inside it.

use serde_json::{Map, Value};

use crate::{Diagnostic, judge, pointer};

/// Checks the schema of parameters at `at`.
pub(super) fn check(schema: &Map<String, Value>, at: &str, out: &mut Vec<Diagnostic>) {
    let schema = Value::Object(schema.clone());
    let before = out.len();
    references(&schema, at, out);
    if out.len() > before {
        return;
    }
    if let Err(error) = compile(&schema) {
        for mut finding in judge::explain_alone(&error) {
            finding.code = "E-spec-schema";
            finding.pointer = format!("{at}{}", finding.pointer);
            finding.message = format!("no JSON Schema (draft-07): {}", finding.message);
            out.push(finding);
        }
    }
}

/// A validator for the parameters that `schema` describes. Nothing is ever fetched.
pub(crate) fn compile(
    schema: &Value,
) -> Result<jsonschema::Validator, jsonschema::ValidationError<'static>> {
    let mut schema = schema.clone();
    if let Some(object) = schema.as_object_mut() {
        // Adobe's documents misspell it, and draft-07 is meant anyway.
        object.remove("$schema");
    }
    jsonschema::draft7::options().build(&schema)
}

/// A reference may lead only to a place in the same schema.
fn references(schema: &Value, at: &str, out: &mut Vec<Diagnostic>) {
    match schema {
        Value::Object(members) => {
            for (key, member) in members {
                let below = pointer::join(at, key);
                match member.as_str() {
                    Some(target) if key == "$ref" && !target.starts_with('#') => {
                        let message =
                            format!("`{target}` is outside this document and is never fetched");
                        out.push(
                            Diagnostic::error("E-reference", below, message)
                                .with_hint("copy what it refers to into this schema"),
                        );
                    }
                    _ => references(member, &below, out),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                references(item, &format!("{at}/{index}"), out);
            }
        }
        _ => {}
    }
}
