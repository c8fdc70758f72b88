//! Whether a way to sign in has what it needs.

use crate::check::{headers, schemas};
use crate::document::properties;
use crate::{AuthKind, AuthSpec, Diagnostic, KeyLocation};

pub(super) fn check(way: &AuthSpec, at: &str, out: &mut Vec<Diagnostic>) {
    schemas::check(&way.spec, &format!("{at}/spec"), out);
    match (way.kind, &way.api_key_params) {
        (AuthKind::ApiKey, Some(key)) => {
            declared(way, &key.param, &format!("{at}/apiKeyParams/param"), out);
            if key.location == KeyLocation::Header {
                headers::check_name(&key.name, &format!("{at}/apiKeyParams/name"), out);
            }
        }
        (AuthKind::ApiKey, None) => out.push(
            Diagnostic::error("E-auth", at, "the type ApiKey lacks the key `apiKeyParams`")
                .with_hint(r#"such as {"in": "header", "name": "X-Api-Key", "param": "apiKey"}"#),
        ),
        (kind, key) => {
            if key.is_some() {
                let message = format!("`apiKeyParams` is not used by the type {}", kind.as_str());
                out.push(Diagnostic::lint(
                    "L-unused",
                    format!("{at}/apiKeyParams"),
                    message,
                ));
            }
            for name in needed(kind) {
                declared(way, name, &format!("{at}/spec"), out);
            }
        }
    }
}

/// The parameters a way to sign in takes its credentials from.
fn needed(kind: AuthKind) -> &'static [&'static str] {
    match kind {
        AuthKind::OAuth2RefreshCode | AuthKind::BearerToken => &["accessToken"],
        AuthKind::BasicAuthentication => &["username", "password"],
        AuthKind::ApiKey => &[],
    }
}

fn declared(way: &AuthSpec, name: &str, at: &str, out: &mut Vec<Diagnostic>) {
    let mut known = properties(&way.spec).map(|(name, _)| name);
    if !known.any(|known| known == name) {
        let message = format!(
            "the type {} needs the parameter `{name}`, which `spec.properties` does not declare",
            way.kind.as_str()
        );
        out.push(Diagnostic::error("E-auth", at, message).with_hint("declare it there"));
    }
}
