//! The token server: what it is sent.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use http::{HeaderValue, Method};
use tapline_core::{Body, Params, Purpose, Request, Result, Secret};
use tapline_spec::{
    ClientAuthentication, OAuth2Grant, OAuth2Plan, RequestParameterOverride, TokenMethod,
    oauth_param,
};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::auth::{invalid, param, secret};

/// Where tokens are asked for, and with what.
pub(super) struct TokenServer {
    pub(super) url: Url,
    pub(super) grant: OAuth2Grant,
    pub(super) client_id: Option<String>,
    client_secret: Option<Secret>,
    authentication: ClientAuthentication,
    names: RequestParameterOverride,
    /// Further fields.
    fields: Vec<(String, String)>,
}

/// Where an answer has what is wanted.
pub(super) struct AnswerFields<'a> {
    pub(super) access: &'a str,
    pub(super) refresh: &'a str,
    pub(super) life: &'a str,
}

impl TokenServer {
    /// The server of `plan`, if `params` say where it is.
    pub(super) fn new(plan: &OAuth2Plan, params: &Params) -> Result<Option<Self>> {
        let Some(url) = address(plan, params)? else {
            return Ok(None);
        };
        let text = |name| params.get(name).map(|param| param.expose().to_owned());
        if plan.grant == OAuth2Grant::ClientCredentials {
            param(params, oauth_param::CLIENT_ID)?;
            param(params, oauth_param::CLIENT_SECRET)?;
        }
        let fields = plan.further_fields(params);
        Ok(Some(Self {
            url,
            grant: plan.grant,
            client_id: text(oauth_param::CLIENT_ID),
            client_secret: text(oauth_param::CLIENT_SECRET).map(Secret::new),
            authentication: plan.client,
            names: names(params)?,
            fields: fields.map_err(|error| invalid(error.to_string()))?,
        }))
    }

    /// What it is sent that no text may show: the secret, and the pair of id and secret in the form
    /// in which a header has it.
    pub(super) fn sent_secrets(&self) -> Vec<Secret> {
        let secret = self.client_secret.as_ref();
        let pair = secret.map(|secret| Secret::new(self.pair(secret)));
        secret.cloned().into_iter().chain(pair).collect()
    }

    pub(super) fn answer_fields(&self) -> AnswerFields<'_> {
        AnswerFields {
            access: named(&self.names.access_token_field, "access_token"),
            refresh: named(&self.names.refresh_token_field, "refresh_token"),
            life: named(&self.names.expire_in_field, "expires_in"),
        }
    }

    /// Asks for a token; with `refresh`, if that is the grant.
    pub(super) fn request(&self, refresh: Option<&Secret>) -> Result<Request> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let mut form = Serializer::new(String::new());
        form.extend_pairs(self.granted(refresh));
        self.authenticate(&mut form, &mut headers)?;
        form.extend_pairs(&self.fields);
        let form = form.finish();
        let mut request = Request {
            headers,
            purpose: Purpose::Token,
            ..Request::get(self.url.clone())
        };
        match self.names.authentication_method.unwrap_or_default() {
            TokenMethod::Get => {
                let own = self.url.query().map(|own| format!("{own}&"));
                request
                    .url
                    .set_query(Some(&(own.unwrap_or_default() + &form)));
            }
            TokenMethod::Post => {
                let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
                request.headers.insert(CONTENT_TYPE, kind);
                request.method = Method::POST;
                request.body = Body::Bytes(Bytes::from(form));
            }
        }
        Ok(request)
    }

    /// What a token is to be given for. An author's own `grant_type` stands among the fields.
    fn granted<'a>(&'a self, refresh: Option<&'a Secret>) -> Vec<(&'a str, &'a str)> {
        let kind = match refresh {
            Some(_) => "refresh_token",
            None => "client_credentials",
        };
        let is_own = self.fields.iter().any(|(name, _)| name == "grant_type");
        let kind = (!is_own).then_some(("grant_type", kind));
        let name = self.answer_fields().refresh;
        let token = refresh.map(|refresh| (name, refresh.expose()));
        kind.into_iter().chain(token).collect()
    }

    fn authenticate(
        &self,
        form: &mut Serializer<'_, String>,
        headers: &mut HeaderMap,
    ) -> Result<()> {
        if let (ClientAuthentication::Header, Some(secret_text)) =
            (self.authentication, &self.client_secret)
        {
            let text = format!("Basic {}", STANDARD.encode(self.pair(secret_text)));
            headers.insert(AUTHORIZATION, secret(&text, oauth_param::CLIENT_SECRET)?);
            return Ok(());
        }
        if let Some(id) = &self.client_id {
            form.append_pair(named(&self.names.client_id, "client_id"), id);
        }
        if let Some(secret) = &self.client_secret {
            let name = named(&self.names.client_secret, "client_secret");
            form.append_pair(name, secret.expose());
        }
        Ok(())
    }

    /// RFC 6749 section 2.3.1: both are form-encoded before they become a pair.
    fn pair(&self, secret: &Secret) -> String {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let id = self.client_id.as_deref().unwrap_or_default();
        format!("{}:{}", encoded(id), encoded(secret.expose()))
    }

    /// How long a token request may take at most.
    pub(super) fn patience(request_timeout: Duration) -> Duration {
        request_timeout.saturating_add(Duration::from_secs(10))
    }
}

fn named<'a>(own: &'a Option<String>, usual: &'a str) -> &'a str {
    own.as_deref().unwrap_or(usual)
}

/// Where `plan` asks for tokens, if `params` say so.
pub(super) fn address(plan: &OAuth2Plan, params: &Params) -> Result<Option<Url>> {
    let text = plan
        .token_url(params)
        .map_err(|error| invalid(error.to_string()))?;
    let Some(text) = text else {
        return Ok(None);
    };
    let url = Url::parse(&text).ok().filter(Url::has_host);
    url.map(Some).ok_or_else(|| {
        let message = "the token server's address (accessTokenUrl) is not a whole URL, such as \
                       https://login.example.com/oauth/token";
        invalid(message.to_owned())
    })
}

fn names(params: &Params) -> Result<RequestParameterOverride> {
    let Some(param) = params.get(oauth_param::OVERRIDE) else {
        return Ok(RequestParameterOverride::default());
    };
    serde_json::from_str(param.expose()).map_err(|error| {
        invalid(format!(
            "the parameter {:?} is not as it should be: {error}",
            oauth_param::OVERRIDE
        ))
    })
}
