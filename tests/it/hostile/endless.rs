//! Bodies, heads, pages and waits without an end.

use super::server::Reply;
use super::victim::{KEY, Victim, check, refused};
use crate::support::Run;

/// Chunks of a string that never ends.
#[test]
fn a_body_without_an_end_is_cut_off() {
    let part = "x".repeat(0x10000);
    let chunk = format!("10000\r\n{part}\r\n");
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{\"a\": \" \r\n";
    let reply = move |_| Reply::raw(head).and_forever(&chunk);
    let victim = check(reply, 1, "the body is larger than 20971520 bytes");
    assert_eq!(victim.server.heads().len(), 1);
}

/// The length of a body is believed no more than the body: nothing is set aside for it.
#[test]
fn a_body_that_claims_to_be_huge_takes_nothing() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n{\"items\":[]}";
    check(move |_| Reply::raw(head), 1, "send request: ");
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775807\r\n\r\n{\"items\":[]}";
    check(move |_| Reply::raw(head), 1, "the body broke off");
}

#[test]
fn a_head_without_an_end_is_cut_off() {
    let reply = |_| Reply::raw("HTTP/1.1 200 OK\r\nx: ").and_forever([b'x'; 4096]);
    check(reply, 1, "send request: ");
    let reply = |_| Reply::raw("HTTP/1.1 200 OK\r\n").and_forever("set-cookie: a=b\r\n".repeat(64));
    check(reply, 1, "send request: ");
}

/// A page of one record that names a next one.
fn page(id: usize, next: usize) -> Reply {
    Reply::ok(format!(
        "{{\"items\":[{{\"id\":{id}}}],\"next\":\"?page={next}\"}}"
    ))
}

#[test]
fn always_new_pages_end_where_the_operator_says() {
    let victim = Victim::new();
    victim.server.turn(|number| page(number, number + 1));
    refused(&victim, &["--max-pages", "300"], 3, "--max-pages");
    assert_eq!(victim.server.heads().len(), 300);
}

#[test]
fn the_same_records_under_new_links_are_noticed() {
    let victim = check(|number| page(7, number), 3, "repeated_page");
    assert_eq!(victim.server.heads().len(), 2);
}

#[test]
fn links_in_circles_are_noticed() {
    check(|number| page(number, 1), 3, "repeated_position");
    check(|number| page(number, number % 7), 3, "repeated_position");
}

#[test]
fn a_next_link_of_a_megabyte_is_not_followed() {
    let link = "x".repeat(1 << 20);
    let reply = move |_| Reply::ok(format!("{{\"items\":[{{\"id\":1}}],\"next\":\"?{link}\"}}"));
    let victim = check(reply, 1, "the next position has 10486");
    assert_eq!(victim.server.heads().len(), 1);
}

/// The operator decides about long waits: the run pauses and says until when.
#[test]
fn an_absurd_wait_is_left_to_the_operator() {
    for (status, header) in [
        ("429 Slow", "retry-after: 99999999"),
        ("503 Busy", "retry-after: 1e300"),
        ("429 Slow", "retry-after: Fri, 31 Dec 9999 23:59:59 GMT"),
        ("429 Slow", "x-ratelimit-reset: 253402300799000"),
    ] {
        let header = format!("{header}\r\n");
        let reply = move |_| Reply::new(status, &header, "");
        let victim = check(reply, 4, "the source asks to wait until");
        assert_eq!(victim.server.heads().len(), 1, "{status}");
    }
}

/// The tries that did not help are told, to programs and to people.
#[test]
fn what_a_failed_run_spent_is_told() {
    let victim = check(|_| Reply::new("503 Busy", "", ""), 1, "answered 503");
    let run = victim.run(&[]).run;
    let report = run.json();
    assert_eq!(
        (&report["requests"], &report["retries"]),
        (&1.into(), &4.into())
    );
    let failed = &report["failed_request"];
    assert_eq!(
        (&failed["status"], &failed["attempts"]),
        (&503.into(), &5.into())
    );
    let url = failed["url"].as_str().unwrap();
    assert!(url.contains("/items/a1/all"), "{url}");
    let waited = report["waited_ms"].as_u64().unwrap();
    assert!(waited >= 4 * 100, "at least the shortest pauses: {report}");
    assert_eq!(failed["waited_ms"], waited);
    let mut command = victim.project.command(&["run"]);
    let run = Run::of(command.env("KEY", KEY).output().unwrap());
    let said = "The last request was tried 5 times, with ";
    assert!(run.stdout.contains(said), "{run}");
}

/// What is no wait is still a pause: the server is asked as often as any other that is down.
#[test]
fn a_wait_that_is_none_is_no_reason_to_hurry() {
    for header in [
        "retry-after: -1",
        "retry-after: Thu, 01 Jan 1970 00:00:00 GMT",
    ] {
        let header = format!("{header}\r\n");
        let reply = move |_| Reply::new("429 Slow", &header, "{}");
        let victim = check(reply, 1, "the source answered 429");
        assert_eq!(victim.server.heads().len(), 5);
    }
}
