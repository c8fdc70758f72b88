//! What a fragment, which has no `authSpec` of its own, can be signed in with: the ways of the
//! connector `rest`.

use serde_json::{Map, Value, json};

use crate::{ApiKeyParams, AuthKind, AuthSpec, KeyLocation};

pub(super) fn ways() -> Vec<AuthSpec> {
    let key = ApiKeyParams {
        location: KeyLocation::Header,
        name: "X-API-Key".to_owned(),
        param: "apiKey".to_owned(),
    };
    let way = |name: &str, kind, required: &[&str], optional: &[&str]| AuthSpec {
        name: name.to_owned(),
        kind,
        spec: schema(required, optional),
        api_key_params: (kind == AuthKind::ApiKey).then(|| key.clone()),
        oauth_params: None,
    };
    let basic = ["username", "password"];
    let client = ["clientId", "clientSecret", "accessTokenUrl"];
    let client_more = ["scope", "authorizationTestUrl", "requestParameterOverride"];
    let refresh: Vec<&str> = client
        .into_iter()
        .chain(["accessToken", "refreshToken", "expirationDate"])
        .chain(client_more)
        .collect();
    vec![
        way(
            "Basic Authentication",
            AuthKind::BasicAuthentication,
            &basic,
            &[],
        ),
        way("Bearer Token", AuthKind::BearerToken, &["accessToken"], &[]),
        way("API Key", AuthKind::ApiKey, &["apiKey"], &[]),
        way(
            "OAuth2 Refresh Code",
            AuthKind::OAuth2RefreshCode,
            &[],
            &refresh,
        ),
        way(
            "OAuth2 Client Credentials",
            AuthKind::OAuth2ClientCredentials,
            &client,
            &client_more,
        ),
    ]
}

fn schema(required: &[&str], optional: &[&str]) -> Map<String, Value> {
    let names = required.iter().chain(optional);
    let properties: Map<String, Value> = names
        .map(|name| ((*name).to_owned(), property(name)))
        .collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("required".to_owned(), json!(required));
    schema.insert("properties".to_owned(), properties.into());
    schema
}

fn property(name: &str) -> Value {
    match name {
        "password" | "apiKey" | "clientSecret" | "accessToken" | "refreshToken" => {
            json!({ "type": "string", "format": "password" })
        }
        "requestParameterOverride" => json!({ "type": "object" }),
        _ => json!({ "type": "string" }),
    }
}
