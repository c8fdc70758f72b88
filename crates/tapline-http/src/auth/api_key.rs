//! A key in a header or in the query.

use http::{HeaderName, HeaderValue};
use tapline_core::{Params, Request, Result, Secret};
use tapline_spec::KeyLocation;

use super::{Sign, invalid, param, secret};

/// A key and where it goes. In the query it is appended here, at the last moment: no URL that
/// another layer sees, keeps or shows has it.
pub(super) enum ApiKey {
    Header(HeaderName, HeaderValue),
    Query(String, Secret),
}

impl ApiKey {
    pub(super) fn new(
        params: &Params,
        location: KeyLocation,
        name: &str,
        key: &str,
    ) -> Result<Self> {
        let value = param(params, key)?;
        Ok(match location {
            KeyLocation::Header => Self::Header(header(name)?, secret(value, key)?),
            KeyLocation::Query => Self::Query(name.to_owned(), Secret::new(value)),
        })
    }
}

fn header(name: &str) -> Result<HeaderName> {
    name.parse()
        .map_err(|_| invalid(format!("{name:?} is not the name of a header")))
}

impl Sign for ApiKey {
    fn sign(&self, request: &mut Request) {
        match self {
            Self::Header(name, value) => {
                request.headers.insert(name.clone(), value.clone());
            }
            Self::Query(name, value) => {
                let (name, value) = (name.as_str(), value.expose());
                // A redirect may have brought the key back.
                let mut pairs = request.url.query_pairs();
                if !pairs.any(|(key, text)| key == name && text == value) {
                    request.url.query_pairs_mut().append_pair(name, value);
                }
            }
        }
    }
}
