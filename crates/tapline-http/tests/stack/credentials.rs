//! Who gets credentials, and who does not.

use http::HeaderValue;
use tapline_core::{ErrorKind, Param, Params, Purpose, Redactor, Secret};
use tapline_http::{AllowList, Client, ClientConfig, sent_secret};
use tapline_spec::{AuthPlan, KeyLocation};

use crate::server::{Reply, Server};
use crate::setup::{SECRET, Setup, api_key, bearer, get, post};

#[tokio::test]
async fn a_query_key_arrives_and_is_kept_nowhere() {
    let server = Server::start(|_, _| Reply::ok("")).await;
    let mut setup = Setup::new(server.origin());
    setup.auth = api_key(KeyLocation::Query, "api_key");
    let sent = setup.transport().send(get(server.url("/p?a=1"))).await;
    assert_eq!(
        server.seen()[0].line,
        "GET /p?a=1&api_key=hush%26hush HTTP/1.1"
    );
    assert_eq!(sent.unwrap().exchange.url, server.url("/p?a=1"));
}

#[tokio::test]
async fn a_listed_host_that_is_not_the_connections_own_gets_none() {
    let server = Server::start(|_, _| Reply::ok("")).await;
    let mut setup = Setup::new("https://api.example.com");
    setup.auth = bearer();
    setup.allow = vec![server.origin()];
    setup.transport().send(get(server.url("/"))).await.unwrap();
    assert_eq!(server.seen()[0].header("authorization"), None);
    assert_eq!(server.seen()[0].header("user-agent"), Some("tapline-test"));
}

#[tokio::test]
async fn a_next_link_to_a_listed_host_takes_no_header_and_no_body_along() {
    let server = Server::start(|_, _| Reply::ok("")).await;
    let mut setup = Setup::new("https://api.example.com");
    setup.allow = vec![server.origin()];
    for purpose in [Purpose::Page, Purpose::Check, Purpose::Download] {
        let mut request = get(server.url("/next"));
        request.purpose = purpose;
        for name in ["x-api-key", "accept"] {
            request
                .headers
                .insert(name, HeaderValue::from_static(SECRET));
        }
        setup.transport().send(request).await.unwrap();
        let seen = server.seen();
        let seen = seen.last().unwrap();
        assert_eq!(seen.header("x-api-key"), None);
        assert_eq!(seen.header("accept"), Some(SECRET));
    }
    let asked = server.seen().len();
    let request = post(server.url("/next"), Purpose::Page, SECRET);
    let error = setup.transport().send(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(!error.to_string().contains(SECRET), "{error}");
    assert_eq!(server.seen().len(), asked);
}

#[tokio::test]
async fn what_a_plugin_sends_to_a_listed_host_is_its_own() {
    let server = Server::start(|_, _| Reply::ok("")).await;
    let mut setup = Setup::new("https://api.example.com");
    setup.allow = vec![server.origin()];
    let mut request = post(server.url("/token"), Purpose::Plugin, "body");
    let value = HeaderValue::from_static("own");
    request.headers.insert("x-own", value);
    setup.transport().send(request).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(seen.header("x-own"), Some("own"));
    assert_eq!(seen.header("content-length"), Some("4"));
}

#[test]
fn the_pair_of_basic_is_redacted_in_the_form_in_which_it_is_sent() {
    let params = Params::from_iter([
        ("user", Param::Plain("Aladdin".to_owned())),
        ("pass", Param::Secret(Secret::new("open sesame"))),
    ]);
    let basic = AuthPlan::Basic {
        username: "user".to_owned(),
        password: "pass".to_owned(),
    };
    let sent = sent_secret(&basic, &params);
    let redactor = Redactor::new(params.secrets().chain(&sent));
    for form in ["QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin:open sesame"] {
        assert_eq!(redactor.redact(&format!("got {form}")), "got ***");
    }
    assert!(sent_secret(&bearer(), &params).is_none());
}

#[tokio::test]
async fn a_next_link_to_another_host_is_refused() {
    let other = Server::start(|_, _| Reply::ok("")).await;
    let mut setup = Setup::new("https://api.example.com");
    setup.auth = bearer();
    let url = other.url(&format!("/{SECRET}?token={SECRET}"));
    let error = setup.transport().send(get(url)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let shown = error.to_string();
    assert!(shown.contains(&other.origin()), "{shown}");
    assert!(
        shown.contains("allowed: https://api.example.com"),
        "{shown}"
    );
    assert!(
        !shown.contains("hush") && !shown.contains("token"),
        "{shown}"
    );
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_missing_parameter_is_found_before_anything_is_sent() {
    let setup = Setup::new("https://api.example.com");
    let config = ClientConfig {
        base: Vec::new(),
        auth: bearer(),
        params: Params::default(),
        allow: AllowList::default(),
        limits: setup.limits,
        delay: setup.delay,
        quota: setup.quota.clone(),
        clock: setup.clock.clone(),
        events: tapline_core::Events::none(),
        redactor: tapline_core::Redactor::default(),
        tokens: None,
        user_agent: "tapline-test".to_owned(),
    };
    let error = Client::new(config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("\"key\" is missing"), "{error}");
}
