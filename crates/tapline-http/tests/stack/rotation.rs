//! Refresh tokens that are good for one use: none is lost, and none is used twice.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join;
use tapline_core::{Clock, ErrorKind, Secret, StateStore};
use tapline_http::TokenStore;
use tapline_spec::OAuth2Grant;
use tapline_state::{SealingKey, SqliteState};

use crate::oauth::{asked, is_token, setup};
use crate::server::{Reply, Server};
use crate::setup::{Setup, TestClock, get, text};

/// 32 bytes in base64.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Takes the refresh tokens `r0`, `r1`, ... each once and in this order, and `new0` at any time;
/// gives the next, and an access token of the same number that lives for a minute.
async fn rotating() -> Server {
    let next = AtomicUsize::new(0);
    Server::start(move |_, seen| {
        if !is_token(seen) {
            return Reply::ok(seen.header("authorization").unwrap_or("none"));
        }
        let number = next.load(Ordering::SeqCst);
        if seen.body.contains("refresh_token=new0&") {
            return Reply::ok(r#"{"access_token":"anew","refresh_token":"new1"}"#);
        }
        if !seen.body.contains(&format!("refresh_token=r{number}&")) {
            return Reply::new(400, &[], r#"{"error":"invalid_grant"}"#);
        }
        let number = next.fetch_add(1, Ordering::SeqCst) + 1;
        Reply::ok(format!(
            r#"{{"access_token":"a{number}","refresh_token":"r{number}","expires_in":60}}"#
        ))
    })
    .await
}

/// Another process of the same connection: nothing is shared but the file.
fn process(server: &Server, given: &str, state: Option<&Path>, key: Option<&str>) -> Setup {
    let mut setup = setup(
        server,
        OAuth2Grant::RefreshToken,
        &[("refreshToken", given)],
    );
    setup.tokens = state.map(|path| TokenStore {
        state: store(path, key),
        connection: "crm".to_owned(),
    });
    setup
}

fn store(path: &Path, key: Option<&str>) -> Arc<dyn StateStore> {
    let store = SqliteState::open(path, Arc::new(TestClock::default())).unwrap();
    Arc::new(match key {
        Some(key) => store.with_key(SealingKey::from_base64(&Secret::new(key)).unwrap()),
        None => store,
    })
}

async fn page(server: &Server, setup: &Setup) -> String {
    text(setup.transport().send(get(server.url("/page"))).await).await
}

#[tokio::test]
async fn the_next_run_goes_on_with_what_was_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let server = rotating().await;
    let run = || process(&server, "r0", Some(&path), Some(KEY));
    assert_eq!(page(&server, &run()).await, "Bearer a1");
    // The access token still lives, so nobody is asked.
    assert_eq!(page(&server, &run()).await, "Bearer a1");
    assert_eq!(asked(&server).len(), 1);
    let later = run();
    later.clock.sleep(Duration::from_secs(100)).await;
    assert_eq!(page(&server, &later).await, "Bearer a2");
    assert!(later.warnings().is_empty(), "{:?}", later.warnings());
    let stored = std::fs::read(&path).unwrap();
    assert!(!stored.windows(2).any(|bytes| bytes == b"r2"), "sealed");
}

#[tokio::test]
async fn a_refresh_token_configured_anew_wins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let server = rotating().await;
    page(&server, &process(&server, "r0", Some(&path), Some(KEY))).await;
    let anew = process(&server, "new0", Some(&path), Some(KEY));
    assert_eq!(page(&server, &anew).await, "Bearer anew");
}

#[tokio::test]
async fn a_request_that_is_given_up_loses_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let server = rotating().await;
    let killed = process(&server, "r0", Some(&path), Some(KEY));
    let transport = killed.transport();
    let url = server.url("/page");
    let sent = transport.send(get(&url));
    // Dropped once the token server was asked, before the page is.
    let until_asked = async {
        while asked(&server).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = until_asked => {}
        _ = sent => panic!("the page came first"),
    }
    drop((transport, killed));
    // The answer is sealed although nobody waits for it; so long, the lease is held.
    let next = process(&server, "r0", Some(&path), Some(KEY));
    assert_eq!(page(&server, &next).await, "Bearer a1");
    assert_eq!(asked(&server).len(), 1);
}

#[tokio::test]
async fn two_processes_use_each_refresh_token_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let server = rotating().await;
    let process = || process(&server, "r0", Some(&path), Some(KEY));
    let (one, two) = (process(), process());
    let (first, second) = join(page(&server, &one), page(&server, &two)).await;
    assert_eq!((&*first, &*second), ("Bearer a1", "Bearer a1"));
    assert_eq!(asked(&server).len(), 1);
}

#[tokio::test]
async fn without_a_key_a_warning_names_the_way_out_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let server = rotating().await;
    let run = process(&server, "r0", Some(&path), None);
    let transport = run.transport();
    for expected in ["Bearer a1", "Bearer a2"] {
        let sent = transport.send(get(server.url("/page"))).await;
        assert_eq!(text(sent).await, expected);
        run.clock.sleep(Duration::from_secs(100)).await;
    }
    let warnings = run.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for part in ["`crm`", "TAPLINE_STATE_KEY"] {
        assert!(warnings[0].contains(part), "{warnings:?}");
    }
    let next = process(&server, "r0", Some(&path), None);
    let error = next.transport().send(get(server.url("/page"))).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(error.to_string().contains("sign in again"), "{error}");
}

#[tokio::test]
async fn another_key_is_told_and_the_projects_token_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let server = rotating().await;
    page(&server, &process(&server, "r0", Some(&path), Some(KEY))).await;
    for key in [None, Some("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZUY=")] {
        let run = process(&server, "new0", Some(&path), key);
        assert_eq!(page(&server, &run).await, "Bearer anew");
        let warnings = run.warnings().join("\n");
        assert!(warnings.contains("cannot be read"), "{warnings}");
    }
}
