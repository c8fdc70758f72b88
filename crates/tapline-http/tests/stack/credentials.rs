//! Who gets credentials, and who does not.

use tapline_core::{ErrorKind, Params};
use tapline_http::{AllowList, Client, ClientConfig};
use tapline_spec::KeyLocation;

use crate::server::{Reply, Server};
use crate::setup::{SECRET, Setup, api_key, bearer, get};

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
        clock: setup.clock.clone(),
        events: tapline_core::Events::none(),
        redactor: tapline_core::Redactor::default(),
        user_agent: "tapline-test".to_owned(),
    };
    let error = Client::new(config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("\"key\" is missing"), "{error}");
}
