//! Where things are in a body: paths, evidence, and what is no JSON.

use tapline_spec::Siblings;

use super::*;

fn wanted(content: &str, values: &[&str]) -> Wanted {
    let plan = ContentPlan {
        format: BodyFormat::Json,
        path: content.parse().unwrap(),
        siblings: Siblings {
            keep: None,
            skip: vec!["skipped".to_owned()],
        },
        wrapper: None,
    };
    let values: Vec<Selector> = values.iter().map(|path| path.parse().unwrap()).collect();
    Wanted::new(&plan, &values, 8)
}

/// Content, values and siblings, as text.
#[track_caller]
fn check(body: &str, content: &str, values: &[&str], expected: &[&str]) {
    let located = wanted(content, values).locate(body.as_bytes()).unwrap();
    let mut found = vec![match &located.content {
        Content::Missing => "missing".to_owned(),
        Content::Null => "null".to_owned(),
        Content::Object(span) => body[span.clone()].to_owned(),
        Content::Array { span, empty } | Content::Lines { span, empty } => {
            let empty = if *empty { "empty " } else { "" };
            format!("{empty}{}", &body[span.clone()])
        }
    }];
    let values = located.values.into_iter();
    found.extend(values.map(|v| v.map_or("-".to_owned(), |span| body[span].to_owned())));
    let siblings = located.siblings.into_iter();
    found.extend(siblings.map(|s| format!("{}:{}", &body[s.key], &body[s.value])));
    assert_eq!(found, expected, "{body}");
}

#[test]
fn content_values_and_siblings_are_found_wherever_they_are() {
    check("[1, 2]", "$", &[], &["[1, 2]"]);
    check("\u{feff} {\"a\":[ ]}", "$.a", &[], &["empty [ ]"]);
    check(r#"{"a":{"id":1}}"#, "$.a", &[], &[r#"{"id":1}"#]);
    check(r#"{"a":null}"#, "$.a", &["$.b"], &["null", "-"]);
    check(r#"{"a":[]}"#, "$.b.c", &[], &["missing"]);
    check(r#"{"b":[]}"#, "$.b.c", &[], &["missing"]);
    check(
        r#"{"meta":{"next":"x]}","n":[7,{"t":1.5}]},"d":{"skipped":1,"r":[{"k":"]"}],"s":true}}"#,
        "$.d.r",
        &["$.meta.next", "$.meta.n[1].t", "$.d.s", "$.meta.n[9]"],
        &[
            r#"[{"k":"]"}]"#,
            "\"x]}\"",
            "1.5",
            "true",
            "-",
            "\"s\":true",
        ],
    );
    check(
        r#"{"r":[{"id":1},{"id":2}],"r2":0}"#,
        "$.r",
        &["$.r[1].id", "$.r"],
        &[
            r#"[{"id":1},{"id":2}]"#,
            "2",
            r#"[{"id":1},{"id":2}]"#,
            "\"r2\":0",
        ],
    );
    check(r#"{"\u0061":[3]}"#, "$.a", &["a[0]"], &["[3]", "3"]);
    check(
        r#"{"n":1,"n":2,"a":[]}"#,
        "$.a",
        &["$.n"],
        &["empty []", "1", "\"n\":1", "\"n\":2"],
    );
}

#[test]
fn what_cannot_be_read_says_why_and_where() {
    let cases = [
        ("", "the body is empty"),
        (" \n", "the body is empty"),
        ("<html>", "the body is not JSON: expected a value at byte 0"),
        (
            "{\"a\":[1",
            "the body is not JSON: expected the end of the content at byte 7",
        ),
        (
            "{\"a\":[]} x",
            "the body is not JSON: expected the end of the body at byte 9",
        ),
        (
            "{\"a\":[],\"b\":nil}",
            "the body is not JSON: expected a value at byte 12",
        ),
        (
            "{\"a\":[],\"a\":[]}",
            "the content occurs a second time at byte 12",
        ),
        (
            "{\"a\":\"x\"}",
            "the content path leads to a string at byte 5, to neither an array nor an object",
        ),
        (
            "{\"b\":[[[[[[[[[]]]]]]]]],\"a\":[]}",
            "the body is nested too deep at byte 13",
        ),
    ];
    for (body, message) in cases {
        let error = wanted("$.a", &[]).locate(body.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), message, "{body}");
    }
    let error = wanted("$.a", &[]).locate(b"{\"a\":[],\"b\":\"\xff\"}");
    assert_eq!(error, Err(LocateError::NotUtf8 { at: 13 }));
}

#[test]
fn a_repeated_page_has_the_same_hash() {
    let hash = |body: &str| {
        wanted("$.a", &[])
            .locate(body.as_bytes())
            .unwrap()
            .content_hash
    };
    assert_eq!(hash(r#"{"a":[1],"page":1}"#), hash(r#"{"page":2,"a":[1]}"#));
    assert_ne!(hash(r#"{"a":[1]}"#), hash(r#"{"a":[2]}"#));
    assert_eq!(hash(r#"{"a":null}"#), 0);
}

#[test]
fn depth_in_the_content_is_left_to_the_decoder() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let body = format!("{{\"a\":{deep}}}");
    let located = wanted("$.a", &[]).locate(body.as_bytes()).unwrap();
    assert!(!located.content.is_empty());
    assert!(matches!(
        wanted("$.b", &[]).locate(body.as_bytes()),
        Err(LocateError::TooDeep { .. })
    ));
}
