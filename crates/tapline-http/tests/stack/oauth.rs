//! Access tokens: when they are asked for, how, and what is said when there is none.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tapline_core::{Clock, ErrorKind, Param, Params, Purpose, Retry, Secret, Transport};
use tapline_spec::{AuthPlan, ClientAuthentication, OAuth2Grant, OAuth2Plan};

use crate::server::{Reply, Seen, Server};
use crate::setup::{Setup, get, text};

/// A client's secret; it contains what must be escaped.
pub(crate) const CLIENT_SECRET: &str = "cl1ent/s3cret+1";

pub(crate) fn plan(grant: OAuth2Grant) -> OAuth2Plan {
    OAuth2Plan {
        grant,
        token_urls: vec!["${accessTokenUrl}".parse().unwrap()],
        client: ClientAuthentication::Body,
        fields: Vec::new(),
    }
}

pub(crate) fn params(pairs: &[(&str, &str)]) -> Params {
    let param = |text: &str| Param::Secret(Secret::new(text));
    pairs.iter().map(|(k, v)| (*k, param(v))).collect()
}

/// An API that is its own token server at `/token`.
pub(crate) fn setup(server: &Server, grant: OAuth2Grant, more: &[(&str, &str)]) -> Setup {
    let mut setup = Setup::new(server.origin());
    setup.auth = AuthPlan::OAuth2(plan(grant));
    setup.params = params(&[
        ("clientId", "me"),
        ("clientSecret", CLIENT_SECRET),
        ("accessTokenUrl", &server.url("/token")),
    ]);
    setup.params.overlay(&params(more));
    setup
}

/// The bodies of the token requests.
pub(crate) fn asked(server: &Server) -> Vec<String> {
    let seen = server.seen().into_iter();
    seen.filter(is_token).map(|seen| seen.body).collect()
}

pub(crate) fn is_token(seen: &Seen) -> bool {
    seen.line.contains(" /token")
}

/// Gives `access-1`, `access-2`, ... which live for a minute, to whoever asks.
async fn counting() -> Server {
    Server::start(|number, seen| {
        if is_token(seen) {
            let token = format!(r#"{{"access_token":"access-{number}","expires_in":"60"}}"#);
            return Reply::ok(token);
        }
        Reply::ok(seen.header("authorization").unwrap_or("none"))
    })
    .await
}

async fn page(server: &Server, transport: &Arc<dyn Transport>) -> String {
    text(transport.send(get(server.url("/page"))).await).await
}

#[tokio::test]
async fn many_requests_wait_for_one_token() {
    let server = counting().await;
    let setup = setup(&server, OAuth2Grant::ClientCredentials, &[]);
    let transport = setup.transport();
    let pages = (0..20).map(|_| page(&server, &transport));
    for page in join_all(pages).await {
        assert_eq!(page, "Bearer access-0");
    }
    let body = "grant_type=client_credentials&client_id=me&client_secret=cl1ent%2Fs3cret%2B1";
    assert_eq!(asked(&server), [body]);
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "POST /token HTTP/1.1");
    assert_eq!(
        seen.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(seen.header("authorization"), None);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let server = counting().await;
    let setup = setup(&server, OAuth2Grant::ClientCredentials, &[]);
    let transport = setup.transport();
    for (wait, expected) in [(0, "access-0"), (44, "access-0"), (1, "access-3")] {
        setup.clock.sleep(Duration::from_secs(wait)).await;
        assert_eq!(
            page(&server, &transport).await,
            format!("Bearer {expected}")
        );
    }
    assert_eq!(asked(&server).len(), 2);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_for_each_request() {
    let server = Server::start(|number, seen| {
        let is_old = seen.header("authorization") == Some("Bearer access-0");
        match is_token(seen) {
            true => Reply::ok(format!(r#"{{"access_token":"access-{number}"}}"#)),
            false if seen.line.contains("/never") || is_old => Reply::new(401, &[], ""),
            false => Reply::ok("page"),
        }
    })
    .await;
    let setup = setup(&server, OAuth2Grant::ClientCredentials, &[]);
    let transport = setup.transport();
    let pages = (0..5).map(|_| page(&server, &transport));
    assert_eq!(join_all(pages).await, ["page"; 5]);
    assert_eq!(asked(&server).len(), 2);
    let refused = transport.send(get(server.url("/never"))).await.unwrap();
    assert_eq!((refused.status.as_u16(), asked(&server).len()), (401, 3));
    assert_eq!(server.seen().len(), 5 + 5 + 3 + 2);
}

#[tokio::test]
async fn a_token_without_any_server_is_used_as_it_is() {
    let server = Server::start(|_, _| Reply::new(401, &[], "")).await;
    let mut setup = Setup::new(server.origin());
    setup.auth = AuthPlan::OAuth2(plan(OAuth2Grant::RefreshToken));
    setup.params = params(&[("accessToken", "given"), ("expirationDate", "2025-12-31")]);
    let sent = setup.transport().send(get(server.url("/"))).await.unwrap();
    assert_eq!(sent.status.as_u16(), 401);
    assert_eq!(
        server.seen()[0].header("authorization"),
        Some("Bearer given")
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_expiration_date_that_has_passed_has_the_token_renewed_first() {
    let server = counting().await;
    async fn check(server: &Server, date: &str, expected: &str) {
        let given = [
            ("accessToken", "given"),
            ("refreshToken", "r0"),
            ("expirationDate", date),
        ];
        let setup = setup(server, OAuth2Grant::RefreshToken, &given);
        let page = page(server, &setup.transport()).await;
        assert!(page.starts_with(expected), "{date}: {page}");
    }
    check(&server, "2026-01-02", "Bearer given").await;
    check(&server, "2026-01-01", "Bearer access-").await;
    let form = "grant_type=refresh_token&refresh_token=r0&client_id=me";
    assert!(asked(&server)[0].starts_with(form), "{:?}", asked(&server));
}

#[tokio::test]
async fn a_server_with_names_of_its_own_is_spoken_to_in_them() {
    let server = Server::start(|_, seen| match is_token(seen) {
        true => Reply::ok(r#"{"token":"own","left":7,"access_token":"wrong"}"#),
        false => Reply::ok(seen.header("authorization").unwrap_or("none")),
    })
    .await;
    let names = r#"{"accessTokenField":"token","refreshTokenField":"code","expireInField":"left",
        "authenticationMethod":"GET","clientId":"id","clientSecret":"key"}"#;
    let given = [("refreshToken", "r 0"), ("requestParameterOverride", names)];
    let mut setup = setup(&server, OAuth2Grant::RefreshToken, &given);
    let AuthPlan::OAuth2(plan) = &mut setup.auth else {
        unreachable!()
    };
    let field = |name: &str, text: &str| (name.to_owned(), text.parse().unwrap());
    plan.fields = vec![
        field("audience", "for ${clientId}"),
        field("grant_type", "renew"),
        field("scope", "${scope}"),
    ];
    assert_eq!(page(&server, &setup.transport()).await, "Bearer own");
    assert_eq!(
        server.seen()[0].line,
        "GET /token?code=r+0&id=me&key=cl1ent%2Fs3cret%2B1&audience=for+me&grant_type=renew \
         HTTP/1.1"
    );
}

#[tokio::test]
async fn a_client_may_say_who_it_is_in_a_header() {
    let server = counting().await;
    let mut setup = setup(&server, OAuth2Grant::ClientCredentials, &[]);
    let AuthPlan::OAuth2(plan) = &mut setup.auth else {
        unreachable!()
    };
    plan.client = ClientAuthentication::Header;
    assert_eq!(page(&server, &setup.transport()).await, "Bearer access-0");
    assert_eq!(asked(&server), ["grant_type=client_credentials"]);
    // me:cl1ent%2Fs3cret%2B1
    let basic = "Basic bWU6Y2wxZW50JTJGczNjcmV0JTJCMQ==";
    assert_eq!(server.seen()[0].header("authorization"), Some(basic));
}

#[tokio::test]
async fn a_refused_client_is_asked_about_once_and_named_without_its_secret() {
    let server = Server::start(|_, seen| {
        let said = format!(
            r#"{{"error":"invalid_client","error_description":"{}"}}"#,
            seen.body
        );
        Reply::new(401, &[], said)
    })
    .await;
    let setup = setup(&server, OAuth2Grant::ClientCredentials, &[]);
    let transport = setup.transport();
    let sent = join_all((0..5).map(|_| transport.send(get(server.url("/page"))))).await;
    for sent in sent {
        let error = sent.unwrap_err();
        let said = error.to_string();
        assert_eq!(
            (error.kind(), error.retry()),
            (ErrorKind::Auth, Retry::Never)
        );
        let expected = "the token server refused clientId/clientSecret (invalid_client: ";
        assert!(said.contains(expected) && said.contains("***"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn only_what_cannot_have_arrived_is_asked_for_again_with_a_refresh_token() {
    async fn check(grant: OAuth2Grant, reply: fn() -> Reply, requests: usize) {
        let server = Server::start(move |_, _| reply()).await;
        let mut setup = setup(&server, grant, &[("refreshToken", "r0")]);
        setup.limits.attempts = 3;
        setup.limits.idle_timeout = Duration::from_millis(50);
        let sent = setup.transport().send(get(server.url("/page"))).await;
        assert_eq!(sent.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(server.seen().len(), requests, "{grant:?}");
    }
    let silent = || Reply::ok("").stall(1);
    let gateway = || Reply::new(502, &[], "");
    let busy = || Reply::new(503, &[], "");
    check(OAuth2Grant::RefreshToken, gateway, 1).await;
    check(OAuth2Grant::RefreshToken, busy, 3).await;
    check(OAuth2Grant::ClientCredentials, gateway, 3).await;
    check(OAuth2Grant::RefreshToken, silent, 1).await;
    check(OAuth2Grant::ClientCredentials, silent, 3).await;
}

#[tokio::test]
async fn a_token_server_that_is_down_is_tried_as_often_as_any_other() {
    let server = counting().await;
    let given = [
        ("refreshToken", "r0"),
        ("accessTokenUrl", "http://127.0.0.1:1/"),
    ];
    let mut setup = setup(&server, OAuth2Grant::RefreshToken, &given);
    setup.limits.attempts = 3;
    let error = setup.transport().send(get(server.url("/page"))).await;
    let error = error.unwrap_err();
    assert_eq!(error.retry(), Retry::Spent);
    assert!(
        error
            .to_string()
            .contains("the token server did not answer"),
        "{error}"
    );
    assert_eq!(setup.clock.sleeps().len(), 2);
}

#[tokio::test]
async fn a_redirect_of_a_token_request_is_not_followed() {
    let other = Server::start(|_, _| Reply::ok(r#"{"access_token":"stolen"}"#)).await;
    let target = other.url("/token");
    let server = Server::start(move |_, _| Reply::new(307, &[("location", &target)], "")).await;
    let mut setup = setup(&server, OAuth2Grant::ClientCredentials, &[]);
    setup.allow = vec![other.origin()];
    let error = setup.transport().send(get(server.url("/page"))).await;
    assert!(error.unwrap_err().to_string().contains("a redirect"));
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_trial_elsewhere_is_signed_and_pages_there_are_refused() {
    let other = counting().await;
    let server = counting().await;
    let given = [("authorizationTestUrl", &*other.url("/me"))];
    let setup = setup(&server, OAuth2Grant::ClientCredentials, &given);
    let client = setup.client();
    let transport = client.transport(Arc::new(tapline_core::NoHooks));
    let mut trial = get(client.test_url().unwrap());
    trial.purpose = Purpose::Check;
    assert_eq!(text(transport.send(trial).await).await, "Bearer access-0");
    let page = transport.send(get(other.url("/page"))).await;
    assert_eq!(page.unwrap_err().kind(), ErrorKind::Refused);
}

#[test]
fn what_is_missing_is_named_before_anything_is_sent() {
    fn check(grant: OAuth2Grant, given: &[(&str, &str)], part: &str) {
        let mut setup = Setup::new("https://api.example.com");
        setup.auth = AuthPlan::OAuth2(plan(grant));
        setup.params = params(given);
        let error = setup.try_client().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains(part), "{error}");
    }
    let url = ("accessTokenUrl", "https://login.example.com/token");
    let (client, refresh) = (OAuth2Grant::ClientCredentials, OAuth2Grant::RefreshToken);
    check(client, &[url], "\"clientId\" is missing");
    check(
        client,
        &[url, ("clientId", "a")],
        "\"clientSecret\" is missing",
    );
    check(
        client,
        &[("clientId", "a")],
        "\"accessTokenUrl\" is missing",
    );
    check(
        refresh,
        &[url],
        "\"accessToken\" and \"refreshToken\" is missing",
    );
    check(
        refresh,
        &[("refreshToken", "r")],
        "\"accessTokenUrl\" is missing",
    );
    let relative = [("accessTokenUrl", "login/token"), ("refreshToken", "r")];
    check(refresh, &relative, "is not a whole URL");
    let names = ("requestParameterOverride", r#"{"clientID":"x"}"#);
    check(
        refresh,
        &[url, names, ("refreshToken", "r")],
        "unknown field `clientID`",
    );
    let date = [("expirationDate", "soon"), ("accessToken", "a")];
    check(refresh, &date, "\"expirationDate\" is no date");
}
