//! Reading the `Authorization` header.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a client signs in with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    /// User name and password.
    Basic(String, String),
    /// A token.
    Bearer(String),
}

/// The credentials of a request, if it has any that can be read.
pub(super) fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => basic(rest.trim()),
        "bearer" => Some(Credentials::Bearer(rest.trim().to_owned())),
        _ => None,
    }
}

fn basic(encoded: &str) -> Option<Credentials> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some(Credentials::Basic(user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: Option<Credentials>) {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, header.parse().unwrap());
        assert_eq!(credentials(&headers), expected, "{header}");
    }

    #[test]
    fn schemes() {
        let basic = |u: &str, p: &str| Some(Credentials::Basic(u.into(), p.into()));
        check("Basic YW55OmE6Yg==", basic("any", "a:b"));
        check("basic YW55Og==", basic("any", ""));
        check("Bearer abc", Some(Credentials::Bearer("abc".into())));
        check("Basic !", None);
        check("Digest abc", None);
        check("Basic", None);
    }
}
