//! A text that a person wrote, read: its value, and where everything stands.

use serde_json::Value;

use crate::Diagnostic;
use crate::locate::{Part, Tree};
use crate::{json, yaml};

/// Bytes that a document may have. The largest ones known have some ten thousand.
const MAX_BYTES: usize = 4 << 20;

/// A text, read.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) value: Value,
    pub(crate) tree: Tree,
    /// Whether the text is JSON; else it is YAML.
    pub(crate) is_json: bool,
}

impl Source {
    /// Reads JSON if the text begins like JSON, else YAML.
    pub(crate) fn read(text: &str) -> Result<Self, Diagnostic> {
        if text.len() > MAX_BYTES {
            let message = format!(
                "the text has {} bytes, at most {MAX_BYTES} are read",
                text.len()
            );
            return Err(Diagnostic::error("E-syntax", "", message));
        }
        let text = text.trim_start_matches('\u{feff}');
        let is_json = text.trim_start().starts_with(['{', '[']);
        let (value, tree) = if is_json {
            json::read(text)?
        } else {
            yaml::read(text)?
        };
        Ok(Self {
            value,
            tree,
            is_json,
        })
    }

    /// Adds line and column to every diagnostic, and puts them in the order of the text.
    pub(crate) fn locate(&self, diagnostics: &mut [Diagnostic]) {
        for diagnostic in &mut *diagnostics {
            let part = match diagnostic.code {
                "E-unknown-key" => Part::Key,
                _ => Part::Value,
            };
            let at = self.tree.find(&diagnostic.pointer, part);
            (diagnostic.line, diagnostic.column) = (Some(at.line), Some(at.column));
        }
        diagnostics.sort_by_key(|d| (d.line, d.column));
    }
}
