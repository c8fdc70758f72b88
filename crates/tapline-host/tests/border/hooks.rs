//! Hooks: what crosses the border in both directions, and what is caught on the way.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use tapline_core::{
    Body, ErrorKind, Evidence, HookKind, Hooks, PageInfo, Param, Params, Position, Purpose,
    Request, RequestRecord, Secret, Window,
};
use tapline_host::LoadError;
use uuid::Uuid;

use crate::bench::Bench;
use crate::doors::Doors;

fn open(id: &str, params: &Params, doors: &Doors) -> Result<Arc<dyn Hooks>, LoadError> {
    let plugin = Bench::new().host.load(id)?;
    plugin.open(params, doors.services())
}

fn signer(doors: &Doors) -> Arc<dyn Hooks> {
    let params = [
        ("host", Param::Plain("http://127.0.0.1:8101".to_owned())),
        ("key", Param::Secret(Secret::new("sesame"))),
    ];
    open("signer", &params.into_iter().collect(), doors).unwrap()
}

fn faulty(fault: &str) -> Arc<dyn Hooks> {
    let params = [("fault", Param::Plain(fault.to_owned()))];
    open("faulty", &params.into_iter().collect(), &Doors::default()).unwrap()
}

fn get(url: &str) -> Request {
    Request::get(url.parse().unwrap())
}

fn page() -> PageInfo {
    PageInfo {
        seq: 7,
        next: None,
        evidence: Evidence::default(),
        request: RequestRecord {
            request_id: Uuid::nil(),
            method: "GET".to_owned(),
            url: "http://127.0.0.1/".to_owned(),
            status: 200,
            bytes: 0,
            attempts: 1,
            waited_ms: 0,
            duration_ms: 0,
            received_at: Timestamp::UNIX_EPOCH,
        },
        needless: 0,
    }
}

/// FNV-1a of `<key>\n<method>\n<target>`, written a second time on purpose.
fn signature(text: &str) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

#[test]
fn hooks_are_numbered_alike_on_both_sides() {
    use tapline_abi::message::hook;
    let numbers = [
        hook::PREPARE_REQUEST,
        hook::NEXT_POSITION,
        hook::TRANSFORM_PAGE,
        hook::PARTITIONS,
        hook::CHECK,
    ];
    assert_eq!(HookKind::ALL.map(|hook| hook as u32), numbers);
}

#[tokio::test]
async fn a_request_is_signed_and_else_unchanged() {
    let hooks = signer(&Doors::default());
    assert!(hooks.set().has(HookKind::PrepareRequest));
    assert!(!hooks.set().has(HookKind::NextPosition));

    let mut request = get("http://127.0.0.1:8101/items?offset=20&q=%C3%A9");
    request
        .headers
        .insert("accept", "text/csv".parse().unwrap());
    request.body = Body::Bytes(Bytes::from_static(b"\x00\xff"));
    let signed = hooks.prepare_request(request).await.unwrap();

    let expected = signature("sesame\nGET\n/items?offset=20&q=%C3%A9");
    assert_eq!(signed.headers["x-tapline-signature"], expected.as_str());
    assert_eq!(signed.headers["accept"], "text/csv");
    assert_eq!(signed.purpose, Purpose::Page);
    let Body::Bytes(body) = signed.body else {
        panic!("the body is gone");
    };
    assert_eq!(&body[..], b"\x00\xff");
}

#[tokio::test]
async fn a_check_goes_through_the_doors_of_the_host() {
    let doors = Doors::default();
    let report = signer(&doors).check().await.unwrap();
    assert!(report.ok);
    assert_eq!(report.message, "GET /items answered 200");

    let requests = doors.transport.requests.lock().unwrap();
    assert_eq!(
        requests[0].url.as_str(),
        "http://127.0.0.1:8101/items?limit=1"
    );
    assert_eq!(requests[0].purpose, Purpose::Plugin);
    assert!(requests[0].headers.contains_key("x-tapline-signature"));
    let documents = doors.state.documents.lock().unwrap();
    assert_eq!(documents["plugin/signer/shop:last_check"].value, 1000);
}

#[test]
fn a_secret_reaches_only_a_connector_that_may_need_it() {
    let doors = Doors::default();
    let host = ("host", Param::Plain("http://127.0.0.1".to_owned()));
    let refused = open("signer", &[host].into_iter().collect(), &doors);
    let Err(LoadError::Refused { reason, .. }) = refused else {
        panic!("it opened without a key");
    };
    assert_eq!(reason, "no parameter `key`; given: host");

    let secret = ("password", Param::Secret(Secret::new("sesame")));
    open("mailchimp", &[secret].into_iter().collect(), &doors).unwrap();
}

#[test]
fn a_panic_in_open_is_an_error() {
    let params = [("fault", Param::Plain("open".to_owned()))];
    let opened = open("faulty", &params.into_iter().collect(), &Doors::default());
    let error = opened.err().unwrap().to_string();
    assert_eq!(
        error,
        "open connector `faulty`: the connector panicked: faulty in open"
    );
}

#[tokio::test]
async fn a_panic_in_a_hook_is_an_error_with_its_place() {
    let hooks = faulty("");
    let error = hooks.prepare_request(get("http://h/")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Plugin);
    assert_eq!(
        error.to_string(),
        "call hook: the connector panicked: faulty in prepare_request (plugin: faulty, hook: prepare_request)"
    );
    let error = hooks.check().await.unwrap_err();
    assert_eq!(
        error.message(),
        "the connector panicked: faulty after a response with status 200"
    );
}

#[test]
fn a_panic_while_closing_is_survived() {
    drop(faulty("drop"));
}

#[tokio::test]
async fn a_request_that_is_none_is_refused() {
    async fn check(fault: &str, expected: &str) {
        let prepared = faulty(fault).prepare_request(get("http://h/")).await;
        assert_eq!(prepared.unwrap_err().message(), expected, "{fault}");
    }
    check("url", "the URL cannot be read: relative URL without a base").await;
    check(
        "origin",
        "it sends the request elsewhere, to https://elsewhere.example",
    )
    .await;
    check("method", "`G E T` is no HTTP method").await;
    let header = |name| format!("the value of the header `{name}` holds a forbidden character");
    check("header", &header("x-split")).await;
    check("wide", &header("x-wide")).await;
}

#[tokio::test]
async fn a_position_is_kept_unless_it_is_too_large() {
    let next = faulty("").next_position(&page(), Bytes::new()).await;
    assert_eq!(next.unwrap(), Some(Position::Token("7xxxxxxx".to_owned())));
    let next = faulty("position")
        .next_position(&page(), Bytes::new())
        .await;
    let error = next.unwrap_err();
    assert_eq!(
        error.message(),
        "the position has 70001 bytes, at most 65536 are kept"
    );
}

#[tokio::test]
async fn what_a_hook_says_is_passed_on_without_secrets() {
    let params = [("fault", Param::Secret(Secret::new("sesame")))];
    let hooks = open("faulty", &params.into_iter().collect(), &Doors::default()).unwrap();
    let page = hooks.transform_page("text/plain", Bytes::new()).await;
    assert_eq!(page.unwrap_err().message(), "no JSON, says ***");
    let error = hooks.partitions(&Window::ALL).await.unwrap_err();
    assert_eq!(
        error.message(),
        "`yesterday` is no instant; write `2026-01-31T00:00:00Z`"
    );
}
