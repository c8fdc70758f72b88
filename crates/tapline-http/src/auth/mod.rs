//! Credentials, added just above the list of hosts, so that no layer above ever holds them.
//!
//! One file per kind. A kind reads its parameters once, when the client is made: a missing one is
//! an error before anything is sent.

mod api_key;
mod basic;
mod bearer;
mod fingerprint;
mod none;
mod oauth2;

use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderValue;
use tapline_core::{
    Error, ErrorKind, Params, Purpose, Request, Response, Result, Secret, Transport,
};
use tapline_spec::AuthPlan;
use url::Url;

use self::oauth2::OAuth2;
use crate::Origin;

pub(crate) use self::fingerprint::fingerprint;
pub(crate) use self::oauth2::Connection;
pub use self::oauth2::TokenStore;

/// Signs requests to the connection's own origins, and no others.
pub(crate) struct Auth {
    inner: Arc<dyn Transport>,
    base: Arc<[Origin]>,
    /// Where the credentials may be tried, besides.
    test: Option<Origin>,
    kind: Kind,
}

/// Credentials that are there once and for all, or those that have to be got.
enum Kind {
    Fixed(Box<dyn Sign>),
    OAuth2(OAuth2),
}

/// One kind of credentials.
trait Sign: Send + Sync {
    /// Adds them.
    fn sign(&self, request: &mut Request);
}

impl Auth {
    /// Over `parts.transport`, which is also how tokens are asked for.
    pub(crate) fn new(
        base: Arc<[Origin]>,
        test: Option<Origin>,
        plan: &AuthPlan,
        parts: Connection<'_>,
    ) -> Result<Self> {
        Ok(Self {
            base,
            test,
            inner: parts.transport.clone(),
            kind: match plan {
                AuthPlan::OAuth2(plan) => Kind::OAuth2(OAuth2::new(plan, parts)?),
                fixed => Kind::Fixed(kind(fixed, parts.params)?),
            },
        })
    }

    fn signs(&self, request: &Request) -> Result<bool> {
        let origin = Origin::of(&request.url)?;
        let is_test = request.purpose == Purpose::Check && self.test.as_ref() == Some(&origin);
        Ok(is_test || self.base.contains(&origin))
    }
}

fn kind(plan: &AuthPlan, params: &Params) -> Result<Box<dyn Sign>> {
    Ok(match plan {
        AuthPlan::None | AuthPlan::OAuth2(_) => Box::new(none::None),
        AuthPlan::Basic { username, password } => {
            Box::new(basic::Basic::new(params, username, password)?)
        }
        AuthPlan::Bearer { token } => Box::new(bearer::Bearer::new(params, token)?),
        AuthPlan::ApiKey {
            location,
            name,
            key,
        } => Box::new(api_key::ApiKey::new(params, *location, name, key)?),
    })
}

/// The token server that `plan` asks, if `params` say where it is.
pub(crate) fn token_url(plan: &AuthPlan, params: &Params) -> Result<Option<Url>> {
    match plan {
        AuthPlan::OAuth2(plan) => oauth2::token_url(plan, params),
        AuthPlan::None
        | AuthPlan::Basic { .. }
        | AuthPlan::Bearer { .. }
        | AuthPlan::ApiKey { .. } => Ok(None),
    }
}

/// What is sent for `plan` as one secret and is none of `params`: a redactor has to know it
/// besides them, since the base64 of a pair does not contain that of its password.
pub fn sent_secret(plan: &AuthPlan, params: &Params) -> Option<Secret> {
    match plan {
        AuthPlan::Basic { username, password } => basic::pair(params, username, password)
            .ok()
            .map(Secret::new),
        AuthPlan::None
        | AuthPlan::Bearer { .. }
        | AuthPlan::ApiKey { .. }
        // A token server is sent more than one secret, and the redactor learns them on the way.
        | AuthPlan::OAuth2(_) => None,
    }
}

#[async_trait]
impl Transport for Auth {
    async fn send(&self, mut request: Request) -> Result<Response> {
        let inner = &self.inner;
        match &self.kind {
            Kind::OAuth2(tokens) if self.signs(&request)? => tokens.send(&**inner, request).await,
            Kind::Fixed(kind) if self.signs(&request)? => {
                kind.sign(&mut request);
                inner.send(request).await
            }
            _ => inner.send(request).await,
        }
    }
}

fn param<'p>(params: &'p Params, name: &str) -> Result<&'p str> {
    let param = params.get(name).ok_or_else(|| {
        invalid(format!(
            "the parameter {name:?} is missing (given: {})",
            params.names()
        ))
    })?;
    Ok(param.expose())
}

/// A header value that no log shows.
fn secret(text: &str, name: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| invalid(format!("the parameter {name:?} cannot be sent in a header")))?;
    value.set_sensitive(true);
    Ok(value)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Usage, "read credentials", message)
}

#[cfg(test)]
mod tests {
    use tapline_core::{Param, Secret};
    use tapline_spec::KeyLocation;

    use super::*;

    fn params() -> Params {
        let secret = |text: &str| Param::Secret(Secret::new(text));
        Params::from_iter([
            ("user", Param::Plain("Aladdin".to_owned())),
            ("pass", secret("open sesame")),
            ("split", secret("a\r\nb")),
            ("key", secret("k&=y")),
        ])
    }

    fn signed(plan: &AuthPlan) -> Result<Request> {
        let mut request = Request::get("https://h/p?a=b".parse().unwrap());
        kind(plan, &params())?.sign(&mut request);
        Ok(request)
    }

    fn api_key(location: KeyLocation, name: &str) -> AuthPlan {
        AuthPlan::ApiKey {
            location,
            name: name.to_owned(),
            key: "key".to_owned(),
        }
    }

    #[test]
    fn headers_are_signed_and_sensitive() {
        fn check(plan: AuthPlan, header: &str, expected: &str) {
            let request = signed(&plan).unwrap();
            let value = &request.headers[header];
            assert_eq!(value, expected);
            assert!(value.is_sensitive());
            assert_eq!(request.url.query(), Some("a=b"));
        }
        let basic = AuthPlan::Basic {
            username: "user".to_owned(),
            password: "pass".to_owned(),
        };
        check(basic, "authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let bearer = AuthPlan::Bearer {
            token: "pass".to_owned(),
        };
        check(bearer, "authorization", "Bearer open sesame");
        check(api_key(KeyLocation::Header, "X-Key"), "x-key", "k&=y");
    }

    #[test]
    fn a_query_key_is_encoded_and_appended_once() {
        let query = api_key(KeyLocation::Query, "api key");
        let mut request = signed(&query).unwrap();
        for _ in 0..2 {
            assert_eq!(request.url.query(), Some("a=b&api+key=k%26%3Dy"));
            kind(&query, &params()).unwrap().sign(&mut request);
        }
        assert!(request.headers.is_empty());
        assert!(signed(&AuthPlan::None).unwrap().headers.is_empty());
    }

    #[test]
    fn what_cannot_be_sent_is_named_and_not_shown() {
        fn check(token: &str, part: &str) {
            let plan = AuthPlan::Bearer {
                token: token.to_owned(),
            };
            let error = signed(&plan).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("sesame"), "{error}");
        }
        check(
            "nope",
            "\"nope\" is missing (given: key, pass, split, user)",
        );
        check("split", "\"split\" cannot be sent");
        let error = signed(&api_key(KeyLocation::Header, "a b")).unwrap_err();
        assert!(error.to_string().contains("\"a b\""), "{error}");
    }
}
