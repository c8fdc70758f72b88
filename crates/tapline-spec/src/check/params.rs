//! Whether the parameters of a stream are used, and its secrets kept.

use serde_json::{Map, Value};

use crate::auth::squeezed;
use crate::check::texts::Text;
use crate::document::properties;
use crate::planning::OPERATOR_KEYS;
use crate::{ConnectorDocument, Diagnostic, SourceSpec, pointer};

/// How the names of secrets end, squeezed.
const SECRET_ENDINGS: [&str; 9] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
];

/// Parameters that look like secrets, and are shown like any other.
pub(super) fn secrets(spec: &Map<String, Value>, at: &str, out: &mut Vec<Diagnostic>) {
    for (name, property) in properties(spec) {
        let squeezed = squeezed(name);
        let looks_secret = SECRET_ENDINGS.iter().any(|end| squeezed.ends_with(end));
        let is_text = property.get("type").is_none_or(|kind| kind == "string");
        let is_kept = property
            .get("format")
            .is_some_and(|format| format == "password");
        if looks_secret && is_text && !is_kept {
            let at = pointer::join(&format!("{at}/properties"), name);
            let message = format!("`{name}` looks like a secret, but may be shown and logged");
            let hint = r#"add "format": "password""#;
            out.push(Diagnostic::lint("L-secret", at, message).with_hint(hint));
        }
    }
}

/// Parameters that no request makes use of.
pub(super) fn unused(
    document: &ConnectorDocument,
    source: &SourceSpec,
    request: &[Text],
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    let signing = serde_json::to_string(document.auth_specs()).unwrap_or_default();
    let is_used = |name: &str| {
        let placeholder = format!("${{{name}}}");
        let in_text =
            |text: &str| text.contains(&placeholder) || (text.contains('@') && text.contains(name));
        let when = source.attributes.response_params.iter().flat_map(|r| &r.on);
        let mut when = when.filter_map(|rule| rule.when.as_deref());
        name == "host"
            || OPERATOR_KEYS.contains(&name)
            || signing.contains(&placeholder)
            || request.iter().any(|text| in_text(&text.text))
            || when.any(|when| when.contains(name))
    };
    // What slices and pages give, and the request does not use, is reported where they are described.
    let varying = source.varying();
    let names = source.properties().map(|(name, _)| name);
    for name in names.filter(|name| !varying.contains(name) && !is_used(name)) {
        let at = pointer::join(&format!("{at}/spec/properties"), name);
        let message = format!("no request uses the parameter `{name}`");
        let hint = format!("write `${{{name}}}` where it belongs, or remove it");
        out.push(Diagnostic::lint("L-unused-parameter", at, message).with_hint(hint));
    }
}
