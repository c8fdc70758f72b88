//! Ways to sign in, as a document lists them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{KeyLocation, OAuthParams};

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
    /// The token server; only for the OAuth types.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth_params: Option<OAuthParams>,
}

/// How requests are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuthKind {
    /// The parameter `accessToken` as a bearer token, renewed with `refreshToken`.
    OAuth2RefreshCode,
    /// A bearer token that a token server gives for `clientId` and `clientSecret`.
    OAuth2ClientCredentials,
    /// The parameters `username` and `password`.
    BasicAuthentication,
    /// The parameter `accessToken` as a bearer token that never changes.
    BearerToken,
    /// A key in a header or in the query; needs `apiKeyParams`.
    ApiKey,
}

impl AuthKind {
    /// All of them.
    const ALL: [Self; 5] = [
        Self::OAuth2RefreshCode,
        Self::OAuth2ClientCredentials,
        Self::BasicAuthentication,
        Self::BearerToken,
        Self::ApiKey,
    ];

    /// The type that `name` means, however it is spaced and cased. SAP Commerce is published with
    /// `OAuth2 Client Credential`.
    pub(crate) fn meant(name: &str) -> Option<Self> {
        let wanted = squeezed(name);
        let is_meant = |kind: &Self| {
            let own = squeezed(kind.as_str());
            own == wanted || own.strip_suffix('s') == Some(wanted.as_str())
        };
        Self::ALL.into_iter().find(is_meant)
    }

    /// The name written in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OAuth2RefreshCode => "OAuth2RefreshCode",
            Self::OAuth2ClientCredentials => "OAuth2ClientCredentials",
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
        squeezed(&self.name) == wanted || AuthKind::meant(name) == Some(self.kind)
    }
}

/// Lower case, without spaces, `-` and `_`: Adobe spells these names in many ways.
pub(crate) fn squeezed(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, ' ' | '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}
