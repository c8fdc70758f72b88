//! The fake API over a plain socket: it must behave, and misbehave, as asked.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::*;

struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(n, _)| *n == name).map(|(_, value)| value)
    }
}

/// One request on a connection of its own; everything until the server closes it.
fn fetch(address: SocketAddr, target: &str, headers: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let head = format!("GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    stream.write_all(format!("{head}{headers}\r\n").as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn get_with(api: &FakeApi, target: &str, headers: &str) -> Reply {
    let bytes = fetch(api.address(), target, headers).unwrap();
    let split = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..split].to_vec()).unwrap();
    Reply {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head,
        body: bytes[split + 4..].to_vec(),
    }
}

fn get(api: &FakeApi, target: &str) -> Reply {
    get_with(api, target, "")
}

fn basic(user: &str, password: &str) -> String {
    let encoded = STANDARD.encode(format!("{user}:{password}"));
    format!("authorization: Basic {encoded}\r\n")
}

fn api(count: u64, faults: Vec<Fault>) -> FakeApi {
    FakeApi::start(FakeApiConfig {
        key: "secret".into(),
        counts: Counts {
            members: count,
            campaigns: count,
            lists: count,
            emails: count,
            users: count,
            tickets: count,
            organizations: count,
            generic: count,
        },
        faults,
        ..FakeApiConfig::default()
    })
    .unwrap()
}

fn ids(records: &Value) -> Vec<u64> {
    let records = records.as_array().unwrap();
    records.iter().map(|r| r["id"].as_u64().unwrap()).collect()
}

#[test]
fn mailchimp_pages() {
    let api = api(25, vec![]);
    let members = |query: &str| {
        let target = format!("/3.0/lists/abc/members?{query}");
        get_with(&api, &target, &basic("any", "secret")).json()
    };
    let length = |page: &Value| page["members"].as_array().unwrap().len();
    let last = members("count=10&offset=20");
    assert_eq!((length(&last), &last["total_items"]), (5, &25.into()));
    assert_eq!(last["members"][0]["list_id"], "abc");
    assert_eq!(length(&members("count=10&offset=30")), 0);
    assert_eq!(length(&members("")), 10);
    let window =
        "since_last_changed=2024-01-01T00:05:00Z&before_last_changed=2024-01-01T00:08:00:0000000Z";
    assert_eq!(members(window)["total_items"], 3);
    let seen = &api.stats().last["/3.0/lists/abc/members"];
    assert_eq!(
        seen.query("since_last_changed"),
        Some("2024-01-01T00:05:00Z")
    );
    assert!(seen.header("authorization").unwrap().starts_with("Basic "));
    assert_eq!(api.stats().requests_to("/3.0/lists/abc/members"), 4);
}

#[test]
fn mailchimp_has_lists_campaigns_and_reports() {
    let api = api(25, vec![]);
    let ask = |target: &str| get_with(&api, target, &basic("any", "secret")).json();
    for kind in ["lists", "campaigns"] {
        let page = ask(&format!("/3.0/{kind}?count=10&offset=20"));
        assert_eq!(page["total_items"], 25);
        assert_eq!(page[kind].as_array().unwrap().len(), 5);
    }
    let window = "since_create_time=2024-01-01T00:05:00Z&before_create_time=2024-01-01T00:08:00Z";
    assert_eq!(ask(&format!("/3.0/campaigns?{window}"))["total_items"], 3);
    let report = "/3.0/reports/c1/email-activity";
    let page = ask(&format!("{report}?count=25"));
    let emails = page["emails"].as_array().unwrap();
    let active = |email: &&Value| email["activity"] != Value::Array(Vec::new());
    assert_eq!(
        (emails.len(), &emails[0]["campaign_id"]),
        (25, &"c1".into())
    );
    assert!((1..25).contains(&emails.iter().filter(active).count()));
    let later = ask(&format!("{report}?count=25&since=2030-01-01T00:00:00Z"));
    let emails = later["emails"].as_array().unwrap();
    assert_eq!(
        (emails.len(), emails.iter().filter(active).count()),
        (25, 0)
    );
}

#[test]
fn mailchimp_refuses() {
    let api = api(25, vec![]);
    let check = |target: &str, headers: &str, status: u16, title: &str| {
        let reply = get_with(&api, target, headers);
        assert_eq!(reply.status, status, "{target} {headers}");
        assert_eq!(reply.json()["title"], title);
        let kind = reply.header("content-type").unwrap();
        assert!(kind.starts_with("application/problem+json"));
    };
    let members = "/3.0/lists/abc/members";
    check(members, "", 401, "API Key Missing");
    check(members, &basic("any", "wrong"), 401, "API Key Invalid");
    let bad = format!("{members}?count=ten");
    check(&bad, &basic("any", "secret"), 400, "Invalid Resource");
    check("/3.0/ping", "", 401, "API Key Missing");
    let ping = get_with(&api, "/3.0/ping", &basic("any", "secret"));
    assert_eq!(ping.json()["health_status"], "Everything's Chimpy!");
}

#[test]
fn zendesk_pages() {
    let api = api(25, vec![]);
    let bearer = "authorization: Bearer secret\r\n";
    let mut target =
        "/api/v2/search/export?query=type:user&filter[type]=user&page[size]=10".to_owned();
    let mut seen = Vec::new();
    let mut more = Vec::new();
    for _ in 0..4 {
        let page = get_with(&api, &target, bearer).json();
        seen.extend(ids(&page["results"]));
        let meta = &page["meta"];
        more.push((meta["has_more"] == true, meta["after_cursor"].is_string()));
        let next = page["links"]["next"].as_str().unwrap_or_default();
        target = next.replace(&api.base_url(), "");
    }
    assert_eq!(
        more,
        [(true, true), (true, true), (false, true), (false, false)]
    );
    seen.dedup();
    assert_eq!(seen.len(), 25);
}

#[test]
fn zendesk_exports_increments() {
    let api = api(25, vec![]);
    let bearer = "authorization: Bearer secret\r\n";
    let check = |kind: &str, query: &str, records: &[usize]| {
        let mut target = format!("/api/v2/incremental/{kind}/cursor?{query}");
        for (at, count) in (1..).zip(records) {
            let page = get_with(&api, &target, bearer).json();
            assert_eq!(ids(&page[kind]).len(), *count, "{target}");
            assert_eq!(page["end_of_stream"], at >= records.len(), "{target}");
            let next = page["after_url"].as_str().unwrap();
            target = next.replace(&api.base_url(), "");
        }
        let later = get_with(&api, &target, bearer).json();
        assert_eq!(later[kind], Value::Array(Vec::new()), "{target}");
    };
    check("users", "start_time=0&per_page=10", &[10, 10, 5]);
    check("tickets", "start_time=0", &[25]);
    // 20 minutes after the first.
    check("tickets", "start_time=1704068400", &[5]);
    for wrong in [
        "",
        "start_time=today",
        "cursor=x",
        "start_time=0&per_page=0",
    ] {
        let target = format!("/api/v2/incremental/users/cursor?{wrong}");
        assert_eq!(get_with(&api, &target, bearer).status, 422, "{wrong}");
    }
    assert_eq!(
        get(&api, "/api/v2/incremental/users/cursor?start_time=0").status,
        401
    );
}

#[test]
fn zendesk_refuses() {
    let api = api(25, vec![]);
    let check = |query: &str, headers: &str, status: u16| {
        let target = format!("/api/v2/search/export?{query}");
        assert_eq!(get_with(&api, &target, headers).status, status, "{query}");
    };
    let good = basic("me@example.com/token", "secret");
    check("query=*&filter[type]=ticket", &good, 200);
    check("query=*&filter[type]=organization", &good, 200);
    check("query=*&filter[type]=ticket", "", 401);
    check(
        "query=*&filter[type]=ticket",
        &basic("me@example.com", "secret"),
        401,
    );
    check(
        "query=*&filter[type]=ticket",
        "authorization: Bearer no\r\n",
        401,
    );
    check("query=*", &good, 422);
    check("query=*&filter[type]=planet", &good, 422);
    check("filter[type]=ticket", &good, 422);
    check("query=*&filter[type]=ticket&page[size]=1001", &good, 422);
    check("query=*&filter[type]=ticket&page[after]=x", &good, 422);
}

#[test]
fn generic_shapes() {
    let api = api(25, vec![]);
    let pointer = get(&api, "/generic/pointer?limit=10").json();
    let next = pointer["next_url"].as_str().unwrap();
    assert_eq!(
        next,
        format!("{}/generic/pointer?limit=10&after=10", api.base_url())
    );
    assert!(get(&api, "/generic/pointer?after=20").json()["next_url"].is_null());
    let first = get(&api, "/generic/token?limit=20");
    let token = first.header("x-next-token").unwrap();
    assert_eq!(first.json()["next_token"], token);
    let second = get_with(
        &api,
        "/generic/token",
        &format!("x-continuation-token: {token}\r\n"),
    );
    assert_eq!(ids(&second.json()["results"]), [21, 22, 23, 24, 25]);
    assert_eq!(second.header("x-next-token"), None);
    let page = get(&api, "/generic/page?page=3&per_page=10");
    assert_eq!(page.header("x-pagecount"), Some("3"));
    assert_eq!(ids(&page.json()["results"]), [21, 22, 23, 24, 25]);
    assert_eq!(get(&api, "/generic/page?page=0").status, 400);
    let page = get(&api, "/generic/page0?page=2&per_page=10").json();
    assert_eq!(ids(&page["results"]), [21, 22, 23, 24, 25]);
    let array = get(&api, "/generic/offset?offset=23&limit=10").json();
    assert_eq!(ids(&array), [24, 25]);
    assert_eq!(ids(&get(&api, "/generic/none").json()["results"]).len(), 25);
}

#[test]
fn same_data_in_every_run() {
    let body = || get(&api(25, vec![]), "/generic/none").body;
    assert_eq!(body(), body());
}

#[test]
fn more_records_come() {
    let api = api(25, vec![]);
    api.set_counts(Counts {
        generic: 26,
        ..Counts::default()
    });
    assert_eq!(ids(&get(&api, "/generic/none").json()["results"]).len(), 26);
}

#[test]
fn statuses() {
    let api = api(
        25,
        vec![
            Fault::nth("/generic/none", 1, FaultAction::too_many_requests(7)),
            Fault::nth("/generic/none", 2, FaultAction::status(503)),
        ],
    );
    let first = get(&api, "/generic/none");
    assert_eq!(
        (first.status, first.header("retry-after")),
        (429, Some("7"))
    );
    assert_eq!(get(&api, "/generic/none").status, 503);
    assert_eq!(get(&api, "/generic/none").status, 200);
    assert_eq!(api.stats().total, 3);
}

#[test]
fn broken_connections() {
    let api = api(
        25,
        vec![
            Fault::nth("/generic/none", 1, FaultAction::Drop),
            Fault::nth("/generic/none", 2, FaultAction::DropMidBody),
        ],
    );
    let dropped = fetch(api.address(), "/generic/none", "");
    assert!(dropped.is_err() || dropped.is_ok_and(|bytes| bytes.is_empty()));
    let half = get(&api, "/generic/none");
    let announced: usize = half.header("content-length").unwrap().parse().unwrap();
    assert!(!half.body.is_empty() && half.body.len() < announced);
    assert_eq!(ids(&get(&api, "/generic/none").json()["results"]).len(), 25);
}

#[test]
fn lies() {
    let check = |lie: Lie, target: &str, pointer: &str, expected: &str| {
        let api = api(25, vec![Fault::from("/generic", 1, FaultAction::Lie(lie))]);
        let page = get(&api, target).json();
        assert_eq!(page.pointer(pointer).unwrap().to_string(), expected);
    };
    let token = "/generic/token?limit=10&token=t-a";
    check(Lie::RepeatToken, token, "/next_token", "\"t-a\"");
    check(Lie::TokenCycle, token, "/next_token", "\"t-14\"");
    check(Lie::IgnoreOffset, token, "/results/0/id", "1");
    check(Lie::WrongTotal(7), token, "/total", "7");
    let foreign = Lie::ForeignNext("http://elsewhere.test".into());
    let link = "\"http://elsewhere.test/generic/pointer?limit=10&after=10\"";
    check(foreign, "/generic/pointer?limit=10", "/next_url", link);
}

#[test]
fn no_answer_until_the_end() {
    let api = api(25, vec![Fault::nth("/generic", 1, FaultAction::Hang)]);
    let mut stream = TcpStream::connect(api.address()).unwrap();
    stream
        .write_all(b"GET /generic/none HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    while api.stats().total == 0 {
        std::thread::yield_now();
    }
    api.stop();
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
}

#[test]
fn slow_answers_are_right() {
    let slow = FaultAction::SlowFirstByte(Duration::from_millis(1));
    let api = api(25, vec![Fault::nth("/generic", 1, slow)]);
    assert_eq!(get(&api, "/generic/none").status, 200);
}

#[test]
fn dies_and_comes_back() {
    let config = FakeApiConfig {
        kill_after: Some(1),
        ..FakeApiConfig::default()
    };
    let api = FakeApi::start(config).unwrap();
    let address = api.address();
    assert_eq!(get(&api, "/generic/none").status, 200);
    let killed = fetch(address, "/generic/none", "");
    assert!(killed.is_err() || killed.is_ok_and(|bytes| bytes.is_empty()));
    let refused = TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    api.stop();
    let revived = FakeApi::start_at(address, FakeApiConfig::default()).unwrap();
    assert_eq!(get(&revived, "/generic/none").status, 200);
}
