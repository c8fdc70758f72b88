//! Whether the placeholders of a request are declared.

use serde_json::Value;
use tapline_expr::Template;

use crate::{ConnectorDocument, Diagnostic, SourceSpec, pointer, suggest};

/// The names that `${...}` may use in one stream.
pub(super) struct Names<'a> {
    known: Vec<&'a str>,
    is_fragment: bool,
    declares_host: bool,
}

impl<'a> Names<'a> {
    pub(super) fn of(document: &'a ConnectorDocument, source: &'a SourceSpec) -> Self {
        let mut known: Vec<&str> = source.properties().map(|(name, _)| name).collect();
        known.extend(source.sliced());
        for way in document.auth_specs() {
            known.extend(crate::document::properties(&way.spec).map(|(name, _)| name));
        }
        let declares_host = known.contains(&"host");
        // The operator may always give it.
        known.push("host");
        known.sort_unstable();
        known.dedup();
        Self {
            known,
            is_fragment: document.is_fragment(),
            declares_host,
        }
    }

    /// Whether a parameter says where the source is.
    pub(super) fn declares_host(&self) -> bool {
        self.declares_host
    }

    /// Checks every text in `value`.
    pub(super) fn check(&self, value: &Value, at: &str, out: &mut Vec<Diagnostic>) {
        match value {
            Value::String(text) => self.check_text(text, at, out),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.check(item, &format!("{at}/{index}"), out);
                }
            }
            Value::Object(members) => {
                for (key, member) in members {
                    self.check(member, &pointer::join(at, key), out);
                }
            }
            _ => {}
        }
    }

    /// Checks one text.
    pub(super) fn check_text(&self, text: &str, at: &str, out: &mut Vec<Diagnostic>) {
        let template: Template = match text.parse() {
            Ok(template) => template,
            Err(error) => return out.push(Diagnostic::error("E-template", at, error.to_string())),
        };
        for name in template.params().filter(|name| !self.known.contains(name)) {
            out.push(self.undeclared(name, at));
        }
    }

    fn undeclared(&self, name: &str, at: &str) -> Diagnostic {
        let hint = suggest::hint(name, self.known.iter().copied());
        if self.is_fragment && at.ends_with("/urlParams/host") {
            let message =
                format!("`${{{name}}}` is not declared here; the connection must give it");
            return Diagnostic::lint("L-placeholder-open", at, message);
        }
        let message =
            format!("`${{{name}}}` is declared neither in `spec.properties` nor in an `authSpec`");
        Diagnostic::error("E-placeholder", at, message).with_hint(hint)
    }
}
