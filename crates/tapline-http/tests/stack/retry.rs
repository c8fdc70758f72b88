//! What is tried again, how often, and after which wait.

use std::time::Duration;

use futures::StreamExt;
use tapline_core::{Body, ErrorKind, Purpose, Request, Retry};

use crate::server::{Reply, Server};
use crate::setup::{SECRET, Setup, get, post, text};

#[tokio::test]
async fn a_503_is_tried_again() {
    let server = Server::start(|n, _| match n {
        0 => Reply::new(503, &[], "busy"),
        _ => Reply::ok("fine"),
    })
    .await;
    let setup = Setup::new(server.origin());
    let response = setup.transport().send(get(server.url("/a"))).await.unwrap();
    assert_eq!(response.exchange.attempts, 2);
    assert_eq!(response.exchange.url, server.url("/a"));
    assert_eq!(response.exchange.waited, setup.clock.sleeps()[0]);
    let wait = setup.clock.sleeps()[0];
    assert!(wait >= Duration::from_millis(100) && wait <= Duration::from_millis(500));
    assert_eq!(text(Ok(response)).await, "fine");
}

#[tokio::test]
async fn what_the_source_asks_for_is_waited_for() {
    async fn check(status: u16, header: (&'static str, &'static str), seconds: f64) {
        let server = Server::start(move |n, _| match n {
            0 => Reply::new(
                status,
                &[header, ("date", "Thu, 01 Jan 2026 00:00:00 GMT")],
                "",
            ),
            _ => Reply::ok("fine"),
        })
        .await;
        let setup = Setup::new(server.origin());
        let sent = setup.transport().send(get(server.url("/"))).await;
        assert_eq!(text(sent).await, "fine", "{header:?}");
        let sleeps = setup.clock.sleeps();
        assert_eq!(sleeps, [Duration::from_secs_f64(seconds)], "{header:?}");
        assert_eq!(setup.waits().len(), 1);
        assert!(setup.waits()[0].0.ends_with(&format!("({status})")));
        assert_eq!(setup.waits()[0].1, 2);
    }
    check(429, ("retry-after", "7"), 7.0).await;
    check(503, ("retry-after", "Thu, 01 Jan 2026 00:01:00 GMT"), 60.0).await;
    check(429, ("x-ratelimit-reset", "30"), 30.0).await;
    check(429, ("x-ratelimit-reset", "1767225609"), 9.0).await;
    check(429, ("ratelimit-reset", "1767225602500"), 2.5).await;
}

#[tokio::test]
async fn a_wait_of_nothing_is_still_a_pause() {
    async fn check(header: (&'static str, &'static str)) {
        let server = Server::start(move |_, _| Reply::new(429, &[header], "")).await;
        let setup = Setup::new(server.origin());
        let response = setup.transport().send(get(server.url("/"))).await.unwrap();
        assert_eq!((response.status.as_u16(), server.seen().len()), (429, 5));
        let least = setup.clock.sleeps().into_iter().min().unwrap();
        assert!(least >= Duration::from_millis(100), "{header:?}: {least:?}");
    }
    check(("retry-after", "0")).await;
    check(("retry-after", "-1")).await;
    check(("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")).await;
    check(("x-ratelimit-reset", "1000000000")).await;
}

#[tokio::test]
async fn a_wait_beyond_the_limit_is_left_to_the_operator() {
    let server = Server::start(|_, _| Reply::new(429, &[("retry-after", "99999999")], "")).await;
    let setup = Setup::new(server.origin());
    let transport = setup.transport();
    let error = transport.send(get(server.url("/"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Quota);
    assert!(error.to_string().contains("until 2029-03-"), "{error}");
    // The other streams of the connection are not sent into the same wall.
    let error = transport.send(get(server.url("/"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Quota);
    assert_eq!(server.seen().len(), 1);
    assert!(setup.clock.sleeps().is_empty());
}

#[tokio::test]
async fn the_last_status_is_the_answer() {
    async fn check(status: u16, attempts: u32) {
        let server = Server::start(move |_, _| Reply::new(status, &[], "why")).await;
        let setup = Setup::new(server.origin());
        let sent = setup.transport().send(get(server.url("/"))).await.unwrap();
        assert_eq!(sent.status.as_u16(), status);
        assert_eq!(sent.exchange.attempts, attempts, "{status}");
        assert_eq!(text(Ok(sent)).await, "why");
    }
    for status in [408, 429, 500, 502, 503, 504, 599] {
        check(status, 5).await;
    }
    for status in [400, 401, 403, 404, 410, 422, 501, 505] {
        check(status, 1).await;
    }
}

#[tokio::test]
async fn an_error_tells_what_was_spent() {
    async fn check(last: fn() -> Reply, attempts: u32, status: Option<u16>) {
        let server = Server::start(move |n, _| match n {
            0 => Reply::new(503, &[], "busy"),
            _ => last(),
        })
        .await;
        let setup = Setup::new(server.origin());
        let url = server.url(&format!("/{SECRET}/a?query"));
        let error = setup.transport().send(get(url)).await.unwrap_err();
        let request = error.request().unwrap();
        assert_eq!((request.attempts, request.status), (attempts, status));
        let waited: Duration = setup.clock.sleeps().iter().sum();
        assert_eq!(u128::from(request.waited_ms), waited.as_millis());
        assert!(request.waited_ms > 0);
        assert_eq!(request.method, "GET");
        assert!(request.url.ends_with("/***/a"), "{}", request.url);
    }
    check(|| Reply::raw(""), 5, None).await;
    let endless = || Reply::new(429, &[("retry-after", "99999999")], "");
    check(endless, 2, Some(429)).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_fetched_again() {
    async fn check(broken: impl Fn() -> Reply + Send + Sync + 'static, reason: &str) {
        let server = Server::start(move |n, _| match n {
            0 | 1 => broken(),
            _ => Reply::ok("[1,2,3]"),
        })
        .await;
        let mut setup = Setup::new(server.origin());
        setup.limits.idle_timeout = Duration::from_millis(200);
        setup.limits.attempts = 1;
        let sent = setup.transport().send(get(server.url("/"))).await;
        assert_eq!(sent.unwrap_err().message(), reason);
        setup.limits.attempts = 2;
        let sent = setup.transport().send(get(server.url("/"))).await;
        assert_eq!(text(sent).await, "[1,2,3]", "{reason}");
    }
    check(|| Reply::ok("[1,2,3]").cut(2), "the body broke off").await;
    check(|| Reply::ok("[1,2,3]").stall(2), "timed out").await;
    check(|| Reply::ok("[1,2,3]").stall(20), "timed out").await;
    check(|| Reply::raw(""), "the connection broke").await;
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n[1,\r\n";
    check(|| Reply::raw(chunked), "the body broke off").await;
}

/// No silence is long enough for the idle limit, so the limit of the whole attempt must end it.
#[tokio::test]
async fn a_body_that_drips_is_given_up() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
    let server = Server::start(move |_, _| Reply::raw(head).drip()).await;
    let mut setup = Setup::new(server.origin());
    setup.limits.attempts = 2;
    setup.limits.request_timeout = Duration::from_millis(300);
    let error = setup.transport().send(get(server.url("/"))).await;
    let error = error.unwrap_err();
    assert_eq!(error.message(), "timed out");
    assert_eq!(error.retry(), Retry::Spent);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn the_last_error_is_spent_and_tells_no_secret() {
    async fn check(origin: String, reason: &str) {
        let setup = Setup::new(origin.clone());
        let url = format!("{origin}/{SECRET}/p?token={SECRET}&q=query");
        let error = setup.transport().send(get(url)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.retry(), Retry::Spent);
        assert_eq!(setup.clock.sleeps().len(), 4);
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(shown.contains(reason), "{shown}");
            assert!(shown.contains("/***/p"), "{shown}");
            assert!(
                !shown.contains("query") && !shown.contains("hush"),
                "{shown}"
            );
        }
    }
    let server = Server::start(|_, _| Reply::ok("[1,2,3]").cut(2)).await;
    check(server.origin(), "the body broke off").await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    check(origin, "no connection").await;
}

#[tokio::test]
async fn a_body_is_sent_again_only_if_it_can_be() {
    let server = Server::start(|_, _| Reply::new(503, &[], "")).await;
    let setup = Setup::new(server.origin());
    for purpose in [Purpose::Page, Purpose::Sink] {
        let request = post(server.url("/"), purpose, "rows");
        let sent = setup.transport().send(request).await.unwrap();
        assert_eq!(sent.exchange.attempts, 5);
    }
    assert!(server.seen().iter().all(|seen| seen.body == "rows"));
    let stream = futures::stream::once(async { Ok("rows".into()) });
    let request = Request {
        body: Body::Stream(stream.boxed()),
        ..post(server.url("/"), Purpose::Sink, "")
    };
    let sent = setup.transport().send(request).await.unwrap();
    assert_eq!(sent.exchange.attempts, 1);
}

#[tokio::test]
async fn an_answer_that_its_sender_judges_is_handed_back_at_once() {
    let server = Server::start(|_, _| Reply::new(503, &[("retry-after", "7")], "")).await;
    let setup = Setup::new(server.origin());
    let judged = |judged| Request {
        judged,
        ..get(server.url("/"))
    };
    let transport = setup.transport();
    let sent = transport.send(judged(vec![(404, 404), (500, 599)]));
    let exchange = sent.await.unwrap().exchange;
    assert_eq!(exchange.attempts, 1);
    assert_eq!(exchange.asked, Some(Duration::from_secs(7)));
    let sent = setup.transport().send(judged(vec![(504, 599)])).await;
    assert_eq!(sent.unwrap().exchange.attempts, 5);
}
