//! What a hook costs: round trips over the plugin border with the libraries cargo has built.
//!
//! `cargo bench -p tapline-host --bench border`; with a body of 1 MiB the time is that of copying
//! it, without a body that of the border itself.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails may panic")]

#[path = "../tests/border/doors.rs"]
mod doors;

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tapline_core::{Body, Hooks, Param, Request, Secret};
use tapline_host::{Host, HostConfig};
use tokio::runtime::{Builder, Runtime};

use doors::Doors;

const MIB: usize = 1 << 20;

fn border(criterion: &mut Criterion) {
    let cache = tempfile::tempdir().unwrap();
    let host = Host::new(HostConfig {
        plugin_dirs: Vec::new(),
        cache_dir: cache.path().join("cache"),
        probe: None,
    });
    let open = |id: &str, params: &[(&'static str, Param)]| {
        let params = params.iter().cloned().collect();
        let plugin = host.load(id).unwrap();
        plugin.open(&params, Doors::default().services()).unwrap()
    };
    let address = Param::Plain("http://127.0.0.1:8101".to_owned());
    let key = Param::Secret(Secret::new("sesame"));
    let signer = open("signer", &[("host", address), ("key", key)]);
    let echo = open("faulty", &[("fault", Param::Plain("none".to_owned()))]);

    let runtime = Builder::new_current_thread().build().unwrap();
    prepare_request(criterion, &runtime, &signer);
    transform_page(criterion, &runtime, &echo);
}

fn prepare_request(criterion: &mut Criterion, runtime: &Runtime, signer: &Arc<dyn Hooks>) {
    let mut group = criterion.benchmark_group("prepare_request");
    let url: url::Url = "http://127.0.0.1:8101/items?offset=20".parse().unwrap();
    let body = Bytes::from(vec![b'x'; MIB]);
    let request = |body: Body| {
        let mut request = Request::get(url.clone());
        request.body = body;
        request
    };
    group.bench_function("no body", |bencher| {
        bencher.iter(|| {
            let signed = signer.prepare_request(request(Body::Empty));
            black_box(runtime.block_on(signed).unwrap());
        });
    });
    group.throughput(Throughput::Bytes(MIB as u64));
    group.bench_function("1 MiB", |bencher| {
        bencher.iter(|| {
            let signed = signer.prepare_request(request(Body::Bytes(body.clone())));
            black_box(runtime.block_on(signed).unwrap());
        });
    });
    group.finish();
}

fn transform_page(criterion: &mut Criterion, runtime: &Runtime, echo: &Arc<dyn Hooks>) {
    let mut group = criterion.benchmark_group("transform_page");
    let bench = |body: &Bytes| {
        let page = echo.transform_page("text/plain", body.clone());
        assert_eq!(runtime.block_on(page).unwrap().len(), body.len());
    };
    let small = Bytes::from_static(b"x");
    group.bench_function("1 byte", |bencher| bencher.iter(|| bench(&small)));
    let large = Bytes::from(vec![b'x'; MIB]);
    group.throughput(Throughput::Bytes(MIB as u64));
    group.bench_function("1 MiB", |bencher| bencher.iter(|| bench(&large)));
    group.finish();
}

criterion_group!(benches, border);
criterion_main!(benches);
