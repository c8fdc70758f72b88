//! `Authorization: Basic ...`, in UTF-8.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use tapline_core::{Params, Request, Result};

use super::{Sign, param, secret};

/// A user name and a password.
pub(super) struct Basic(HeaderValue);

impl Basic {
    pub(super) fn new(params: &Params, username: &str, password: &str) -> Result<Self> {
        let pair = pair(params, username, password)?;
        let text = format!("Basic {}", STANDARD.encode(pair));
        Ok(Self(secret(&text, password)?))
    }
}

/// User name and password as they are encoded.
pub(super) fn pair(params: &Params, username: &str, password: &str) -> Result<String> {
    let (username, password) = (param(params, username)?, param(params, password)?);
    Ok(format!("{username}:{password}"))
}

impl Sign for Basic {
    fn sign(&self, request: &mut Request) {
        request.headers.insert(AUTHORIZATION, self.0.clone());
    }
}
