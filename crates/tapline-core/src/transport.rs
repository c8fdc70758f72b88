//! The transport door: one request, one response.
//!
//! Retrying, pacing, authentication and redirects are wrappers around a transport, so whoever
//! sends a request gets a final answer: a [`Response`], or an error that was worth no more tries.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Error, ErrorKind, Result};

/// Chunks of a body, already decompressed, already counted against the caps.
pub type BodyStream = BoxStream<'static, Result<Bytes>>;

/// Sends requests.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request` and returns the response, whatever its status.
    ///
    /// # Errors
    /// No response: the address is refused, the network failed, a limit was passed.
    async fn send(&self, request: Request) -> Result<Response>;
}

/// What a request is for: decides credentials, caps and what a retry may repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A page of records.
    Page,
    /// A call that only tries the credentials.
    Check,
    /// A token request; its body holds credentials and is never sent twice to another place.
    Token,
    /// A file of an export job.
    Download,
    /// A batch of a REST destination.
    Sink,
    /// A plugin's own request through the host.
    Plugin,
}

/// A body to send.
#[derive(Default)]
pub enum Body {
    /// No body.
    #[default]
    Empty,
    /// A body that can be sent again.
    Bytes(Bytes),
    /// A body that can be sent once; such a request is never retried.
    Stream(BodyStream),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// A request. Its `Debug` shows neither query nor headers: both may carry credentials.
pub struct Request {
    /// GET, POST, ...
    pub method: Method,
    /// Absolute URL.
    pub url: Url,
    /// Headers without credentials; those are added below this door.
    pub headers: HeaderMap,
    /// Body.
    pub body: Body,
    /// What it is for.
    pub purpose: Purpose,
    /// Statuses, as inclusive ranges, that the sender judges itself: such an answer is handed back
    /// at once, and never retried below this door.
    pub judged: Vec<(u16, u16)>,
}

impl Request {
    /// A GET for a page.
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Body::Empty,
            purpose: Purpose::Page,
            judged: Vec::new(),
        }
    }

    /// A copy to send again, unless the body can be sent only once.
    pub fn try_clone(&self) -> Option<Self> {
        let body = match &self.body {
            Body::Empty => Body::Empty,
            Body::Bytes(bytes) => Body::Bytes(bytes.clone()),
            Body::Stream(_) => return None,
        };
        Some(Self {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body,
            purpose: self.purpose,
            judged: self.judged.clone(),
        })
    }
}

/// Whether `status` is in one of the inclusive `ranges`.
pub fn in_ranges(ranges: &[(u16, u16)], status: StatusCode) -> bool {
    let status = status.as_u16();
    let mut ranges = ranges.iter();
    ranges.any(|(first, last)| (*first..=*last).contains(&status))
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.url.origin().ascii_serialization();
        write!(f, "{} {origin}{}", self.method, self.url.path())
    }
}

/// What it took to get a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The URL that answered, redacted.
    pub url: String,
    /// Attempts made, at least 1.
    pub attempts: u32,
    /// Time spent waiting: pace, rate limits, backoff.
    pub waited: Duration,
    /// Time that the source asks to wait before another attempt, if it does.
    pub asked: Option<Duration>,
}

/// A response.
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Decoded body.
    pub body: BodyStream,
    /// What it took.
    pub exchange: Exchange,
}

impl Response {
    /// A response whose body is already here.
    pub fn full(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self {
            status,
            headers,
            body: futures::stream::once(async move { Ok(body) }).boxed(),
            exchange: Exchange {
                attempts: 1,
                ..Exchange::default()
            },
        }
    }

    /// Reads the body to its end; none is left.
    ///
    /// # Errors
    /// The body broke off, or is larger than `cap` bytes ([`ErrorKind::Limit`]).
    pub async fn bytes(&mut self, cap: usize) -> Result<Bytes> {
        let announced = announced(&self.headers).min(cap);
        let mut body = std::mem::replace(&mut self.body, futures::stream::empty().boxed());
        let Some(first) = body.try_next().await? else {
            return Ok(Bytes::new());
        };
        let Some(mut chunk) = body.try_next().await? else {
            return within(first, cap);
        };
        let mut whole = Vec::with_capacity(announced.max(first.len()));
        whole.extend_from_slice(&first);
        drop(first);
        loop {
            if whole.len() + chunk.len() > cap {
                return Err(too_large(cap));
            }
            make_room(&mut whole, chunk.len(), cap);
            whole.extend_from_slice(&chunk);
            match body.try_next().await? {
                Some(next) => chunk = next,
                None => return Ok(whole.into()),
            }
        }
    }
}

/// The length that `headers` announce; 0 if they do not. It may be a lie.
fn announced(headers: &HeaderMap) -> usize {
    let length = headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    length.unwrap_or(0)
}

/// Makes room for `more` bytes, and some besides, but never for more than `cap`: a vector that
/// doubles would hold three times what came.
fn make_room(whole: &mut Vec<u8>, more: usize, cap: usize) {
    let needed = whole.len() + more;
    if needed > whole.capacity() {
        let room = (whole.capacity() + whole.capacity() / 2).min(cap);
        whole.reserve_exact(room.max(needed) - whole.len());
    }
}

fn within(body: Bytes, cap: usize) -> Result<Bytes> {
    if body.len() > cap {
        return Err(too_large(cap));
    }
    Ok(body)
}

fn too_large(cap: usize) -> Error {
    Error::new(
        ErrorKind::Limit,
        "read body",
        format!("the body is larger than {cap} bytes"),
    )
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({})", self.status)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::stream;

    use super::*;

    fn read(chunks: &[&'static str], length: Option<&str>, cap: usize) -> Result<Bytes> {
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok((*chunk).into())).collect();
        let mut response = Response::full(StatusCode::OK, HeaderMap::new(), Bytes::new());
        response.body = stream::iter(chunks).boxed();
        if let Some(length) = length {
            let length = length.parse().unwrap();
            response.headers.insert(CONTENT_LENGTH, length);
        }
        response.bytes(cap).now_or_never().unwrap()
    }

    #[test]
    fn a_body_is_read_whole_whatever_length_is_announced() {
        let check = |chunks: &[&'static str], length: Option<&str>| {
            let body = read(chunks, length, 8).unwrap();
            assert_eq!(body, chunks.concat(), "{chunks:?} {length:?}");
        };
        for length in [
            None,
            Some("0"),
            Some("8"),
            Some("3"),
            Some("9999999999"),
            Some("x"),
        ] {
            check(&[], length);
            check(&["abc"], length);
            check(&["abc", "de", "", "fgh"], length);
        }
    }

    #[test]
    fn a_body_beyond_the_cap_is_refused() {
        for chunks in [&["abcd"][..], &["a", "bcd"], &["ab", "c", "d"]] {
            let refused = read(chunks, Some("3"), 3).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Limit, "{chunks:?}");
        }
    }
}
