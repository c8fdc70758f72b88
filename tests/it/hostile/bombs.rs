//! Small bodies that become large ones.

use async_compression::Level;
use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZstdEncoder};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::runtime::Builder;

use super::server::Reply;
use super::victim::check;

const MEGA: usize = 1024 * 1024;

fn all(mut encoder: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut out = Vec::new();
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(encoder.read_to_end(&mut out)).unwrap();
    out
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    all(GzipEncoder::new(plain))
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    all(ZstdEncoder::new(plain))
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    all(BrotliEncoder::with_quality(plain, Level::Fastest))
}

fn encoded(encoding: &str, body: &[u8]) -> Reply {
    let header = format!("content-encoding: {encoding}\r\n");
    Reply::new("200 OK", &header, body)
}

/// One gigabyte of white space, which JSON allows anywhere.
#[test]
fn a_bomb_goes_off_outside() {
    let part = vec![b' '; 5 * MEGA];
    for (encoding, part) in [
        ("gzip", gzip(&part)),
        ("br", brotli(&part)),
        ("zstd", zstd(&part)),
    ] {
        let bomb = part.repeat(200);
        let reply = move |_| encoded(encoding, &bomb);
        let victim = check(reply, 1, "inflates to more than 100 times its size");
        assert_eq!(victim.server.heads().len(), 1, "{encoding}");
    }
}

/// What a filter for ratios would let pass is still too large.
#[test]
fn a_bomb_of_an_honest_ratio_is_too_large() {
    let mut state = 1_u32;
    let noise: Vec<u8> = (0..MEGA)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b' ' + (state >> 28) as u8
        })
        .collect();
    let bomb = gzip(&noise).repeat(64);
    let reply = move |_| encoded("gzip", &bomb);
    check(reply, 1, "the body is larger than 20971520 bytes");
}

#[test]
fn nested_and_unknown_encodings_are_refused() {
    let inner = gzip(&gzip(&gzip(b"{\"items\":[]}")));
    let reply = move |_| encoded("gzip, gzip, gzip", &inner);
    check(reply, 1, "the body is encoded more than once");
    check(|_| encoded("compress", b"x"), 1, "unknown content encoding");
}

/// The header says gzip, the bytes do not; or the bytes say it, and the header does not.
#[test]
fn a_wrong_encoding_is_no_page() {
    let plain = |_| encoded("gzip", b"{\"items\":[]}");
    check(plain, 1, "the compressed body is broken");
    let packed = gzip(b"{\"items\":[]}");
    check(move |_| Reply::ok(&packed), 1, "the body is not JSON");
}

/// Half of a page is no page, even where the missing half would be without records.
#[test]
fn a_truncated_encoding_is_no_page() {
    let body = zstd(b"{\"items\":[]}                                                ");
    let reply = move |_| encoded("zstd", &body[..body.len() - 4]);
    let victim = check(reply, 1, "the compressed body is broken");
    assert_eq!(victim.server.heads().len(), 5, "it was tried again");
}
