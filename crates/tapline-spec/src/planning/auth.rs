//! Which way to sign in is meant, and what it does.

mod oauth;
mod well_known;

use super::Desk;
use crate::auth::squeezed;
use crate::{AuthKind, AuthPlan, AuthSpec, ConnectorDocument, Diagnostic};

/// The way to sign in called `name`; that may be left out where there is no choice.
pub(super) fn choose(
    document: &ConnectorDocument,
    name: Option<&str>,
) -> Result<Option<AuthSpec>, Diagnostic> {
    let ways = match &document.auth_spec {
        Some(ways) => ways.clone(),
        None => well_known::ways(),
    };
    match (name, ways.as_slice()) {
        (None, []) => Ok(None),
        (None, _) if document.is_fragment() => Ok(None),
        (None, [only]) => Ok(Some(only.clone())),
        (None, _) => Err(unknown(
            "say which way to sign in is meant".to_owned(),
            &ways,
        )),
        (Some(name), []) => {
            let message = format!("there is no way to sign in called `{name}`: none is needed");
            Err(Diagnostic::error("E-auth", "/authSpec", message))
        }
        (Some(name), _) => find(&ways, name)
            .map(|way| Some(way.clone()))
            .ok_or_else(|| unknown(format!("there is no way to sign in called `{name}`"), &ways)),
    }
}

/// By name first: two ways may have the same type.
fn find<'a>(ways: &'a [AuthSpec], name: &str) -> Option<&'a AuthSpec> {
    ways.iter()
        .find(|way| squeezed(&way.name) == squeezed(name))
        .or_else(|| ways.iter().find(|way| way.is_called(name)))
}

fn unknown(message: String, ways: &[AuthSpec]) -> Diagnostic {
    let names: Vec<&str> = ways.iter().map(|way| way.name.as_str()).collect();
    Diagnostic::error("E-auth", "/authSpec", message)
        .with_hint(format!("known: {}", names.join(", ")))
}

/// What signing in does to a request.
pub(super) fn plan(desk: &mut Desk, way: Option<&AuthSpec>) -> Option<AuthPlan> {
    let Some(way) = way else {
        return Some(AuthPlan::None);
    };
    Some(match way.kind {
        AuthKind::OAuth2RefreshCode | AuthKind::OAuth2ClientCredentials => oauth::plan(desk, way)?,
        AuthKind::BearerToken => AuthPlan::Bearer {
            token: "accessToken".to_owned(),
        },
        AuthKind::BasicAuthentication => AuthPlan::Basic {
            username: "username".to_owned(),
            password: "password".to_owned(),
        },
        AuthKind::ApiKey => {
            let key = desk.need("apiKeyParams", way.api_key_params.clone())?;
            AuthPlan::ApiKey {
                location: key.location,
                name: key.name,
                key: key.param,
            }
        }
    })
}
