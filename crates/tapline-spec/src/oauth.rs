//! OAuth 2.0 as a document describes it: what is fixed about the token server, and the names of
//! the parameters with the credentials.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_expr::{Context, Encoding, ExprError, Template};

use crate::{OAuth2Plan, Params};

/// The parameters of the OAuth types, by their documented names.
pub mod oauth_param {
    /// The client's id.
    pub const CLIENT_ID: &str = "clientId";
    /// The client's secret.
    pub const CLIENT_SECRET: &str = "clientSecret";
    /// An access token to begin with.
    pub const ACCESS_TOKEN: &str = "accessToken";
    /// What a new access token is got with.
    pub const REFRESH_TOKEN: &str = "refreshToken";
    /// When the access token ends: a date, or date and time.
    pub const EXPIRATION_DATE: &str = "expirationDate";
    /// What access is asked for.
    pub const SCOPE: &str = "scope";
    /// Other names for the fields of token requests and answers; an object.
    pub const OVERRIDE: &str = "requestParameterOverride";
    /// What `tapline check` asks for.
    pub const TEST_URL: &str = "authorizationTestUrl";
    /// The token server's address. Adobe documents the first two, SAP Commerce has the third.
    pub const TOKEN_URLS: [&str; 3] = ["accessTokenUrl", "refreshTokenUrl", "tokenEndpoint"];
}

/// What a document fixes about its token server; only for the OAuth types.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OAuthParams {
    /// The token server's address, with `${...}`. Left out: the parameter `accessTokenUrl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// How the client says who it is; in the body unless given.
    #[serde(default)]
    pub client_authentication: ClientAuthentication,
    /// Further fields of a token request, with `${...}`: `audience`, `resource`, `scope`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

/// How a client says who it is to a token server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuthentication {
    /// `client_id` and `client_secret` among the fields.
    #[default]
    Body,
    /// `Authorization: Basic ...`, as RFC 6749 section 2.3.1 writes it.
    Header,
}

/// Other names for the fields of token requests and answers, where a server has its own: the
/// value of the parameter `requestParameterOverride`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RequestParameterOverride {
    /// Where the answer has the access token; `access_token`.
    pub access_token_field: Option<String>,
    /// Where the request and the answer have the refresh token; `refresh_token`.
    pub refresh_token_field: Option<String>,
    /// Where the answer has the seconds that the access token lives; `expires_in`.
    pub expire_in_field: Option<String>,
    /// GET, with the fields in the query, or POST, with the fields in the body.
    pub authentication_method: Option<TokenMethod>,
    /// Where the request has the client's id; `client_id`.
    pub client_id: Option<String>,
    /// Where the request has the client's secret; `client_secret`.
    pub client_secret: Option<String>,
}

/// How a token is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TokenMethod {
    /// The fields are in the query.
    Get,
    /// The fields are in the body.
    #[default]
    Post,
}

impl OAuth2Plan {
    /// The token server's address, if `params` say where it is.
    ///
    /// # Errors
    /// A value cannot stand where it is used.
    pub fn token_url(&self, params: &Params) -> Result<Option<String>, ExprError> {
        let url = self.token_urls.iter().find(|url| is_given(url, params));
        url.map(|url| rendered(url, params, Encoding::Host))
            .transpose()
    }

    /// The further fields of a token request, without those whose parameters are not given.
    ///
    /// # Errors
    /// A value cannot stand where it is used.
    pub fn further_fields(&self, params: &Params) -> Result<Vec<(String, String)>, ExprError> {
        let given = self
            .fields
            .iter()
            .filter(|(_, text)| is_given(text, params));
        given
            .map(|(name, text)| Ok((name.clone(), rendered(text, params, Encoding::Plain)?)))
            .collect()
    }
}

fn is_given(template: &Template, params: &Params) -> bool {
    template.params().all(|name| params.get(name).is_some())
}

fn rendered(template: &Template, params: &Params, encoding: Encoding) -> Result<String, ExprError> {
    let context = Context {
        params,
        ..Context::default()
    };
    template.render(context, encoding)
}
