//! `Authorization: Bearer ...`.

use http::HeaderValue;
use http::header::AUTHORIZATION;
use tapline_core::{Params, Request, Result};

use super::{Sign, param, secret};

/// A token.
pub(super) struct Bearer(HeaderValue);

impl Bearer {
    pub(super) fn new(params: &Params, token: &str) -> Result<Self> {
        let text = format!("Bearer {}", param(params, token)?);
        Ok(Self(secret(&text, token)?))
    }
}

impl Sign for Bearer {
    fn sign(&self, request: &mut Request) {
        request.headers.insert(AUTHORIZATION, self.0.clone());
    }
}
