//! Which headers a spec may set.

use serde_json::{Map, Value};

use crate::Diagnostic;

/// Headers that belong to the transport, which alone knows the connection and the credentials.
const RESERVED: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "host",
    "transfer-encoding",
];

pub(super) fn check(headers: &Map<String, Value>, at: &str, out: &mut Vec<Diagnostic>) {
    for name in headers.keys() {
        let at = crate::pointer::join(at, name);
        check_name(name, &at, out);
        let lower = name.to_ascii_lowercase();
        if RESERVED.contains(&lower.as_str()) || lower.starts_with("proxy-") {
            let finding = Diagnostic::error(
                "E-header",
                at,
                format!("a spec may not set the header `{name}`"),
            );
            out.push(match lower.as_str() {
                "authorization" => finding.with_hint("describe the credentials in `authSpec`"),
                _ => finding.with_hint("it is set for every request"),
            });
        }
    }
}

/// A header's name consists of the letters that HTTP calls a token.
pub(super) fn check_name(name: &str, at: &str, out: &mut Vec<Diagnostic>) {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        let message = format!("`{name}` is no name of a header");
        out.push(Diagnostic::error("E-header", at, message).with_hint("such as `X-Api-Version`"));
    }
}
