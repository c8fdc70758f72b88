//! Scheme, host and port: what decides whether a request may go out and what it may carry.

use std::fmt;
use std::str::FromStr;

use tapline_core::{Error, ErrorKind, Result};
use url::{Host, Url};

/// Where a URL leads, without path and query. Compared after the `url` crate's normalisation:
/// case, punycode, default ports and the many spellings of an IP address are already one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: String,
    host: Host,
    port: u16,
}

impl Origin {
    /// The origin of `url`.
    ///
    /// # Errors
    /// The URL is not http or https.
    pub fn of(url: &Url) -> Result<Self> {
        let scheme = url.scheme();
        if scheme != "http" && scheme != "https" {
            return Err(refused(format!(
                "only http and https are allowed, not {scheme:?}"
            )));
        }
        match (url.host(), url.port_or_known_default()) {
            (Some(host), Some(port)) => Ok(Self {
                scheme: scheme.to_owned(),
                host: host.to_owned(),
                port,
            }),
            _ => Err(refused("the URL has no host")),
        }
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The host, and the port unless it is the usual one.
    pub(crate) fn authority(&self) -> String {
        let shown = self.to_string();
        let scheme = self.scheme.len() + "://".len();
        shown[scheme..].to_owned()
    }

    /// A name or an address.
    pub fn host(&self) -> &Host {
        &self.host
    }
}

/// Reads what an operator writes in `allow_hosts`: `https://cdn.example.com:8443`, or just
/// `cdn.example.com`, which means https.
impl FromStr for Origin {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let absolute = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let url: Url = absolute
            .parse()
            .map_err(|error| unusable(text).with_source(error))?;
        let more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
        if more || !url.username().is_empty() || url.password().is_some() {
            return Err(unusable(text));
        }
        Self::of(&url)
    }
}

fn unusable(text: &str) -> Error {
    // Not the text itself where it could hold credentials.
    let shown = text.rsplit('@').next().unwrap_or_default();
    let shown = shown.split(['?', '#']).next().unwrap_or_default();
    Error::new(
        ErrorKind::Usage,
        "read allowed host",
        format!("{shown:?} is not a scheme and a host, such as https://api.example.com"),
    )
}

pub(crate) fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Refused, "check address", message)
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        match (self.scheme.as_str(), self.port) {
            ("http", 80) | ("https", 443) => Ok(()),
            (_, port) => write!(f, ":{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_origin_are_one_origin() {
        fn check(text: &str, shown: &str) {
            let origin = text.parse::<Origin>().unwrap();
            assert_eq!(origin.to_string(), shown, "{text}");
            assert_eq!(origin.authority(), shown.split_once("://").unwrap().1);
        }
        check("api.example.com", "https://api.example.com");
        check("API.example.com:443", "https://api.example.com");
        check("http://API.example.com:80/", "http://api.example.com");
        check("https://bücher.example", "https://xn--bcher-kva.example");
        check("http://0x7f.1:8080", "http://127.0.0.1:8080");
        check("http://[::0:1]:81", "http://[::1]:81");
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_an_error_without_secrets() {
        for text in [
            "https://user:hush@h",
            "https://h/p",
            "https://h?k=hush",
            "file:///etc/passwd",
            "",
        ] {
            let error = text.parse::<Origin>().unwrap_err().to_string();
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
