//! Whether a way to sign in has what it needs.

use tapline_expr::Template;

use crate::check::{headers, schemas};
use crate::document::properties;
use crate::{
    AuthKind, AuthSpec, Diagnostic, KeyLocation, OAuthParams, oauth_param, pointer, suggest,
};

pub(super) fn check(way: &AuthSpec, at: &str, out: &mut Vec<Diagnostic>) {
    schemas::check(&way.spec, &format!("{at}/spec"), out);
    match (way.kind, &way.api_key_params) {
        (AuthKind::ApiKey, Some(key)) => {
            declared(way, &[&key.param], &format!("{at}/apiKeyParams/param"), out);
            if key.location == KeyLocation::Header {
                headers::check_name(&key.name, &format!("{at}/apiKeyParams/name"), out);
            }
        }
        (AuthKind::ApiKey, None) => out.push(
            Diagnostic::error("E-auth", at, "the type ApiKey lacks the key `apiKeyParams`")
                .with_hint(r#"such as {"in": "header", "name": "X-Api-Key", "param": "apiKey"}"#),
        ),
        (_, Some(_)) => unused(way, "apiKeyParams", at, out),
        (_, None) => {}
    }
    match (is_oauth(way.kind), &way.oauth_params) {
        (true, Some(fixed)) => check_fixed(way, fixed, &format!("{at}/oauthParams"), out),
        (false, Some(_)) => unused(way, "oauthParams", at, out),
        (_, None) => {}
    }
    for names in needed(way) {
        declared(way, names, &format!("{at}/spec"), out);
    }
}

fn unused(way: &AuthSpec, key: &str, at: &str, out: &mut Vec<Diagnostic>) {
    let message = format!("`{key}` is not used by the type {}", way.kind.as_str());
    out.push(Diagnostic::lint("L-unused", format!("{at}/{key}"), message));
}

fn is_oauth(kind: AuthKind) -> bool {
    match kind {
        AuthKind::OAuth2RefreshCode | AuthKind::OAuth2ClientCredentials => true,
        AuthKind::BasicAuthentication | AuthKind::BearerToken | AuthKind::ApiKey => false,
    }
}

/// The parameters a way to sign in takes its credentials from; of each group one must be there.
fn needed(way: &AuthSpec) -> Vec<&'static [&'static str]> {
    let mut needed: Vec<&[&str]> = match way.kind {
        AuthKind::OAuth2RefreshCode => vec![&["accessToken", "refreshToken"]],
        AuthKind::OAuth2ClientCredentials => vec![&["clientId"], &["clientSecret"]],
        AuthKind::BearerToken => vec![&["accessToken"]],
        AuthKind::BasicAuthentication => vec![&["username"], &["password"]],
        AuthKind::ApiKey => vec![],
    };
    let is_fixed = |fixed: &OAuthParams| fixed.token_url.is_some();
    let asks = way.kind == AuthKind::OAuth2ClientCredentials
        || way.kind == AuthKind::OAuth2RefreshCode && !declares(way, "accessToken");
    if asks && !way.oauth_params.as_ref().is_some_and(is_fixed) {
        needed.push(&oauth_param::TOKEN_URLS);
    }
    needed
}

fn declares(way: &AuthSpec, name: &str) -> bool {
    properties(&way.spec).any(|(known, _)| known == name)
}

fn declared(way: &AuthSpec, names: &[&str], at: &str, out: &mut Vec<Diagnostic>) {
    if !names.iter().any(|name| declares(way, name)) {
        let message = format!(
            "the type {} needs the parameter `{}`, which `spec.properties` does not declare",
            way.kind.as_str(),
            names.join("` or `")
        );
        out.push(Diagnostic::error("E-auth", at, message).with_hint("declare it there"));
    }
}

/// Checks what is fixed about the token server.
fn check_fixed(way: &AuthSpec, fixed: &OAuthParams, at: &str, out: &mut Vec<Diagnostic>) {
    if let Some(url) = &fixed.token_url {
        check_text(way, url, &format!("{at}/tokenUrl"), out);
    }
    for (name, text) in &fixed.fields {
        let at = pointer::join(&format!("{at}/fields"), name);
        if OURS.contains(&name.as_str()) {
            let message = format!("the field `{name}` is made of the parameters");
            out.push(Diagnostic::error("E-auth", at.clone(), message).with_hint("leave it out"));
        }
        check_text(way, text, &at, out);
    }
}

/// Fields of a token request that are no further ones. `grant_type` may be one: some servers have
/// a name of their own for it.
const OURS: [&str; 3] = ["refresh_token", "client_id", "client_secret"];

/// A token is asked for before there is any stream: only the way's own parameters are there.
fn check_text(way: &AuthSpec, text: &str, at: &str, out: &mut Vec<Diagnostic>) {
    let template: Template = match text.parse() {
        Ok(template) => template,
        Err(error) => return out.push(Diagnostic::error("E-template", at, error.to_string())),
    };
    for name in template.params().filter(|name| !declares(way, name)) {
        let message = format!("`${{{name}}}` is not declared in this way's `spec.properties`");
        let hint = suggest::hint(name, properties(&way.spec).map(|(known, _)| known));
        out.push(Diagnostic::error("E-placeholder", at, message).with_hint(hint));
    }
}
