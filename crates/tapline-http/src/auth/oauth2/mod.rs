//! `Authorization: Bearer ...` with access tokens that a token server gives.
//!
//! The token is renewed before it ends, and once more if the source refuses it. However many
//! requests wait for a token, one token request is sent ([`holder`]). A refresh token that the
//! server has replaced is sealed in the state store before anything else happens ([`vault`]).

mod answer;
mod failure;
mod holder;
mod server;
mod token;
mod vault;

use std::sync::Arc;

use http::StatusCode;
use tapline_core::{Params, Request, Response, Result, Transport};
use tapline_spec::OAuth2Plan;
use url::Url;

use self::holder::Holder;
use self::token::Token;

pub use self::vault::TokenStore;

pub(crate) use self::holder::Connection;

/// Where `plan` asks for tokens, if `params` say so.
pub(super) fn token_url(plan: &OAuth2Plan, params: &Params) -> Result<Option<Url>> {
    server::address(plan, params)
}

/// Signs with the newest token.
pub(super) struct OAuth2(Arc<Holder>);

impl OAuth2 {
    pub(super) fn new(plan: &OAuth2Plan, parts: Connection<'_>) -> Result<Self> {
        Holder::new(plan, parts).map(|holder| Self(Arc::new(holder)))
    }

    /// Sends `request`; if the token is refused, once more with another.
    pub(super) async fn send(&self, inner: &dyn Transport, request: Request) -> Result<Response> {
        let again = request.try_clone();
        let token = self.0.token(None).await?;
        let response = inner.send(signed(request, &token)).await?;
        if response.status != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        match (again, self.0.renewed(&token).await?) {
            (Some(request), Some(token)) => inner.send(signed(request, &token)).await,
            _ => Ok(response),
        }
    }
}

fn signed(mut request: Request, token: &Token) -> Request {
    token.sign(&mut request);
    request
}
