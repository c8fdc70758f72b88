//! What a quota costs: requests over the loopback, without a limit and with one that is never met.
//!
//! `cargo bench -p tapline-http --bench quota`; the difference between the first figure of a group
//! and another is what is added to a request. The fast server answers at once, as no source does; a
//! source that is slower than the slow one needs fewer writes, each shared by fewer requests.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails may panic")]
#![expect(
    clippy::disallowed_methods,
    reason = "the clock of a benchmark is the real one"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use criterion::{
    BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use jiff::Timestamp;
use tapline_core::{Clock, Events, Limits, NoHooks, Params, Redactor, Request, StateStore};
use tapline_http::{AllowList, Client, ClientConfig, QuotaConfig};
use tapline_spec::{AuthPlan, RatePlan};
use tapline_state::SqliteState;
use tokio::runtime::{Builder, Runtime};

struct RealClock(Instant);

#[async_trait]
impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

/// Answers every request after `delay`, and says where.
fn server(delay: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for socket in listener.incoming() {
            let socket = socket.unwrap();
            thread::spawn(move || serve(socket, delay));
        }
    });
    origin
}

fn serve(mut socket: TcpStream, delay: Duration) {
    socket.set_nodelay(true).unwrap();
    let mut head = [0; 4096];
    while socket.read(&mut head).is_ok_and(|length| length > 0) {
        thread::sleep(delay);
        if socket.write_all(ANSWER).is_err() {
            return;
        }
    }
}

fn fast(criterion: &mut Criterion) {
    compare(criterion.benchmark_group("fast"), Duration::ZERO);
}

fn slow(criterion: &mut Criterion) {
    compare(criterion.benchmark_group("slow"), Duration::from_millis(20));
}

/// Requests to a server that takes `delay` for each.
fn compare(mut group: BenchmarkGroup<'_, WallTime>, delay: Duration) {
    let origin = server(delay);
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(RealClock(Instant::now()));
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
            &client(&origin, quota, &clock),
            &origin,
        );
    };
    bench("no limit", &RatePlan::default(), Some(&store));
    bench("1,000,000 a second, in memory", &limited, None);
    bench("1,000,000 a second, in sqlite", &limited, Some(&store));
    group.finish();
}

fn client(origin: &str, quota: QuotaConfig, clock: &Arc<dyn Clock>) -> Client {
    let config = ClientConfig {
        base: vec![origin.parse().unwrap()],
        auth: AuthPlan::None,
        params: Params::default(),
        allow: AllowList::default(),
        limits: Limits::default(),
        delay: Duration::ZERO,
        quota,
        clock: clock.clone(),
        events: Events::none(),
        redactor: Redactor::default(),
        tokens: None,
        user_agent: "bench".to_owned(),
    };
    Client::new(config).unwrap()
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
