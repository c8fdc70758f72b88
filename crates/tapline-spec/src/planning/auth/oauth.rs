//! How access tokens are got.

use tapline_expr::Template;

use super::Desk;
use crate::document::properties;
use crate::{
    AuthKind, AuthPlan, AuthSpec, Diagnostic, OAuth2Grant, OAuth2Plan, OAuthParams, oauth_param,
};

pub(super) fn plan(desk: &mut Desk, way: &AuthSpec) -> Option<AuthPlan> {
    let fixed = way.oauth_params.clone().unwrap_or_default();
    let fields = fields(desk, way, &fixed)?;
    Some(AuthPlan::OAuth2(OAuth2Plan {
        grant: match way.kind {
            AuthKind::OAuth2ClientCredentials => OAuth2Grant::ClientCredentials,
            _ => OAuth2Grant::RefreshToken,
        },
        token_urls: token_urls(desk, way, &fixed)?,
        client: fixed.client_authentication,
        fields,
    }))
}

/// What the author fixed, and else the parameters that may hold the address.
fn token_urls(desk: &mut Desk, way: &AuthSpec, fixed: &OAuthParams) -> Option<Vec<Template>> {
    if let Some(url) = &fixed.token_url {
        return Some(vec![template(desk, url)?]);
    }
    oauth_param::TOKEN_URLS
        .iter()
        .filter(|name| declares(way, name))
        .map(|name| template(desk, &format!("${{{name}}}")))
        .collect()
}

/// The author's fields, and the parameter `scope` unless the author fixed that.
fn fields(desk: &mut Desk, way: &AuthSpec, fixed: &OAuthParams) -> Option<Vec<(String, Template)>> {
    let mut fields = Vec::new();
    for (name, text) in &fixed.fields {
        fields.push((name.clone(), template(desk, text)?));
    }
    let scope = oauth_param::SCOPE;
    if declares(way, scope) && !fixed.fields.contains_key(scope) {
        fields.push((scope.to_owned(), template(desk, "${scope}")?));
    }
    Some(fields)
}

fn declares(way: &AuthSpec, name: &str) -> bool {
    properties(&way.spec).any(|(declared, _)| declared == name)
}

fn template(desk: &mut Desk, text: &str) -> Option<Template> {
    let parsed = text.parse();
    parsed
        .map_err(|error: tapline_expr::ExprError| {
            let error = Diagnostic::error("E-template", "/authSpec", error.to_string());
            desk.errors.push(error);
        })
        .ok()
}
