//! Decompression as a stream, with an end to how much may come out.
//!
//! One megabyte of gzip can be a gigabyte of zeros, so nothing is decoded that was not asked for:
//! a body stops at [`Limits::page_bytes`], and beyond its first 10 MB also at
//! [`Limits::inflate_ratio`] times what was received. A compressed body that ends early is an
//! error worth another try, never a short page.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};
use tapline_core::{
    BodyStream, Error, ErrorKind, Limits, Purpose, Request, Response, Result, Transport,
};
use tokio::io::{AsyncBufRead, AsyncRead};
use tokio_util::io::{ReaderStream, StreamReader};

/// Output up to which any ratio is fine: small bodies compress absurdly well.
const FREE_OUTPUT: u64 = 10 * 1024 * 1024;

/// Size of the chunks that come out.
const CHUNK: usize = 64 * 1024;

/// Largest zstd window, as a power of two: the 8 MB that RFC 9659 grants to HTTP. Without it a
/// frame could ask for 128 MB of memory.
const ZSTD_WINDOW: u32 = 23;

/// Asks for compressed bodies, and hands plain ones up.
pub(crate) struct Decode {
    inner: Arc<dyn Transport>,
    page_bytes: u64,
    ratio: u64,
}

impl Decode {
    pub(crate) fn new(inner: Arc<dyn Transport>, limits: &Limits) -> Self {
        Self {
            inner,
            page_bytes: limits.page_bytes as u64,
            ratio: limits.inflate_ratio,
        }
    }

    fn caps(&self, purpose: Purpose) -> Caps {
        Caps {
            // A file is written out as it comes; everything else is held in memory.
            total: (purpose != Purpose::Download).then_some(self.page_bytes),
            ratio: self.ratio,
        }
    }
}

#[async_trait]
impl Transport for Decode {
    async fn send(&self, mut request: Request) -> Result<Response> {
        let caps = self.caps(request.purpose);
        let accepted = HeaderValue::from_static("gzip, br, zstd");
        request.headers.insert(ACCEPT_ENCODING, accepted);
        let mut response = self.inner.send(request).await?;
        let encoding = Encoding::of(&response.headers)?;
        response.body = match encoding {
            None => capped(response.body, caps, None),
            Some(encoding) => {
                response.headers.remove(CONTENT_ENCODING);
                response.headers.remove(CONTENT_LENGTH);
                decoded(response.body, encoding, caps).await?
            }
        };
        Ok(response)
    }
}

/// The encodings that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Gzip,
    Brotli,
    Zstd,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Option<Self>> {
        let lines = headers.get_all(CONTENT_ENCODING).iter();
        let text: Vec<_> = lines
            .map(|line| String::from_utf8_lossy(line.as_bytes()).to_ascii_lowercase())
            .collect();
        let names = text.iter().flat_map(|line| line.split(','));
        let mut names = names
            .map(str::trim)
            .filter(|name| !name.is_empty() && *name != "identity");
        let Some(name) = names.next() else {
            return Ok(None);
        };
        if names.next().is_some() {
            let message = format!("the body is encoded more than once ({})", text.join(", "));
            return Err(Error::new(ErrorKind::Limit, "read body", message));
        }
        match name {
            "gzip" | "x-gzip" => Ok(Some(Self::Gzip)),
            "br" => Ok(Some(Self::Brotli)),
            "zstd" => Ok(Some(Self::Zstd)),
            other => Err(unknown(other)),
        }
    }

    /// All decoders go on to the end of the input: a body may have several members, and what
    /// follows the last one must not be lost in silence.
    fn decoder<R>(self, input: R) -> Pin<Box<dyn AsyncRead + Send>>
    where
        R: AsyncBufRead + Send + 'static,
    {
        match self {
            Self::Gzip => {
                let mut decoder = GzipDecoder::new(input);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
            Self::Brotli => {
                let mut decoder = BrotliDecoder::new(input);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
            Self::Zstd => {
                let window = DParameter::window_log_max(ZSTD_WINDOW);
                let mut decoder = ZstdDecoder::with_params(input, &[window]);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
        }
    }
}

fn unknown(encoding: &str) -> Error {
    let encoding: String = encoding.chars().take(40).collect();
    Error::new(
        ErrorKind::Protocol,
        "read body",
        format!("unknown content encoding {encoding:?} (known: gzip, br, zstd)"),
    )
}

async fn decoded(mut body: BodyStream, encoding: Encoding, caps: Caps) -> Result<BodyStream> {
    // A HEAD, a 204 or an empty page may name an encoding and still have no body.
    let Some(first) = body.try_next().await? else {
        return Ok(stream::empty().boxed());
    };
    let received = Arc::new(AtomicU64::new(0));
    let counter = received.clone();
    let input = stream::once(async move { Ok(first) })
        .chain(body)
        .inspect_ok(move |chunk: &Bytes| {
            counter.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        })
        .map_err(io::Error::other);
    let decoder = encoding.decoder(StreamReader::new(input));
    let output = ReaderStream::with_capacity(decoder, CHUNK)
        .map_err(broken)
        .boxed();
    Ok(capped(output, caps, Some(received)))
}

/// The error of a layer below comes back as it was; everything else is the decoder's.
fn broken(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(below) => below,
        Err(error) => Error::new(
            ErrorKind::Unavailable,
            "read body",
            "the compressed body is broken",
        )
        .with_source(error)
        .retry_later(None),
    }
}

/// How much may come out.
#[derive(Clone, Copy)]
struct Caps {
    total: Option<u64>,
    ratio: u64,
}

impl Caps {
    fn check(self, sent: u64, received: Option<u64>) -> Result<()> {
        if let Some(total) = self.total.filter(|total| sent > *total) {
            return Err(too_much(format!("the body is larger than {total} bytes")));
        }
        match received {
            Some(received) if sent > FREE_OUTPUT && sent / self.ratio.max(1) > received => {
                Err(too_much(format!(
                    "the body inflates to more than {} times its size",
                    self.ratio
                )))
            }
            _ => Ok(()),
        }
    }
}

fn too_much(message: String) -> Error {
    Error::new(ErrorKind::Limit, "read body", message)
}

fn capped(body: BodyStream, caps: Caps, received: Option<Arc<AtomicU64>>) -> BodyStream {
    let mut sent = 0;
    body.map(move |chunk| {
        let chunk = chunk?;
        sent += chunk.len() as u64;
        let received = received.as_ref().map(|count| count.load(Ordering::Relaxed));
        caps.check(sent, received)?;
        Ok(chunk)
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_read_and_only_one_is_taken() {
        fn check(lines: &[&'static str], expected: Result<Option<Encoding>, &str>) {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(CONTENT_ENCODING, HeaderValue::from_static(line));
            }
            match (Encoding::of(&headers), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{lines:?}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (found, _) => panic!("{lines:?}: {found:?}"),
            }
        }
        check(&[], Ok(None));
        check(&["identity"], Ok(None));
        check(&["GZip"], Ok(Some(Encoding::Gzip)));
        check(&["identity, br"], Ok(Some(Encoding::Brotli)));
        check(&["zstd"], Ok(Some(Encoding::Zstd)));
        check(&["gzip, gzip"], Err("more than once"));
        check(&["gzip", "br"], Err("more than once"));
        check(&["deflate"], Err("\"deflate\""));
    }

    #[test]
    fn caps_are_absolute_and_relative() {
        let caps = Caps {
            total: Some(FREE_OUTPUT * 2),
            ratio: 100,
        };
        assert!(caps.check(FREE_OUTPUT, Some(1)).is_ok());
        assert!(caps.check(FREE_OUTPUT + 1, Some(1)).is_err());
        assert!(caps.check(FREE_OUTPUT + 1, Some(FREE_OUTPUT)).is_ok());
        assert!(caps.check(FREE_OUTPUT * 2, None).is_ok());
        assert!(caps.check(FREE_OUTPUT * 2 + 1, None).is_err());
    }
}
