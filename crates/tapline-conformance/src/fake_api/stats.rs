//! What a server has been asked, so that tests can look at signatures and page sizes.

use std::collections::BTreeMap;

use axum::http::request::Parts;
use url::form_urlencoded;

/// Requests since the start, those answered by a fault included.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// How many requests there were.
    pub total: u64,
    /// How many there were, by path.
    pub requests: BTreeMap<String, u64>,
    /// The latest request, by path.
    pub last: BTreeMap<String, SeenRequest>,
}

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRequest {
    /// GET, POST and so on.
    pub method: String,
    /// Decoded query parameters, in order.
    pub query: Vec<(String, String)>,
    /// Headers by lower-case name, in order.
    pub headers: Vec<(String, String)>,
}

impl Stats {
    /// How many requests there were for exactly this path.
    pub fn requests_to(&self, path: &str) -> u64 {
        self.requests.get(path).copied().unwrap_or(0)
    }

    /// Notes a request and says the how many-th it is.
    pub(super) fn note(&mut self, parts: &Parts) -> u64 {
        let path = parts.uri.path().to_owned();
        self.total += 1;
        *self.requests.entry(path.clone()).or_default() += 1;
        self.last.insert(path, SeenRequest::new(parts));
        self.total
    }
}

impl SeenRequest {
    fn new(parts: &Parts) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        Self {
            method: parts.method.to_string(),
            query: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            headers: parts
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
                .collect(),
        }
    }

    /// The first header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The first query parameter of that name.
    pub fn query(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let pair = pairs.iter().find(|(n, _)| n == name)?;
    Some(&pair.1)
}
