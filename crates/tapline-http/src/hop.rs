//! The bottom: one request, one response, over reqwest.
//!
//! Everything reqwest would do on its own is off, because a layer above does it under tapline's
//! rules: redirects, `Referer`, decompression, cookies. Its errors carry the whole URL, query
//! included; that is removed before they go anywhere.
//!
//! * **Proxies.** `HTTP_PROXY` and its kin are not respected: a proxy connects on our behalf, so
//!   the check of the connected address would mean nothing.
//! * **Headers of a response** have hyper's limits: 100 headers and about 400 KB in HTTP/1.1,
//!   16 KB in HTTP/2.
//! * **Time limits** run inside reqwest, on real time, for each attempt anew.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TRANSFER_ENCODING, UPGRADE};
use tapline_core::{
    Body, Error, ErrorKind, Exchange, Limits, Redactor, Request, Response, Result, Transport,
};

use crate::address::{NotPublic, Resolver};
use crate::place::place;
use crate::{AllowList, tls};

/// Headers that reqwest writes itself; a hook that sets `Host` would leave its origin.
const OWNED: [HeaderName; 5] = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, UPGRADE];

/// Sends over a pool of connections.
pub(crate) struct Hop {
    client: reqwest::Client,
    redactor: Redactor,
}

impl Hop {
    pub(crate) fn new(
        allow: AllowList,
        limits: &Limits,
        user_agent: &str,
        redactor: Redactor,
    ) -> Result<Self> {
        let tls = tls::config(allow.has_https()).map_err(unusable)?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(Resolver { allow }))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .user_agent(user_agent)
            .connect_timeout(limits.connect_timeout)
            .read_timeout(limits.idle_timeout)
            .timeout(limits.request_timeout)
            .build()
            .map_err(unusable)?;
        Ok(Self { client, redactor })
    }
}

fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(
        ErrorKind::Usage,
        "set up HTTP",
        "the client cannot be built",
    )
    .with_source(error)
}

#[async_trait]
impl Transport for Hop {
    async fn send(&self, request: Request) -> Result<Response> {
        let place = place(&self.redactor, &request.url);
        let answer = self.client.execute(outgoing(request)).await;
        let mut answer = answer.map_err(|error| failed("send request", error, &place))?;
        let status = answer.status();
        let headers = std::mem::take(answer.headers_mut());
        let body = answer.bytes_stream();
        Ok(Response {
            status,
            headers,
            body: body
                .map_err(move |error| failed("read body", error, &place))
                .boxed(),
            exchange: Exchange::default(),
        })
    }
}

fn outgoing(request: Request) -> reqwest::Request {
    let mut out = reqwest::Request::new(request.method, request.url);
    *out.headers_mut() = request.headers;
    for name in &OWNED {
        out.headers_mut().remove(name);
    }
    *out.body_mut() = match request.body {
        Body::Empty => None,
        Body::Bytes(bytes) => Some(bytes.into()),
        Body::Stream(stream) => Some(reqwest::Body::wrap_stream(stream)),
    };
    out
}

fn failed(operation: &'static str, error: reqwest::Error, place: &str) -> Error {
    let error = error.without_url();
    let made = if has::<NotPublic>(&error) {
        Error::new(ErrorKind::Refused, operation, "the address is refused")
    } else if has::<rustls::Error>(&error) {
        Error::new(ErrorKind::Unavailable, operation, "no secure connection")
    } else if error.is_builder() {
        Error::new(ErrorKind::Protocol, operation, "the request is not valid")
    } else {
        Error::new(ErrorKind::Unavailable, operation, transient(&error)).retry_later(None)
    };
    made.with_source(error).with("url", place)
}

/// Whether a request that failed with `error` cannot have reached anybody.
pub(crate) fn never_left(error: &Error) -> bool {
    let cause = std::error::Error::source(error);
    let cause = cause.and_then(|cause| cause.downcast_ref::<reqwest::Error>());
    cause.is_some_and(reqwest::Error::is_connect)
}

fn transient(error: &reqwest::Error) -> &'static str {
    if error.is_connect() {
        "no connection"
    } else if error.is_timeout() {
        "timed out"
    } else if error.is_body() || error.is_decode() {
        "the body broke off"
    } else {
        "the connection broke"
    }
}

/// Whether a `T` is among the causes. An `io::Error` hides its own, so it is opened.
fn has<T: std::error::Error + 'static>(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let hidden = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        if error.is::<T>() || hidden.is_some_and(|hidden| has::<T>(hidden)) {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_without_a_public_address_is_refused() {
        // The list that would let this name be loopback is empty.
        let (list, limits) = (AllowList::default(), Limits::default());
        let hop = Hop::new(list, &limits, "test", Redactor::default()).unwrap();
        let url = "http://localhost:1/path?query".parse().unwrap();
        let error = hop.send(Request::get(url)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        let shown = error.to_string();
        assert!(shown.contains("write it in allow_hosts"), "{shown}");
        assert!(!shown.contains("query"), "{shown}");
    }
}
