//! The list of hosts that a connection may talk to, and the door that asks it.
//!
//! A hop to an address that is not listed is an error before a single byte is sent. The rules for
//! what a listed host may turn out to be:
//!
//! * The operator wrote it in `allow_hosts`: any address, private ones included.
//! * It comes from a spec's host (the default): a name must have a public address, so that no
//!   spec can point a harmless name at the operator's network. `localhost` may be loopback. An
//!   address literal is taken as it is, except a link-local one.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use tapline_core::{Purpose, Request, Response, Result, Transport};
use url::{Host, Url};

use crate::address::{is_link_local, is_public};
use crate::origin::{Origin, refused};

/// Origins a connection may talk to.
#[derive(Clone, Debug, Default)]
pub struct AllowList {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    origin: Origin,
    /// Whether the operator wrote this very entry.
    explicit: bool,
    /// What it is for; `None`: for everything.
    only: Option<Purpose>,
}

impl AllowList {
    /// The list that an operator wrote in `allow_hosts`; empty by default. A [`crate::Client`]
    /// adds the origins of its own base URLs.
    pub fn explicit(origins: impl IntoIterator<Item = Origin>) -> Self {
        let entries = origins.into_iter().map(|origin| Entry {
            origin,
            explicit: true,
            only: None,
        });
        Self {
            entries: entries.collect(),
        }
    }

    /// Adds an origin that a spec named, unless it is listed already.
    pub(crate) fn derive(&mut self, origin: &Origin) {
        self.add(origin, None);
    }

    /// Adds an origin for requests of one purpose: a token server is sent no pages, and what is
    /// only tried there is not read from there.
    pub(crate) fn derive_for(&mut self, purpose: Purpose, origin: &Origin) {
        self.add(origin, Some(purpose));
    }

    fn add(&mut self, origin: &Origin, only: Option<Purpose>) {
        let covers =
            |entry: &Entry| entry.origin == *origin && (entry.only.is_none() || entry.only == only);
        if !self.entries.iter().any(covers) {
            self.entries.push(Entry {
                origin: origin.clone(),
                explicit: false,
                only,
            });
        }
    }

    /// Whether any listed host speaks TLS.
    pub(crate) fn has_https(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| entry.origin.scheme() == "https")
    }

    /// Whether the name `host` may be connected to at `address`.
    pub(crate) fn may_reach(&self, host: &str, address: IpAddr) -> bool {
        let named =
            |entry: &&Entry| matches!(entry.origin.host(), Host::Domain(name) if name == host);
        let local = host == "localhost" && address.is_loopback();
        let mut entries = self.entries.iter().filter(named);
        is_public(address) || entries.any(|entry| entry.explicit || local)
    }

    /// Whether a request for `purpose` may go to `url`.
    pub(crate) fn check(&self, url: &Url, purpose: Purpose) -> Result<()> {
        let origin = Origin::of(url)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused(format!(
                "a URL of {origin} holds a user name or password"
            )));
        }
        let mut entries = self.entries.iter();
        let entry = entries
            .find(|entry| entry.origin == origin && entry.serves(purpose))
            .ok_or_else(|| self.not_listed(&origin, purpose))?;
        let literal = match origin.host() {
            Host::Ipv4(v4) => Some(IpAddr::V4(*v4)),
            Host::Ipv6(v6) => Some(IpAddr::V6(*v6)),
            Host::Domain(_) => None,
        };
        if !entry.explicit && literal.is_some_and(is_link_local) {
            return Err(refused(format!(
                "{origin} is link-local; write it in allow_hosts to reach it"
            )));
        }
        Ok(())
    }

    fn not_listed(&self, origin: &Origin, purpose: Purpose) -> tapline_core::Error {
        let known = self.entries.iter().filter(|entry| entry.serves(purpose));
        let known: Vec<String> = known.map(|entry| entry.origin.to_string()).collect();
        refused(format!(
            "{origin} is not an allowed host (allowed: {})",
            known.join(", ")
        ))
    }
}

impl Entry {
    fn serves(&self, purpose: Purpose) -> bool {
        self.only.is_none_or(|only| only == purpose)
    }
}

/// Lets only requests to listed origins through.
pub(crate) struct Allow {
    pub(crate) inner: Arc<dyn Transport>,
    pub(crate) list: AllowList,
}

#[async_trait]
impl Transport for Allow {
    async fn send(&self, request: Request) -> Result<Response> {
        self.list.check(&request.url, request.purpose)?;
        self.inner.send(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> AllowList {
        let written = ["https://files.example.com", "http://169.254.1.1"];
        let mut list = AllowList::explicit(written.map(|text| text.parse().unwrap()));
        for text in [
            "https://api.example.com",
            "http://localhost:81",
            "http://169.254.169.254",
            "http://127.0.0.1:81",
        ] {
            list.derive(&text.parse().unwrap());
        }
        list
    }

    #[test]
    fn only_listed_origins_pass() {
        fn check(url: &str, refusal: Option<&str>) {
            let result = list().check(&url.parse().unwrap(), Purpose::Page);
            match (result, refusal) {
                (Ok(()), None) => {}
                (Err(error), Some(part)) => {
                    let shown = error.to_string();
                    assert!(shown.contains(part) && !shown.contains("hush"), "{shown}");
                }
                (result, _) => panic!("{url}: {result:?}"),
            }
        }
        check("https://api.example.com/a?b=c", None);
        check("https://API.EXAMPLE.com:443/", None);
        check("http://127.0.0.1:81/", None);
        check("http://169.254.1.1/", None);
        check("https://api.example.com:8443/", Some(":8443 is not"));
        check("http://api.example.com/?k=hush", Some("is not an allowed"));
        check("https://api.example.com./", Some("is not an allowed"));
        check("https://hush:hush@api.example.com/", Some("user name"));
        check("file:///etc/passwd", Some("only http and https"));
        check("http://169.254.169.254/", Some("link-local"));
    }

    #[test]
    fn a_token_server_is_there_for_tokens_only() {
        let mut list = list();
        for origin in ["https://login.example.com", "https://api.example.com"] {
            list.derive_for(Purpose::Token, &origin.parse().unwrap());
        }
        let login = "https://login.example.com/token".parse().unwrap();
        list.check(&login, Purpose::Token).unwrap();
        let error = list.check(&login, Purpose::Page).unwrap_err().to_string();
        assert!(!error.contains("login.example.com,"), "{error}");
        let api = "https://api.example.com/".parse().unwrap();
        list.check(&api, Purpose::Page).unwrap();
        list.derive(&login.join("/").unwrap().as_str().parse().unwrap());
        list.check(&login, Purpose::Page).unwrap();
    }

    #[test]
    fn names_from_specs_reach_only_public_addresses() {
        fn check(host: &str, address: &str, expected: bool) {
            let reached = list().may_reach(host, address.parse().unwrap());
            assert_eq!(reached, expected, "{host} {address}");
        }
        check("api.example.com", "8.8.8.8", true);
        check("api.example.com", "10.0.0.1", false);
        check("api.example.com", "127.0.0.1", false);
        check("files.example.com", "10.0.0.1", true);
        check("localhost", "::1", true);
        check("localhost", "10.0.0.1", false);
    }
}
