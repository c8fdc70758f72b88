//! Where redirects lead, and what they take along.

use http::HeaderValue;
use tapline_core::{ErrorKind, Purpose};
use tapline_spec::KeyLocation;

use crate::server::{Reply, Server};
use crate::setup::{SECRET, Setup, api_key, bearer, get, post, text};

/// Redirects the path `/from` to `target`; answers all else.
async fn redirecting(status: u16, target: impl Into<String>) -> Server {
    let target = target.into();
    Server::start(move |_, seen| {
        if seen.line.contains(" /from") {
            Reply::new(status, &[("location", &target)], "")
        } else {
            Reply::ok("arrived")
        }
    })
    .await
}

async fn goal() -> Server {
    Server::start(|_, _| Reply::ok("arrived")).await
}

#[tokio::test]
async fn an_unlisted_host_hears_nothing() {
    let other = goal().await;
    let target = other.url("/steal?token=query");
    for status in [301, 302, 303, 307, 308] {
        let server = redirecting(status, &target).await;
        let mut setup = Setup::new(server.origin());
        setup.auth = bearer();
        let sent = setup.transport().send(get(server.url("/from"))).await;
        let error = sent.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        let shown = error.to_string();
        assert!(
            shown.contains(&other.origin()) && !shown.contains("query"),
            "{shown}"
        );
        assert_eq!(server.seen().len(), 1, "a refusal is not tried again");
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_listed_host_gets_no_credentials() {
    for auth in [
        bearer(),
        api_key(KeyLocation::Header, "x-api-key"),
        api_key(KeyLocation::Query, "api_key"),
    ] {
        let other = goal().await;
        let server = redirecting(307, other.url("/file")).await;
        let mut setup = Setup::new(server.origin());
        setup.auth = auth;
        setup.allow = vec![other.origin()];
        let mut request = get(server.url("/from"));
        for name in ["x-api-token", "cookie", "authorization", "accept"] {
            let value = HeaderValue::from_static("custom");
            request
                .headers
                .insert(http::HeaderName::from_static(name), value);
        }
        let sent = setup.transport().send(request).await;
        assert_eq!(sent.as_ref().unwrap().exchange.url, other.url("/file"));
        assert_eq!(text(sent).await, "arrived");
        let seen = &other.seen()[0];
        assert_eq!(seen.line, "GET /file HTTP/1.1");
        for name in [
            "authorization",
            "x-api-key",
            "x-api-token",
            "cookie",
            "referer",
        ] {
            assert_eq!(seen.header(name), None, "{name}");
        }
        assert_eq!(seen.header("accept"), Some("custom"));
    }
}

#[tokio::test]
async fn the_same_origin_gets_credentials_and_headers_again() {
    let server = redirecting(302, "/to?page=2").await;
    let mut setup = Setup::new(server.origin());
    setup.auth = bearer();
    let mut request = get(server.url("/from"));
    request
        .headers
        .insert("x-custom", HeaderValue::from_static("yes"));
    assert_eq!(text(setup.transport().send(request).await).await, "arrived");
    let seen = &server.seen()[1];
    assert_eq!(seen.line, "GET /to?page=2 HTTP/1.1");
    let expected = format!("Bearer {SECRET}");
    assert_eq!(seen.header("authorization"), Some(expected.as_str()));
    assert_eq!(seen.header("x-custom"), Some("yes"));
    assert_eq!(seen.header("referer"), None);
}

#[tokio::test]
async fn who_comes_back_from_elsewhere_gets_no_credentials() {
    let home = Server::start(|_, seen| {
        let back = seen.line.strip_prefix("GET /from?to=");
        match back.and_then(|rest| rest.split(' ').next()) {
            Some(target) => Reply::new(302, &[("location", target)], ""),
            None => Reply::ok("arrived"),
        }
    })
    .await;
    let other = redirecting(302, home.url("/admin")).await;
    let mut setup = Setup::new(home.origin());
    setup.auth = bearer();
    setup.allow = vec![other.origin()];
    let url = home.url(&format!("/from?to={}", other.url("/from")));
    assert_eq!(
        text(setup.transport().send(get(url)).await).await,
        "arrived"
    );
    assert!(home.seen()[0].header("authorization").is_some());
    assert_eq!(home.seen()[1].header("authorization"), None);
}

#[tokio::test]
async fn methods_and_bodies_follow_fetch() {
    async fn check(status: u16, purpose: Purpose, line: Option<&str>, body: &str) {
        let server = redirecting(status, "/to").await;
        let setup = Setup::new(server.origin());
        let mut request = post(server.url("/from"), purpose, "secret=1");
        let json = HeaderValue::from_static("application/json");
        request.headers.insert("content-type", json);
        let sent = setup.transport().send(request).await;
        let seen = server.seen();
        let Some(line) = line else {
            assert_eq!(sent.unwrap_err().kind(), ErrorKind::Refused);
            assert_eq!(seen.len(), 1);
            return;
        };
        assert_eq!(text(sent).await, "arrived");
        assert_eq!((seen[1].line.as_str(), seen[1].body.as_str()), (line, body));
        assert_eq!(seen[1].header("content-type").is_some(), !body.is_empty());
    }
    for status in [301, 302, 303] {
        check(status, Purpose::Page, Some("GET /to HTTP/1.1"), "").await;
    }
    for status in [307, 308] {
        check(status, Purpose::Page, Some("POST /to HTTP/1.1"), "secret=1").await;
        check(status, Purpose::Token, None, "").await;
    }
}

#[tokio::test]
async fn no_body_leaves_its_origin() {
    let other = goal().await;
    let server = redirecting(307, other.url("/to")).await;
    let mut setup = Setup::new(server.origin());
    setup.allow = vec![other.origin()];
    let request = post(server.url("/from"), Purpose::Page, "secret=1");
    let error = setup.transport().send(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn odd_targets_are_refused_without_showing_them() {
    async fn check(target: &str, part: &str, requests: usize) {
        let server = redirecting(302, target).await;
        let setup = Setup::new(server.origin());
        let sent = setup.transport().send(get(server.url("/from"))).await;
        let error = sent.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{target}");
        let shown = error.to_string();
        assert!(shown.contains(part) && !shown.contains("query"), "{shown}");
        assert_eq!(server.seen().len(), requests, "{target}");
    }
    check("/from?again=query", "more than 5 times", 6).await;
    check("file:///etc/passwd", "only http and https", 1).await;
    check("http://169.254.169.254/latest/", "not an allowed host", 1).await;
    check("//query@127.0.0.1/", "127.0.0.1", 1).await;
    check("http://[query", "not a URL", 1).await;
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_an_answer() {
    let server = Server::start(|_, _| Reply::new(302, &[], "no location")).await;
    let sent = Setup::new(server.origin())
        .transport()
        .send(get(server.url("/")))
        .await;
    assert_eq!(sent.as_ref().unwrap().status.as_u16(), 302);
    assert_eq!(text(sent).await, "no location");
}
