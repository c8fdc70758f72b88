//! Redirects, followed by tapline's own rules.
//!
//! Every hop passes the list of hosts. Once a hop leaves the origin that was asked for, the rest
//! of the way is foreign: no credentials, no hook, no header of the request but `Accept`, no
//! body; coming back does not end that, or another host could steer signed requests. A token
//! request's body is not sent a second time to anyone.
//!
//! A server can also name another host in a next link or as the place of a file. What goes there
//! is treated in the same way: it was made for the connection's own origins.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{
    ACCEPT, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, HeaderName,
    LOCATION,
};
use http::{HeaderMap, Method, StatusCode};
use tapline_core::{Body, Purpose, Redactor, Request, Response, Result, Transport};
use url::Url;

use crate::origin::{Origin, refused};

/// Headers that speak of a body, and go with it.
const ABOUT_BODY: [HeaderName; 4] = [
    CONTENT_TYPE,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LOCATION,
];

/// Follows redirects.
pub(crate) struct Redirect {
    /// For the origin that was asked for.
    pub(crate) inner: Arc<dyn Transport>,
    /// For everywhere else; it adds no credentials.
    pub(crate) foreign: Arc<dyn Transport>,
    /// The connection's own origins.
    pub(crate) base: Arc<[Origin]>,
    pub(crate) hops: u32,
    pub(crate) redactor: Redactor,
}

#[async_trait]
impl Transport for Redirect {
    async fn send(&self, request: Request) -> Result<Response> {
        let answer = self.follow(request).await;
        // Errors name hosts, and a server may name one after a secret.
        answer.map_err(|error| error.redacted(&self.redactor))
    }
}

impl Redirect {
    async fn follow(&self, mut request: Request) -> Result<Response> {
        let home = Origin::of(&request.url)?;
        if is_led(request.purpose) && !self.base.contains(&home) {
            request = led_away(request, &home)?;
        }
        let mut inner = &self.inner;
        let mut waited = Duration::ZERO;
        for _ in 0..=self.hops {
            let sent = Sent::of(&request);
            let mut response = inner.send(request).await?;
            waited += response.exchange.waited;
            let Some(target) = target(&response, &sent.url)? else {
                response.exchange.url = self.redactor.url(&sent.url);
                response.exchange.waited = waited;
                return Ok(response);
            };
            if Origin::of(&target)? != home {
                inner = &self.foreign;
            }
            let foreign = Arc::ptr_eq(inner, &self.foreign);
            request = sent.follow(response.status, target, foreign)?;
        }
        Err(refused(format!(
            "{home} redirects more than {} times",
            self.hops
        )))
    }
}

/// Whether a server may have said where a request goes. What is sent for the other purposes goes
/// where the operator or the connector wants it.
fn is_led(purpose: Purpose) -> bool {
    match purpose {
        Purpose::Page | Purpose::Check | Purpose::Download => true,
        Purpose::Token | Purpose::Sink | Purpose::Plugin => false,
    }
}

/// What may be sent of `request` to a host that is not the connection's own.
fn led_away(request: Request, to: &Origin) -> Result<Request> {
    if !matches!(request.body, Body::Empty) {
        return Err(refused(format!(
            "a link leads to {to}, which is not the connection's own host, with a body"
        )));
    }
    Ok(Request {
        headers: harmless(request.headers),
        ..request
    })
}

/// Where `response` points to; `None` if it is no redirect.
fn target(response: &Response, from: &Url) -> Result<Option<Url>> {
    if !matches!(response.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers.get(LOCATION) else {
        return Ok(None);
    };
    let origin = Origin::of(from)?;
    let target = std::str::from_utf8(location.as_bytes())
        .ok()
        .and_then(|text| from.join(text).ok());
    let target = target
        .ok_or_else(|| refused(format!("{origin} redirects to something that is not a URL")))?;
    if from.scheme() == "https" && target.scheme() == "http" {
        let to = Origin::of(&target)?;
        return Err(refused(format!(
            "{origin} redirects to {to}, which is not encrypted"
        )));
    }
    Ok(Some(target))
}

/// What is left of a request once it is sent.
struct Sent {
    method: Method,
    url: Url,
    headers: HeaderMap,
    /// `None`: it could be sent only once.
    body: Option<Body>,
    purpose: Purpose,
}

impl Sent {
    fn of(request: &Request) -> Self {
        Self {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.try_clone().map(|copy| copy.body),
            purpose: request.purpose,
        }
    }

    /// The request that follows the redirect to `target`.
    fn follow(mut self, status: StatusCode, target: Url, foreign: bool) -> Result<Request> {
        if self.becomes_get(status) {
            self.method = Method::GET;
            self.body = Some(Body::Empty);
            for name in &ABOUT_BODY {
                self.headers.remove(name);
            }
        }
        if foreign {
            self.headers = harmless(self.headers);
        }
        Ok(Request {
            body: self.repeated(&target, foreign)?,
            method: self.method,
            url: target,
            headers: self.headers,
            purpose: self.purpose,
            // Whoever retries is above this door, and has taken note of them.
            judged: Vec::new(),
        })
    }

    /// As `fetch` does it: 303 turns everything but HEAD into a GET, 301 and 302 only a POST.
    fn becomes_get(&self, status: StatusCode) -> bool {
        match status {
            StatusCode::SEE_OTHER => self.method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            _ => false,
        }
    }

    fn repeated(&mut self, target: &Url, foreign: bool) -> Result<Body> {
        let reason = match self.body.take() {
            Some(Body::Empty) => return Ok(Body::Empty),
            Some(_) if foreign => "leaves its origin",
            Some(_) if self.purpose == Purpose::Token => "holds credentials",
            Some(body) => return Ok(body),
            None => "can be sent only once",
        };
        let to = Origin::of(target)?;
        Err(refused(format!(
            "a redirect to {to} asks for the body again, which {reason}"
        )))
    }
}

/// Of a request's headers only `Accept` may be shown to another host.
fn harmless(mut headers: HeaderMap) -> HeaderMap {
    let accept = headers.remove(ACCEPT);
    accept.into_iter().map(|value| (ACCEPT, value)).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn encryption_is_gained_but_never_lost() {
        fn check(from: &str, location: &str, expected: Option<&str>) {
            let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
            let response = Response::full(StatusCode::FOUND, headers, Bytes::new());
            let found = target(&response, &from.parse().unwrap());
            let found = found.ok().flatten().map(String::from);
            assert_eq!(found.as_deref(), expected, "{from} {location}");
        }
        check("http://h/a", "https://h/b", Some("https://h/b"));
        check("https://h/a", "//i/b", Some("https://i/b"));
        check("https://h/a/b", "c?d", Some("https://h/a/c?d"));
        check("https://h/a", "http://h/b", None);
    }
}
