//! What a quota costs: requests over the loopback, without a limit and with one that is never met.
//!
//! `cargo bench -p tapline-http --bench quota`; the difference between the first figure of a group
//! and another is what is added to a request. The fast server answers at once, as no source does; a
//! source that is slower than the slow one needs fewer writes, each shared by fewer requests.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails may panic")]

mod loopback;

use std::sync::Arc;
use std::time::Duration;

use criterion::{
    BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use tapline_core::{NoHooks, Request, StateStore};
use tapline_http::{Client, QuotaConfig};
use tapline_spec::RatePlan;
use tapline_state::SqliteState;
use tokio::runtime::{Builder, Runtime};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

fn fast(criterion: &mut Criterion) {
    compare(criterion.benchmark_group("fast"), Duration::ZERO);
}

fn slow(criterion: &mut Criterion) {
    compare(criterion.benchmark_group("slow"), Duration::from_millis(20));
}

/// Requests to a server that takes `delay` for each.
fn compare(mut group: BenchmarkGroup<'_, WallTime>, delay: Duration) {
    let origin = loopback::server(ANSWER.to_vec(), delay);
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let clock = loopback::clock();
    let store = SqliteState::open(folder.path().join("state.db"), clock.clone());
    let store: Arc<dyn StateStore> = Arc::new(store.unwrap());
    let limited = RatePlan {
        per_second: Some(1_000_000),
        ..RatePlan::default()
    };
    let mut bench = |name: &str, rate: &RatePlan, ledger: Option<&Arc<dyn StateStore>>| {
        let quota = QuotaConfig {
            rate: rate.clone(),
            ledger: ledger.cloned(),
            ..QuotaConfig::default()
        };
        requests(
            &mut group,
            &runtime,
            name,
            &loopback::client(&origin, quota, &clock),
            &origin,
        );
    };
    bench("no limit", &RatePlan::default(), Some(&store));
    bench("1,000,000 a second, in memory", &limited, None);
    bench("1,000,000 a second, in sqlite", &limited, Some(&store));
    group.finish();
}

fn requests(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    name: &str,
    client: &Client,
    origin: &str,
) {
    let transport = client.transport(Arc::new(NoHooks));
    let url: url::Url = origin.parse().unwrap();
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let sending = transport.send(Request::get(url.clone()));
            runtime.block_on(sending).unwrap()
        });
    });
    runtime.block_on(client.settle());
}

criterion_group!(benches, fast, slow);
criterion_main!(benches);
