//! Records, tokens and end conditions that only a JSONPath with wildcards and filters finds.

use serde_json::{Value, json};
use tapline_conformance::paged::Paged;
use tapline_core::EndSignal;

use crate::source::{Read, plan, read};

/// Reads thirty records, ten on a page.
fn read_thirty(form: &str, content: &str, pagination: Value, more: Value) -> Read {
    let plan = plan(form, &[], content, pagination, more);
    read(plan, Paged::new(0..30, Vec::new()))
}

fn by_offset() -> Value {
    json!({"type": "OFFSET", "limit_name": "limit", "limit": 10, "offset_name": "offset",
        "first": 0})
}

#[test]
fn a_page_on_which_a_filter_leaves_nothing_is_not_the_last() {
    for (content, expected) in [
        ("$.items[?@.id >= 25]", (25..30).collect::<Vec<u64>>()),
        ("$.items[?@.id == 3 || @.id == 27]", vec![3, 27]),
        ("$.items[*]", (0..30).collect()),
        ("$..items", (0..30).collect()),
    ] {
        let read = read_thirty("offset", content, by_offset(), json!({}));
        assert_eq!(read.ids, expected, "{content}");
        assert_eq!(read.end, Some(EndSignal::EmptyPage), "{content}");
        assert_eq!(read.short, None, "{content}");
    }
}

#[test]
fn a_token_may_be_found_anywhere() {
    let token = json!({"selector": "$..after_cursor", "location": "query", "name": "page[after]"});
    let paging = json!({"type": "CONTINUATION_TOKEN", "limit": ["limit", 10], "tokens": [token]});
    let read = read_thirty("token", "$.items", paging, json!({}));
    assert_eq!(read.ids, (0..30).collect::<Vec<u64>>());
    assert_eq!(read.short, None);
}

#[test]
fn a_query_may_end_the_paging() {
    let end = json!({"end": {"selector": "$.items[?@.id == 15].id", "condition": "Exist"}});
    let read = read_thirty("offset", "$.items", by_offset(), end);
    assert_eq!(read.ids, (0..20).collect::<Vec<u64>>());
    assert_eq!(read.end, Some(EndSignal::EndCondition));
}
