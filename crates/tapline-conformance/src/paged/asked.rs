//! A request, read.

use http::HeaderMap;
use serde_json::Value;
use url::Url;

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct Asked {
    pub(super) url: Url,
    headers: HeaderMap,
    body: Value,
}

impl Asked {
    /// What a request to `url` with `headers` and `body` asks for.
    pub fn new(url: &Url, headers: &HeaderMap, body: &[u8]) -> Self {
        Self {
            url: url.clone(),
            headers: headers.clone(),
            body: serde_json::from_slice(body).unwrap_or_default(),
        }
    }

    /// The last segment of the path.
    pub(super) fn form(&self) -> &str {
        self.url.path().rsplit('/').next().unwrap_or_default()
    }

    /// A query parameter.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let mut pairs = self.url.query_pairs();
        let found = pairs.find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    }

    /// A header.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let value = self.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    }

    /// What stands at `pointer` in the body.
    pub(super) fn body(&self, pointer: &str) -> Option<&Value> {
        self.body.pointer(pointer)
    }

    /// A number in the query or at the top of the body.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let in_body = self.body.get(name).and_then(Value::as_u64);
        in_body.or_else(|| self.query(name)?.parse().ok())
    }

    /// The page size; at least 1.
    pub(super) fn limit(&self) -> usize {
        let names = ["limit", "count", "pageSize", "per_page"];
        let limit = names.iter().find_map(|name| self.number(name));
        usize::try_from(limit.unwrap_or(100)).map_or(usize::MAX, |limit| limit.max(1))
    }

    /// The URL of the page after the record `key`, as the client wants links to be.
    pub(super) fn link(&self, key: &str) -> String {
        let mut url = self.url.clone();
        let kept = url.query_pairs().into_owned();
        let kept: Vec<_> = kept.filter(|(name, _)| name != "after").collect();
        url.query_pairs_mut()
            .clear()
            .extend_pairs(kept)
            .append_pair("after", key);
        match self.query("links").as_deref() {
            Some("relative") => format!("?{}", url.query().unwrap_or_default()),
            _ => url.into(),
        }
    }
}
