//! Requests and responses, as a connector sees them.

use tapline_abi::message::Headers;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// GET, POST, ...
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Headers in order. A value is ISO 8859-1 text.
    pub headers: Headers,
    /// Body; empty if there is none.
    pub body: Vec<u8>,
}

impl Request {
    /// A GET without headers.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Sets the header `name`, replacing any of that name.
    pub fn set_header(&mut self, name: &str, value: impl Into<String>) {
        self.headers
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }

    /// The URL's path with its query: what most signatures cover.
    pub fn target(&self) -> &str {
        let after_scheme = self.url.find("://").map_or(0, |at| at + 3);
        let rest = &self.url[after_scheme..];
        rest.find('/').map_or("/", |at| &rest[at..])
    }
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers in order. A value is ISO 8859-1 text.
    pub headers: Headers,
    /// Decoded body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_replaced_whatever_its_case() {
        let mut request = Request::get("http://h/");
        request.set_header("X-Key", "1");
        request.set_header("x-key", "2");
        assert_eq!(request.headers, [("x-key".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn the_target_is_path_and_query() {
        let check = |url: &str, expected: &str| assert_eq!(Request::get(url).target(), expected);
        check("https://h:1/a/b?c=d/e", "/a/b?c=d/e");
        check("https://h", "/");
    }
}
