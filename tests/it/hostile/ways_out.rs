//! Redirects and next links that lead away: nobody else hears of a request, least of all its key.

use super::server::{Reply, Silent};
use super::victim::{Victim, check, refused};

/// Ways to another place that hears nothing: another port, and another address.
fn elsewhere() -> [Silent; 2] {
    [Silent::at("127.0.0.1"), Silent::at("127.0.0.2")]
}

#[test]
fn a_redirect_to_another_place_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        for silent in elsewhere() {
            let location = format!("location: {}/steal\r\n", silent.origin());
            let status = format!("{status} Elsewhere");
            let reply = move |_| Reply::new(&status, &location, "");
            let victim = check(reply, 1, "is not an allowed host");
            assert!(silent.is_silent());
            assert_eq!(victim.server.heads().len(), 1);
        }
    }
}

#[test]
fn a_redirect_to_what_is_no_place_is_refused() {
    let cases = [
        ("file:///etc/passwd", "only http and https are allowed"),
        ("data:application/json,%5B%5D", "only http and https"),
        ("http://169.254.169.254/latest/", "is not an allowed host"),
        ("http://2130706433:1/", "is not an allowed host"),
        ("//[::1]:1/", "is not an allowed host"),
        (
            "http://[nowhere/",
            "redirects to something that is not a URL",
        ),
    ];
    for (target, said) in cases {
        let location = format!("location: {target}\r\n");
        check(move |_| Reply::new("302 Found", &location, ""), 1, said);
    }
}

#[test]
fn a_redirect_in_circles_ends() {
    let reply = |_| Reply::new("302 Found", "location: /round\r\n", "");
    let victim = check(reply, 1, "redirects more than 5 times");
    assert_eq!(victim.server.heads().len(), 6);
}

/// A page that would be honest, but for its next link.
fn leading_to(next: &str) -> String {
    let next = serde_json::Value::from(next);
    format!("{{\"items\":[{{\"id\":3}}],\"next\":{next}}}")
}

#[test]
fn a_next_link_to_another_place_is_not_followed() {
    for silent in elsewhere() {
        let page = leading_to(&format!("{}/steal", silent.origin()));
        let victim = check(move |_| Reply::ok(&page), 3, "next_refused");
        assert!(silent.is_silent());
        assert_eq!(victim.server.heads().len(), 1);
    }
}

#[test]
fn a_next_link_to_what_is_no_place_is_refused() {
    for target in [
        "file:///etc/passwd",
        "//127.0.0.2:1/",
        "\\\\127.0.0.2:1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://a:b@127.0.0.2/",
    ] {
        let page = leading_to(target);
        check(move |_| Reply::ok(&page), 3, "next_refused");
    }
}

/// A `Link` header is read only if the spec says so, and this one does not.
#[test]
fn a_link_header_leads_nowhere() {
    let silent = Silent::at("127.0.0.2");
    let link = format!("link: <{}/steal>; rel=\"next\"\r\n", silent.origin());
    let victim = Victim::new();
    victim
        .server
        .turn(move |_| Reply::new("200 OK", &link, "{\"items\":[]}"));
    assert_eq!(victim.run(&[]).run.code, 0);
    assert!(silent.is_silent());
}

/// Cookies are not kept: a server cannot mark a client, nor fill its memory.
#[test]
fn a_cookie_is_forgotten() {
    let victim = Victim::new();
    victim.server.turn(|number| match number {
        0 => Reply::new(
            "200 OK",
            "set-cookie: a=b\r\nset-cookie: c=d; domain=example.com\r\n",
            leading_to("?page=2"),
        ),
        _ => Reply::new("500 No", "retry-after: 99999999\r\n", ""),
    });
    refused(&victim, &[], 4, "the source asks to wait until");
    let heads = victim.server.heads();
    assert_eq!(heads.len(), 2);
    assert!(
        !heads[1].to_ascii_lowercase().contains("cookie"),
        "{heads:?}"
    );
}
