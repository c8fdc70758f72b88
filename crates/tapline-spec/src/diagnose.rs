//! Judges any text against any JSON Schema: what is wrong, where, and what was meant.

use serde_json::Value;

use crate::Diagnostic;
use crate::judge::judge;
use crate::source::Source;
use crate::tolerant;

/// What [`diagnose`] found.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// The text as a value; `None` if it cannot be read at all.
    pub value: Option<Value>,
    /// What is wrong, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads `text` (JSON or YAML) and validates it against `schema`, which must refer to nothing
/// outside itself. Schemas made by [`crate::plain_schema`] are explained best.
pub fn diagnose(text: &str, schema: &Value) -> Diagnosis {
    let source = match Source::read(text) {
        Ok(source) => source,
        Err(diagnostic) => {
            return Diagnosis {
                value: None,
                diagnostics: vec![diagnostic],
            };
        }
    };
    let mut diagnostics = match jsonschema::validator_for(schema) {
        Ok(validator) => judge(&source.value, schema, &validator),
        Err(error) => vec![Diagnostic::error(
            "E-schema",
            "",
            format!("the schema itself is not valid: {error}"),
        )],
    };
    source.locate(&mut diagnostics);
    Diagnosis {
        value: Some(source.value),
        diagnostics,
    }
}

/// Adds line and column to `diagnostics` that were found in `text` elsewhere, by [`crate::plan`]
/// for example, and puts them in the order of the text. What cannot be read has no places.
pub fn locate(text: &str, diagnostics: &mut [Diagnostic]) {
    let Ok(source) = Source::read(text) else {
        return;
    };
    if tolerant::is_bare_source_spec(&source.value) {
        // A plan knows such a text as the `sourceSpec` of a document.
        for diagnostic in &mut *diagnostics {
            if let Some(rest) = diagnostic.pointer.strip_prefix("/sourceSpec") {
                diagnostic.pointer = rest.to_owned();
            }
        }
    }
    source.locate(diagnostics);
}
