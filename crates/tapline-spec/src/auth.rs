//! Ways to sign in, as a document lists them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::KeyLocation;

/// One way to sign in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthSpec {
    /// What `auth.specName` of a connection names.
    pub name: String,
    /// How requests are signed.
    #[serde(rename = "type")]
    pub kind: AuthKind,
    /// JSON Schema (draft-07) of the credentials the operator gives.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub spec: Map<String, Value>,
    /// Where the key goes; only for `ApiKey`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_params: Option<ApiKeyParams>,
}

/// How requests are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuthKind {
    /// The parameter `accessToken` as a bearer token.
    OAuth2RefreshCode,
    /// The parameters `username` and `password`.
    BasicAuthentication,
    /// The parameter `accessToken` as a bearer token that never changes.
    BearerToken,
    /// A key in a header or in the query; needs `apiKeyParams`.
    ApiKey,
}

impl AuthKind {
    /// The name written in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OAuth2RefreshCode => "OAuth2RefreshCode",
            Self::BasicAuthentication => "BasicAuthentication",
            Self::BearerToken => "BearerToken",
            Self::ApiKey => "ApiKey",
        }
    }
}

/// Where an API key goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyParams {
    /// A header or a query parameter.
    #[serde(rename = "in")]
    pub location: KeyLocation,
    /// Name of the header or query parameter.
    pub name: String,
    /// The parameter that holds the key.
    pub param: String,
}

impl AuthSpec {
    /// Whether `name` means this one: its name or its type, however spaced or cased.
    pub fn is_called(&self, name: &str) -> bool {
        let wanted = squeezed(name);
        squeezed(&self.name) == wanted || squeezed(self.kind.as_str()) == wanted
    }
}

/// Lower case, without spaces, `-` and `_`: Adobe spells these names in many ways.
pub(crate) fn squeezed(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, ' ' | '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}
