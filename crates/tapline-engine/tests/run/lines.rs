//! Bodies with a record on each line: what is a page of them, and what is none.

use bytes::Bytes;
use serde_json::json;
use tapline_core::{EndSignal, Error, ErrorKind, Verdict};
use tapline_spec::{BodyFormat, Plan, RulePlan};

use super::doors::{Api, World};
use super::{offset_plan, param};

fn lines_plan() -> Plan {
    let mut plan = offset_plan();
    plan.content.format = BodyFormat::Ndjson;
    plan.content.path = "$".parse().unwrap();
    plan.total = None;
    plan
}

/// Pages of ten lines, of so many in all; after the last page this body.
fn lines(records: u64, end: &'static str) -> impl Fn(&str) -> Result<(u16, Bytes), Error> {
    move |url| {
        let offset: u64 = param(url, "offset").parse().unwrap();
        let ids = offset..records.min(offset + 10);
        let body: String = ids.map(|id| format!("{{\"id\":{id}}}\r\n")).collect();
        let body = if body.is_empty() {
            end.to_owned()
        } else {
            body
        };
        Ok((200, body.into()))
    }
}

#[tokio::test]
async fn a_body_without_lines_is_an_empty_page() {
    for end in ["", "\n"] {
        let world = World::new(lines_plan(), Api::new(lines(25, end)));
        let report = world.run().await.report;
        assert_eq!(report.verdict, Verdict::Complete(EndSignal::EmptyPage));
        assert_eq!((report.pages, report.records.read), (4, 25));
        assert_eq!(world.published(), (0..25).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_error_on_one_line_is_what_the_rules_say() {
    let plan = |action: &str| {
        let when = "@equals(response().body.error, 'quota')";
        let rules: Vec<RulePlan> =
            serde_json::from_value(json!([{"status": [], "when": when, "action": action}]))
                .unwrap();
        Plan {
            rules,
            ..lines_plan()
        }
    };
    let quota = || lines(25, "{\"error\": \"quota\"}\n");
    let world = World::new(plan("fail"), Api::new(quota()));
    let error = world.run().await.error.unwrap().to_string();
    assert!(error.contains("rule: fail"), "{error}");
    assert!(world.is_unpublished());

    let world = World::new(plan("end"), Api::new(quota()));
    let report = world.run().await.report;
    assert_eq!(report.verdict, Verdict::Complete(EndSignal::Declared));
    assert_eq!(world.published(), (0..25).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_array_is_no_line() {
    for array in ["[]", " [{\"id\": 1},\n{\"id\": 2}] \n"] {
        let world = World::new(lines_plan(), Api::new(lines(25, array)));
        let error = world.run().await.error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        let error = error.to_string();
        assert!(error.contains("one JSON array"), "{error}");
        assert!(world.is_unpublished());
    }
}

#[tokio::test]
async fn a_page_that_ends_within_a_line_is_no_page() {
    let world = World::new(
        lines_plan(),
        Api::new(lines(25, "{\"id\": 25}\n{\"id\": 2")),
    );
    let error = world.run().await.error.unwrap().to_string();
    assert!(error.contains("record: 1"), "{error}");
    assert!(world.is_unpublished());
}
