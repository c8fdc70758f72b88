//! The `prepare_request` hook: when it is called, and what it may not do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use http::HeaderValue;
use tapline_core::{ErrorKind, HookKind, HookSet, Hooks, Request, Result};

use crate::server::{Reply, Server};
use crate::setup::{Setup, bearer, get};

/// Numbers its calls, and may change the URL.
#[derive(Clone, Default)]
struct Signer {
    calls: Arc<AtomicU32>,
    leads_to: Option<String>,
}

#[async_trait]
impl Hooks for Signer {
    fn set(&self) -> HookSet {
        HookSet::from_bits(1 << HookKind::PrepareRequest as u64)
    }

    async fn prepare_request(&self, mut request: Request) -> Result<Request> {
        assert!(!request.headers.contains_key("authorization"));
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let call = HeaderValue::from(call);
        request.headers.insert("x-signature", call);
        let host = HeaderValue::from_static("other.example");
        request.headers.insert("host", host);
        if let Some(url) = &self.leads_to {
            request.url = url.parse().unwrap();
        }
        Ok(request)
    }
}

#[tokio::test]
async fn each_attempt_is_signed_anew() {
    let server = Server::start(|n, _| match n {
        0 => Reply::new(503, &[], ""),
        _ => Reply::ok("{}"),
    })
    .await;
    let mut setup = Setup::new(server.origin());
    setup.auth = bearer();
    let transport = setup.hooked(Signer::default());
    transport.send(get(server.url("/"))).await.unwrap();
    let host = format!("127.0.0.1:{}", server.port);
    for (n, seen) in server.seen().iter().enumerate() {
        assert_eq!(seen.header("x-signature"), Some(n.to_string().as_str()));
        assert_eq!(seen.header("host"), Some(host.as_str()));
        assert!(seen.header("authorization").is_some());
    }
}

#[tokio::test]
async fn a_hook_cannot_lead_a_request_away() {
    let other = Server::start(|_, _| Reply::ok("{}")).await;
    let server = Server::start(|_, _| Reply::ok("{}")).await;
    let mut setup = Setup::new(server.origin());
    setup.allow = vec![other.origin()];
    let transport = setup.hooked(Signer {
        leads_to: Some(other.url("/?query")),
        ..Signer::default()
    });
    let error = transport.send(get(server.url("/"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(!error.to_string().contains("query"), "{error}");
    assert_eq!((server.connections(), other.connections()), (0, 0));
}

#[tokio::test]
async fn a_foreign_hop_is_not_signed() {
    let other = Server::start(|_, _| Reply::ok("{}")).await;
    let target = other.url("/");
    let server = Server::start(move |_, _| Reply::new(302, &[("location", &target)], "")).await;
    let mut setup = Setup::new(server.origin());
    setup.allow = vec![other.origin()];
    let signer = Signer::default();
    let transport = setup.hooked(signer.clone());
    transport.send(get(server.url("/"))).await.unwrap();
    assert_eq!(signer.calls.load(Ordering::SeqCst), 1);
    assert_eq!(other.seen()[0].header("x-signature"), None);
}

#[tokio::test]
async fn a_listed_host_that_is_not_the_connections_own_is_not_signed_for() {
    let server = Server::start(|_, _| Reply::ok("{}")).await;
    let mut setup = Setup::new("https://api.example.com");
    setup.allow = vec![server.origin()];
    let signer = Signer::default();
    let transport = setup.hooked(signer.clone());
    transport.send(get(server.url("/"))).await.unwrap();
    assert_eq!(signer.calls.load(Ordering::SeqCst), 0);
    assert_eq!(server.seen()[0].header("x-signature"), None);
}
