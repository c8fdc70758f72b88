//! Compressed bodies: equal to plain ones, or an error.

use async_compression::Level;
use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZstdEncoder};
use futures::StreamExt;
use tapline_core::{ErrorKind, Purpose, Request};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::server::{Reply, Server};
use crate::setup::{Setup, get, text};

const MEGA: usize = 1024 * 1024;

async fn all(mut encoder: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut out = Vec::new();
    encoder.read_to_end(&mut out).await.unwrap();
    out
}

async fn gzip(plain: &[u8]) -> Vec<u8> {
    all(GzipEncoder::new(plain)).await
}

async fn encodings(plain: &[u8]) -> [(&'static str, Vec<u8>); 3] {
    [
        ("gzip", gzip(plain).await),
        (
            "br",
            all(BrotliEncoder::with_quality(plain, Level::Fastest)).await,
        ),
        ("zstd", all(ZstdEncoder::new(plain)).await),
    ]
}

async fn serving(encoding: &'static str, body: Vec<u8>) -> Server {
    Server::start(move |_, _| Reply::new(200, &[("content-encoding", encoding)], &body)).await
}

fn records() -> String {
    (0..5_000).map(|n| format!("{{\"id\":{n}}},")).collect()
}

#[tokio::test]
async fn every_encoding_gives_the_same_text() {
    for (encoding, body) in encodings(records().as_bytes()).await {
        let server = serving(encoding, body).await;
        let transport = Setup::new(server.origin()).transport();
        let response = transport.send(get(server.url("/"))).await.unwrap();
        assert!(!response.headers.contains_key("content-encoding"));
        assert!(!response.headers.contains_key("content-length"));
        assert_eq!(text(Ok(response)).await, records(), "{encoding}");
        let asked = server.seen()[0]
            .header("accept-encoding")
            .map(str::to_owned);
        assert_eq!(asked.as_deref(), Some("gzip, br, zstd"));
    }
}

#[tokio::test]
async fn all_members_of_a_body_are_read() {
    let body = [gzip(b"[1,").await, gzip(b"2]").await].concat();
    let server = serving("gzip", body).await;
    let transport = Setup::new(server.origin()).transport();
    let sent = transport.send(get(server.url("/"))).await;
    assert_eq!(text(sent).await, "[1,2]");
}

#[tokio::test]
async fn an_empty_body_needs_no_decoding() {
    let server = serving("gzip", Vec::new()).await;
    let transport = Setup::new(server.origin()).transport();
    assert_eq!(text(transport.send(get(server.url("/"))).await).await, "");
}

#[tokio::test]
async fn a_broken_encoding_is_an_error_and_never_a_short_page() {
    for (encoding, whole) in encodings(records().as_bytes()).await {
        let short = whole[..whole.len() - 3].to_vec();
        let mut corrupt = whole.clone();
        corrupt[10..40].fill(0xa5);
        for broken in [short, corrupt] {
            let server = serving(encoding, broken).await;
            let transport = Setup::new(server.origin()).transport();
            let error = transport.send(get(server.url("/"))).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{encoding}");
            assert_eq!(error.message(), "the compressed body is broken");
            assert_eq!(server.seen().len(), 5, "{encoding}");
        }
    }
}

#[tokio::test]
async fn a_bomb_goes_off_within_the_limits() {
    // 200 members of 5 MB: one gigabyte in about one megabyte.
    let bomb = gzip(&vec![0; 5 * MEGA]).await.repeat(200);
    let server = serving("gzip", bomb).await;
    let transport = Setup::new(server.origin()).transport();
    let error = transport.send(get(server.url("/"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(server.seen().len(), 1);

    let request = Request {
        purpose: Purpose::Download,
        ..get(server.url("/"))
    };
    let mut body = transport.send(request).await.unwrap().body;
    let (mut read, mut largest) = (0, 0);
    let error = loop {
        match body.next().await.unwrap() {
            Ok(chunk) => {
                read += chunk.len();
                largest = largest.max(chunk.len());
            }
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.message().contains("100 times"), "{error}");
    assert!(read <= 10 * MEGA + 64 * 1024, "{read}");
    assert!(largest <= 64 * 1024, "{largest}");
}

#[tokio::test]
async fn a_page_has_a_size_limit_with_and_without_encoding() {
    let plain = vec![b' '; 2 * MEGA];
    for (encoding, body) in [("gzip", gzip(&plain).await), ("identity", plain)] {
        let server = serving(encoding, body).await;
        let mut setup = Setup::new(server.origin());
        setup.limits.page_bytes = MEGA;
        let error = setup.transport().send(get(server.url("/"))).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Limit, "{encoding}");
    }
}

#[tokio::test]
async fn other_encodings_are_refused_by_name() {
    for (encoding, part) in [("gzip, gzip", "more than once"), ("deflate", "\"deflate\"")] {
        let server = serving(encoding, b"x".to_vec()).await;
        let transport = Setup::new(server.origin()).transport();
        let error = transport.send(get(server.url("/"))).await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(server.seen().len(), 1);
    }
}
