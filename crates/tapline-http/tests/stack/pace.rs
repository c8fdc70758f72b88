//! The pause between requests, and the wait that all streams share.

use std::sync::Arc;
use std::time::Duration;

use tapline_core::{ErrorKind, NoHooks};

use crate::server::{Reply, Server};
use crate::setup::{Setup, get};

#[tokio::test]
async fn requests_start_no_closer_than_the_delay() {
    let server = Server::start(|_, _| Reply::ok("{}")).await;
    let mut setup = Setup::new(server.origin());
    setup.delay = Duration::from_millis(250);
    let client = setup.client();
    for n in 0..3 {
        let transport = client.transport(Arc::new(NoHooks));
        let sent = transport.send(get(server.url("/"))).await.unwrap();
        let expected = if n == 0 { Duration::ZERO } else { setup.delay };
        assert_eq!(sent.exchange.waited, expected);
    }
    assert_eq!(setup.clock.sleeps(), [setup.delay; 2]);
    assert_eq!(
        setup.waits(),
        [("pace".to_owned(), 1), ("pace".to_owned(), 1)]
    );
}

#[tokio::test]
async fn redirects_keep_the_pace_too() {
    let server = Server::start(|n, _| match n {
        0 => Reply::new(302, &[("location", "/b")], ""),
        _ => Reply::ok("{}"),
    })
    .await;
    let mut setup = Setup::new(server.origin());
    setup.delay = Duration::from_millis(50);
    let sent = setup.transport().send(get(server.url("/a"))).await.unwrap();
    assert_eq!(sent.exchange.waited, setup.delay);
    assert!(setup.waits().is_empty(), "too short to be told");
}

#[tokio::test]
async fn one_streams_429_holds_the_others_back() {
    let server = Server::start(|n, _| match n {
        0 => Reply::new(429, &[("retry-after", "5")], ""),
        _ => Reply::ok("{}"),
    })
    .await;
    let mut setup = Setup::new(server.origin());
    setup.limits.attempts = 1;
    let client = setup.client();
    let (one, other) = (
        client.transport(Arc::new(NoHooks)),
        client.transport(Arc::new(NoHooks)),
    );
    let limited = one.send(get(server.url("/"))).await.unwrap();
    assert_eq!(limited.status.as_u16(), 429);
    assert!(setup.clock.sleeps().is_empty());
    let sent = other.send(get(server.url("/"))).await.unwrap();
    assert_eq!(sent.exchange.waited, Duration::from_secs(5));
    assert_eq!(setup.waits(), [("rate limit".to_owned(), 1)]);
}

#[tokio::test]
async fn a_hold_that_is_too_long_is_waited_for_by_nobody() {
    let server = Server::start(|_, _| Reply::new(429, &[("retry-after", "99999999")], "")).await;
    let setup = Setup::new(server.origin());
    let client = setup.client();
    for _ in 0..3 {
        let transport = client.transport(Arc::new(NoHooks));
        let error = transport.send(get(server.url("/"))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Quota);
    }
    assert!(setup.clock.sleeps().is_empty());
    assert_eq!(server.seen().len(), 1);
}
