//! Bodies that are broken, or are something else than they seem.

use super::server::Reply;
use super::victim::{Victim, check, refused};

/// Bodies that break off are fetched again, as often as any answer, and are never a short page.
#[test]
fn a_body_that_breaks_off_is_no_page() {
    for answer in [
        "content-length: 99\r\n\r\n{\"items\":[]}",
        "transfer-encoding: chunked\r\n\r\nc\r\n{\"items\":[]}",
        "transfer-encoding: chunked\r\n\r\nc\r\n{\"items\":[]}\r\n",
        "transfer-encoding: chunked\r\n\r\nc\r\n{\"items\":[]}\r\nzz\r\n",
        "transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{\"items\":[]}\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n-1\r\n{\"items\":[]}\r\n0\r\n\r\n",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{answer}");
        let victim = check(move |_| Reply::raw(&answer), 1, "the body broke off");
        assert_eq!(victim.server.heads().len(), 5);
    }
}

#[test]
fn what_is_no_http_is_no_answer() {
    for answer in [
        "",
        "\r\n\r\n",
        "SSH-2.0-OpenSSH_9.9\r\n",
        "HTTP/1.1 2OO OK\r\n\r\n{\"items\":[]}",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n{\"items\":[]}",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 12\r\n\r\n{\"items\":[]}",
    ] {
        check(
            move |_| Reply::raw(answer),
            1,
            "send request: the connection broke",
        );
    }
}

#[test]
fn a_200_that_is_no_page_is_an_error() {
    let cases = [
        (
            "<!doctype html><title>Sign in</title>",
            "the body is not JSON",
        ),
        ("", "the body is empty"),
        ("{\"items\":[", "the body is not JSON"),
        (
            "{\"items\":[]}{\"items\":[]}",
            "expected the end of the body",
        ),
        ("{\"items\":[NaN]}", "expected a value"),
        ("{\"items\":[Infinity]}", "expected a value"),
        ("{\"items\":[1,]}", "expected a value"),
        ("{'items':[]}", "the body is not JSON"),
        ("{\"items\":\"none\"}", "leads to a string"),
        (
            "{\"error\":{\"code\":17}}",
            "there is nothing at contentPath",
        ),
        ("[]", "there is nothing at contentPath"),
        ("{\"items\":[],\"items\":[]}", "occurs a second time"),
    ];
    for (body, said) in cases {
        check(move |_| Reply::ok(body), 1, said);
    }
    check(|_| Reply::ok(b"{\"items\":[\"\xff\xfe\"]}"), 1, "UTF-8");
    check(|_| Reply::ok(b"\xff\xfe{\0}\0"), 1, "the body is not JSON");
}

/// The same in the midst of a run: what came before is not shown either.
#[test]
fn a_login_page_in_mid_run_spoils_it() {
    let victim = Victim::new();
    victim.server.turn(|number| match number {
        0 => Reply::ok("{\"items\":[{\"id\":9}],\"next\":\"?page=2\"}"),
        _ => Reply::new("200 OK", "content-type: text/html\r\n", "<html>Sign in"),
    });
    refused(&victim, &[], 1, "the body is not JSON");
    let said = "content type: text/html, body: <html>Sign in, hint: this is likely a login";
    refused(&victim, &[], 1, said);
}

#[test]
fn depth_is_no_way_to_a_stack() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let beside = format!("{{\"a\":{deep},\"items\":[]}}");
    check(move |_| Reply::ok(&beside), 1, "nested too deep");
    let open = format!("{{\"items\":{}", "[".repeat(100_000));
    check(move |_| Reply::ok(&open), 1, "the body is not JSON");
}

/// One record is too deep: it is kept aside, and the page goes on.
#[test]
fn a_deep_record_is_kept_aside() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let victim = Victim::new();
    victim
        .server
        .turn(move |_| Reply::items(format!("{{\"id\":3,\"a\":{deep}}},{{\"id\":4}}")));
    let ended = victim.run(&[]);
    assert_eq!(ended.run.code, 0, "{}", ended.run);
    let records = &ended.run.json()["records"];
    assert_eq!(
        (&records["read"], &records["rejected"]),
        (&2.into(), &1.into())
    );
    assert_eq!(victim.project.count("select sum(id) from t"), 4);
    let kept = "select count(*) from _tapline_rejects where length(raw) > 200000";
    assert_eq!(victim.project.count(kept), 1);
}
