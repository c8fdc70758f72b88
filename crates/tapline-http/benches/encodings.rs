//! A page of JSON over the loopback, plain and compressed in each way that is asked for.
//!
//! `cargo bench -p tapline-http --bench encodings`; bytes are those of the page, not of what was sent.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails may panic")]

mod loopback;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZstdEncoder};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tapline_core::{NoHooks, Request};
use tapline_http::QuotaConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::runtime::{Builder, Runtime};

const RECORDS: u64 = 1000;

/// A page of 1.1 MB, with enough variety that no record repeats another.
fn page() -> String {
    let mut out = String::from("[");
    for id in 0..RECORDS {
        let mixed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (comma, cents) = (if id == 0 { "" } else { "," }, mixed % 100_000);
        let note = "Prefers a call at noon. ".repeat(30 + (mixed % 20) as usize);
        write!(
            out,
            r#"{comma}{{"id":{id},"uuid":"{mixed:032x}","email":"person.{id}@example.com","balance":{cents}.5,"note":"{note}"}}"#
        )
        .unwrap();
    }
    out.push(']');
    out
}

fn encodings(criterion: &mut Criterion) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let page = page().into_bytes();
    let compressed = |encoder: &mut (dyn AsyncRead + Unpin)| {
        let mut out = Vec::new();
        runtime.block_on(encoder.read_to_end(&mut out)).unwrap();
        out
    };
    let bodies = [
        ("identity", page.clone()),
        ("gzip", compressed(&mut GzipEncoder::new(&page[..]))),
        ("br", compressed(&mut BrotliEncoder::new(&page[..]))),
        ("zstd", compressed(&mut ZstdEncoder::new(&page[..]))),
    ];
    let mut group = criterion.benchmark_group("a page");
    group.throughput(Throughput::Bytes(page.len() as u64));
    for (encoding, body) in bodies {
        let origin = loopback::server(answer(encoding, &body), Duration::ZERO);
        group.bench_function(encoding, |bencher| {
            let fetch = fetcher(&runtime, &origin);
            bencher.iter(|| assert_eq!(fetch(), page.len()));
        });
    }
    group.finish();
}

/// The whole answer with `body`.
fn answer(encoding: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Fetches from `origin`, and says how many bytes came out.
fn fetcher(runtime: &Runtime, origin: &str) -> impl Fn() -> usize {
    let client = loopback::client(origin, QuotaConfig::default(), &loopback::clock());
    let transport = client.transport(Arc::new(NoHooks));
    let url: url::Url = origin.parse().unwrap();
    move || {
        runtime.block_on(async {
            let mut response = transport.send(Request::get(url.clone())).await.unwrap();
            response.bytes(usize::MAX).await.unwrap().len()
        })
    }
}

criterion_group!(benches, encodings);
criterion_main!(benches);
