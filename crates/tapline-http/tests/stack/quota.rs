//! Budgets: counted before requests are sent, and shared by all who send with the same key.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tapline_core::{Clock, ErrorKind, NoHooks, StateStore};
use tapline_http::QuotaConfig;
use tapline_spec::RatePlan;
use tapline_state::SqliteState;
use tempfile::TempDir;

use crate::server::{Reply, Server};
use crate::setup::{SECRET, Setup, TestClock, bearer, get};

fn per_minute(limit: u64) -> QuotaConfig {
    QuotaConfig {
        rate: RatePlan {
            per_minute: Some(limit),
            ..RatePlan::default()
        },
        ..QuotaConfig::default()
    }
}

fn per_day(limit: u64) -> QuotaConfig {
    QuotaConfig {
        rate: RatePlan {
            per_day: Some(limit),
            ..RatePlan::default()
        },
        ..QuotaConfig::default()
    }
}

fn store(path: &Path) -> Arc<dyn StateStore> {
    Arc::new(SqliteState::open(path, Arc::new(TestClock::default())).unwrap())
}

/// A process of its own that shares the ledger in `path`.
fn process(server: &Server, quota: QuotaConfig, path: &Path) -> Setup {
    let mut setup = Setup::new(server.origin());
    setup.auth = bearer();
    setup.quota = QuotaConfig {
        ledger: Some(store(path)),
        ..quota
    };
    setup
}

/// The ledgers in `path`, as they are kept.
async fn ledgers(path: &Path) -> Vec<(String, String)> {
    let found = store(path).list("quota", "").await.unwrap();
    let found = found.into_iter();
    found
        .map(|(key, document)| (key, document.value.to_string()))
        .collect()
}

async fn always(headers: &'static [(&'static str, &'static str)]) -> Server {
    Server::start(move |_, _| Reply::new(200, headers, "{}")).await
}

#[tokio::test]
async fn a_limit_is_kept_and_its_waits_are_told() {
    let server = always(&[]).await;
    let mut setup = Setup::new(server.origin());
    setup.quota = per_minute(2);
    let transport = setup.transport();
    let mut waited = Vec::new();
    for _ in 0..5 {
        let sent = transport.send(get(server.url("/"))).await.unwrap();
        waited.push(sent.exchange.waited.as_secs());
    }
    assert_eq!(waited, [0, 0, 61, 0, 61]);
    assert_eq!(setup.clock.sleeps(), [Duration::from_secs(61); 2]);
    let told = ("quota: 2 requests a minute".to_owned(), 1);
    assert_eq!(setup.waits(), [told.clone(), told]);
}

#[tokio::test]
async fn a_share_of_a_limit_is_for_others() {
    let server = always(&[]).await;
    for (share, requests) in [(80, 8), (1, 1), (100, 10)] {
        let mut setup = Setup::new(server.origin());
        setup.quota = QuotaConfig {
            share,
            ..per_minute(10)
        };
        assert_eq!(setup.quota.budgets(), [(requests, "minute")]);
        let transport = setup.transport();
        for _ in 0..=requests {
            transport.send(get(server.url("/"))).await.unwrap();
        }
        assert_eq!(setup.clock.sleeps().len(), 1, "{share}%");
    }
}

#[tokio::test]
async fn what_is_spent_for_too_long_is_an_error_in_every_process() {
    let (server, folder) = (always(&[]).await, TempDir::new().unwrap());
    let path = folder.path().join("state.db");
    for (process_number, sent) in [(1, 2), (2, 2)] {
        let setup = process(&server, per_day(2), &path);
        let client = setup.client();
        let transport = client.transport(Arc::new(NoHooks));
        let mut last = transport.send(get(server.url("/"))).await;
        while last.is_ok() {
            last = transport.send(get(server.url("/"))).await;
        }
        let error = last.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Quota);
        assert_eq!(
            error.to_string(),
            "send request: the quota of 2 requests a day is used up until 2026-01-02T00:00:00Z \
             (86400 s), longer than the 300 s allowed"
        );
        assert_eq!(server.seen().len(), sent, "process {process_number}");
        assert!(setup.clock.sleeps().is_empty());
        client.settle().await;
    }
}

#[tokio::test]
async fn a_budget_belongs_to_a_key_at_a_host() {
    let (server, folder) = (always(&[]).await, TempDir::new().unwrap());
    let path = folder.path().join("state.db");
    let signed = process(&server, per_day(1), &path);
    let mut unsigned = process(&server, per_day(1), &path);
    unsigned.auth = tapline_spec::AuthPlan::None;
    for setup in [&signed, &unsigned] {
        let transport = setup.transport();
        transport.send(get(server.url("/"))).await.unwrap();
        transport.send(get(server.url("/"))).await.unwrap_err();
    }
    let found = ledgers(&path).await;
    assert_eq!(found.len(), 2, "{found:?}");
    for (key, document) in found {
        let (host, key) = key.split_once('/').unwrap();
        assert_eq!(host, format!("127.0.0.1:{}", server.port));
        assert_eq!((key.len(), document.contains(SECRET)), (4, false));
    }
}

#[tokio::test]
async fn what_a_run_leaves_is_given_back() {
    let (server, folder) = (always(&[]).await, TempDir::new().unwrap());
    let path = folder.path().join("state.db");
    let setup = process(&server, per_day(1_000), &path);
    let client = setup.client();
    let transport = client.transport(Arc::new(NoHooks));
    for _ in 0..5 {
        transport.send(get(server.url("/"))).await.unwrap();
    }
    let day = setup.clock_day();
    let [(_, taken)] = &*ledgers(&path).await else {
        panic!("one ledger");
    };
    assert!(taken.contains(&format!("[{day},7]")), "{taken}");
    client.settle().await;
    let [(_, used)] = &*ledgers(&path).await else {
        panic!("one ledger");
    };
    assert!(used.contains(&format!("[{day},5]")), "{used}");
}

#[tokio::test]
async fn every_attempt_counts_and_a_foreign_hop_does_not() {
    let other = always(&[]).await;
    let away = other.url("/");
    let server = Server::start(move |n, seen| match n {
        0 => Reply::new(503, &[], ""),
        1 => Reply::new(302, &[("location", "/here")], ""),
        _ if seen.line.contains("/here") => Reply::new(302, &[("location", &away)], ""),
        _ => Reply::ok("{}"),
    })
    .await;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    let mut setup = process(&server, per_day(1_000), &path);
    setup.allow = vec![other.origin()];
    let client = setup.client();
    let transport = client.transport(Arc::new(NoHooks));
    transport.send(get(server.url("/"))).await.unwrap();
    assert_eq!((server.seen().len(), other.seen().len()), (3, 1));
    client.settle().await;
    let found = ledgers(&path).await;
    let [(_, document)] = &*found else {
        panic!("{found:?}");
    };
    let counted = format!("[{},3]", setup.clock_day());
    assert!(document.contains(&counted), "{document}");
}

#[tokio::test]
async fn a_run_sends_no_more_than_it_may() {
    let server = Server::start(|n, _| match n {
        1 => Reply::new(503, &[], ""),
        _ => Reply::ok("{}"),
    })
    .await;
    let mut setup = Setup::new(server.origin());
    setup.quota.max_requests = Some(3);
    let client = setup.client();
    for sent in [1, 3, 3, 3] {
        // The connector's own requests have a transport of their own.
        let transport = client.transport(Arc::new(NoHooks));
        let answer = transport.send(get(server.url("/"))).await;
        assert_eq!(server.seen().len(), sent);
        if let Err(error) = answer {
            assert_eq!(error.kind(), ErrorKind::Quota);
            assert_eq!(error.request(), None, "it was not sent");
            assert_eq!(
                error.to_string(),
                "send request: all 3 requests that `--max-requests` allows were sent"
            );
        }
    }
}

#[tokio::test]
async fn what_was_not_sent_is_not_counted_as_an_attempt() {
    let server = Server::start(|_, _| Reply::new(503, &[], "")).await;
    let mut setup = Setup::new(server.origin());
    setup.quota.max_requests = Some(2);
    let error = setup.transport().send(get(server.url("/"))).await;
    let error = error.unwrap_err();
    let request = error.request().unwrap();
    assert_eq!((request.attempts, request.status), (2, Some(503)));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_reported_budget_is_waited_for_instead_of_refused() {
    let server = Server::start(|n, _| {
        let (remaining, reset) = [("1", "20"), ("0", "10"), ("99", "60")][n];
        let headers = [
            ("x-ratelimit-limit", "100"),
            ("x-ratelimit-remaining", remaining),
            ("x-ratelimit-reset", reset),
        ];
        Reply::new(200, &headers, "{}")
    })
    .await;
    let setup = Setup::new(server.origin());
    let transport = setup.transport();
    let mut waited = Vec::new();
    for _ in 0..3 {
        let sent = transport.send(get(server.url("/"))).await.unwrap();
        waited.push(sent.exchange.waited.as_secs());
    }
    assert_eq!(waited, [0, 0, 10]);
    let told = "quota: 100 requests that the source reports".to_owned();
    assert_eq!(setup.waits(), [(told, 1)]);
}

#[tokio::test]
async fn a_reported_budget_that_is_far_is_known_to_the_next_process() {
    let server = always(&[
        ("ratelimit-policy", "\"hourly\";q=500;w=3600"),
        ("ratelimit", "\"hourly\";r=100;t=3000"),
    ])
    .await;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    let quota = QuotaConfig {
        share: 80,
        ..QuotaConfig::default()
    };
    let first = process(&server, quota.clone(), &path);
    first.transport().send(get(server.url("/a"))).await.unwrap();
    for path_of_request in ["/a", "/b"] {
        let next = process(&server, quota.clone(), &path);
        let transport = next.transport();
        let error = transport.send(get(server.url(path_of_request))).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Quota);
        let expected = "the quota of 80% of 500 requests that the source reports is used up until \
                        2026-01-01T00:50:00Z (3000 s)";
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert_eq!(server.seen().len(), 1);
    // Whoever may use all of it goes on, and so does who has said not to listen.
    let all = process(&server, QuotaConfig::default(), &path);
    all.transport().send(get(server.url("/a"))).await.unwrap();
    let deaf = QuotaConfig {
        reported: false,
        ..quota
    };
    let deaf = process(&server, deaf, &path);
    deaf.transport().send(get(server.url("/a"))).await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_remembered_for_as_long_as_it_says() {
    let server = Server::start(|n, _| match n {
        0 => Reply::new(429, &[("retry-after", "3600")], ""),
        _ => Reply::ok("{}"),
    })
    .await;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    for told in [
        "the source asks to wait",
        "requests that the source reports",
    ] {
        let setup = process(&server, QuotaConfig::default(), &path);
        let error = setup.transport().send(get(server.url("/"))).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Quota);
        assert!(error.to_string().contains(told), "{error}");
        assert!(
            error.to_string().contains("2026-01-01T01:00:00Z"),
            "{error}"
        );
        assert_eq!(server.seen().len(), 1);
    }
    let mut later = process(&server, QuotaConfig::default(), &path);
    later.limits.max_wait = Duration::from_secs(4_000);
    let sent = later.transport().send(get(server.url("/"))).await.unwrap();
    assert_eq!(sent.exchange.waited, Duration::from_secs(3_600));
}

#[tokio::test]
async fn a_refusal_is_waited_for_once() {
    let server = Server::start(|n, _| match n {
        0 => Reply::new(
            429,
            &[
                ("retry-after", "2"),
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "3600"),
            ],
            "",
        ),
        _ => Reply::ok("{}"),
    })
    .await;
    let setup = Setup::new(server.origin());
    let sent = setup.transport().send(get(server.url("/"))).await.unwrap();
    assert_eq!(sent.exchange.waited, Duration::from_secs(2));
    assert_eq!(setup.clock.sleeps(), [Duration::from_secs(2)]);
}

#[tokio::test]
async fn absurd_headers_change_nothing() {
    for headers in [
        &[("x-ratelimit-remaining", "0")][..],
        &[("x-ratelimit-remaining", "-1"), ("x-ratelimit-reset", "60")],
        &[
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "99999999"),
        ],
        &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")],
        &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "0")],
        &[("ratelimit", "\"x\";r=;t=-1, ,;;\"")],
        &[
            ("x-ratelimit-limit", "0"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "9"),
        ],
    ] {
        let server = always(headers).await;
        let setup = Setup::new(server.origin());
        let transport = setup.transport();
        for _ in 0..3 {
            transport.send(get(server.url("/"))).await.unwrap();
        }
        let waited: Duration = setup.clock.sleeps().iter().sum();
        assert!(waited <= Duration::from_secs(2), "{headers:?}: {waited:?}");
    }
}

#[tokio::test]
async fn no_secret_is_written_into_a_ledger() {
    let server = always(&[
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "60"),
        ("x-ratelimit-resource", "for hush&hush only"),
    ])
    .await;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    let setup = process(&server, QuotaConfig::default(), &path);
    let url = server.url("/bot/hush&hush/items/57afe96172");
    setup.transport().send(get(url)).await.unwrap();
    let found = ledgers(&path).await;
    let [(_, document)] = &*found else {
        panic!("{found:?}");
    };
    assert!(!document.contains("hush"), "{document}");
    assert!(document.contains(r#""scope":"for *** only""#), "{document}");
    assert!(document.contains(r#""/bot/***/items/*""#), "{document}");
}

#[tokio::test]
async fn a_ledger_that_cannot_be_written_is_told_where_it_is_not_needed() {
    let server = always(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9")]).await;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    drop(store(&path));
    let reader = SqliteState::read_only(&path, Arc::new(TestClock::default()));
    let reader: Arc<dyn StateStore> = Arc::new(reader.unwrap().unwrap());
    let mut setup = Setup::new(server.origin());
    setup.quota.ledger = Some(reader.clone());
    setup.transport().send(get(server.url("/"))).await.unwrap();
    let told = setup.warnings().concat();
    assert!(
        told.contains("the quota's ledger is not up to date"),
        "{told}"
    );
    setup.quota = QuotaConfig {
        ledger: Some(reader),
        ..per_day(5)
    };
    let error = setup.transport().send(get(server.url("/"))).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::State);
    assert_eq!(server.seen().len(), 1);
}

impl Setup {
    /// The number of the clock's day.
    fn clock_day(&self) -> i64 {
        self.clock.now().as_second() / 86_400
    }
}
