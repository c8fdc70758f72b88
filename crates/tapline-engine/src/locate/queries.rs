//! The slow route: what only a JSONPath with wildcards, slices or filters finds.
//!
//! What the queries select is copied, as it was written, into a plain body: first the records, as
//! one array, or the page itself if its records are found without a query; then the values. From
//! there on the page is like any other.
//!
//! Where a query for the records finds an array, its elements are the records. A page counts as
//! empty if the query had nothing to walk over, not if it selected nothing: a page on which a
//! filter leaves nothing over is not the last.

use std::ops::Range;

use bytes::Bytes;
use tapline_expr::{Path, Place as ContentPlace, Query, Selector};
use tapline_spec::ContentPlan;
use xxhash_rust::xxh3::xxh3_64;

use super::tree::{Inner, Place, Tree};
use super::{Content, LocateError, Located};

/// What must be looked for in a tree of the page.
#[derive(Clone, Debug)]
pub(super) struct Queries {
    /// The records, and where the query for them starts.
    content: Option<(Query, Path)>,
    /// Values, by their index among all that are wanted.
    values: Vec<(usize, Query)>,
}

impl Queries {
    /// The queries among what is wanted, if there are any.
    pub(super) fn of(plan: &ContentPlan, reads: &[Selector]) -> Option<Self> {
        let content = match &plan.path {
            ContentPlace::Query(query) => Some((query.clone(), query.fixed_part())),
            ContentPlace::Path(_) => None,
        };
        let reads = reads.iter().enumerate();
        let values = reads.filter_map(|(index, read)| match read {
            Selector::Query(query) => Some((index, query.clone())),
            Selector::Body(_) | Selector::Header(_) => None,
        });
        let values: Vec<_> = values.collect();
        let is_needed = content.is_some() || !values.is_empty();
        is_needed.then_some(Self { content, values })
    }

    /// Adds to `located` what the queries find in `body`, and the plain body that holds it.
    pub(super) fn locate(&self, body: &[u8], located: &mut Located) -> Result<(), LocateError> {
        let text = std::str::from_utf8(body).map_err(|error| LocateError::NotUtf8 {
            at: error.valid_up_to(),
        })?;
        let tree = Tree::read(text)?;
        let mut out = match &self.content {
            None => text.to_owned(),
            Some((query, fixed)) => {
                let out = content(text, &tree, query, fixed, located);
                move_values(text, out, located)
            }
        };
        for (index, query) in &self.values {
            let found = joined(text, &tree.find(query)).map(|found| append(&mut out, &found));
            if let Some(value) = located.values.get_mut(*index) {
                *value = found;
            }
        }
        located.body = Some(Bytes::from(out));
        Ok(())
    }
}

/// What `reads` select of a body without records: of what a source says of an error, say.
///
/// # Errors
/// The body is not JSON.
pub(crate) fn values(reads: &[Selector], body: &[u8]) -> Result<Vec<Option<String>>, LocateError> {
    let text = std::str::from_utf8(body).map_err(|error| LocateError::NotUtf8 {
        at: error.valid_up_to(),
    })?;
    let tree = Tree::read(text)?;
    let values = reads.iter().map(|read| {
        let places = match read {
            Selector::Body(path) => tree.at(path.steps()).into_iter().collect(),
            Selector::Query(query) => tree.find(query),
            Selector::Header(_) => Vec::new(),
        };
        joined(text, &places)
    });
    Ok(values.collect())
}

/// The records, as an array.
fn content(text: &str, tree: &Tree, query: &Query, fixed: &Path, located: &mut Located) -> String {
    let Some(walked) = tree.at(fixed.steps()) else {
        located.content = Content::Missing;
        return String::new();
    };
    let around = &text[walked.span.clone()];
    if around == "null" {
        located.content = Content::Null;
        return String::new();
    }
    let found = tree.find(query);
    let records: Vec<&str> = found
        .iter()
        .flat_map(|place| records(text, place))
        .collect();
    let out = format!("[{}]", records.join(","));
    located.content = Content::Array {
        span: 0..out.len(),
        empty: records.is_empty() && is_empty(walked, query),
    };
    let is_list = matches!(walked.inner, Inner::Items(_));
    let hashed = if is_list || records.is_empty() {
        around
    } else {
        &out
    };
    located.content_hash = xxh3_64(hashed.as_bytes());
    out
}

/// The elements of an array, or the value itself.
fn records<'a>(text: &'a str, place: &Place) -> Vec<&'a str> {
    match &place.inner {
        Inner::Items(items) => items.iter().map(|item| &text[item.span.clone()]).collect(),
        Inner::Scalar | Inner::Members(_) => vec![&text[place.span.clone()]],
    }
}

/// Whether a page on which `query` found nothing is empty: there was nothing in `walked`, or no
/// filter that could have left it out.
fn is_empty(walked: &Place, query: &Query) -> bool {
    match &walked.inner {
        Inner::Items(items) => items.is_empty(),
        Inner::Members(members) => members.is_empty() || !query.filters(),
        Inner::Scalar => true,
    }
}

/// Copies the values that were located in `text` behind `out`, which takes its place.
fn move_values(text: &str, mut out: String, located: &mut Located) -> String {
    for value in located.values.iter_mut().flatten() {
        *value = append(&mut out, &text[value.clone()]);
    }
    out
}

/// What a query found: a value as it is, several of them as an array.
fn joined(text: &str, found: &[&Place]) -> Option<String> {
    let texts: Vec<&str> = found
        .iter()
        .map(|place| &text[place.span.clone()])
        .collect();
    match texts.as_slice() {
        [] => None,
        [one] => Some((*one).to_owned()),
        several => Some(format!("[{}]", several.join(","))),
    }
}

fn append(out: &mut String, text: &str) -> Range<usize> {
    let start = out.len();
    out.push_str(text);
    start..out.len()
}

#[cfg(test)]
mod tests {
    use tapline_spec::{BodyFormat, Siblings};

    use super::super::Wanted;
    use super::*;

    fn wanted(content: &str, reads: &[&str]) -> Wanted {
        let plan = ContentPlan {
            format: BodyFormat::Json,
            path: content.parse().unwrap(),
            siblings: Siblings::none(),
            wrapper: None,
        };
        let reads: Vec<Selector> = reads.iter().map(|read| read.parse().unwrap()).collect();
        Wanted::new(&plan, &reads, 16)
    }

    /// Content and values, as text.
    #[track_caller]
    fn check(body: &str, content: &str, reads: &[&str], expected: &[&str]) {
        let located = wanted(content, reads).locate(body.as_bytes()).unwrap();
        let text = std::str::from_utf8(located.text(body.as_bytes())).unwrap();
        let mut found = vec![match &located.content {
            Content::Missing => "missing".to_owned(),
            Content::Null => "null".to_owned(),
            Content::Object(span) => text[span.clone()].to_owned(),
            Content::Array { span, empty } | Content::Lines { span, empty } => {
                let empty = if *empty { "empty " } else { "" };
                format!("{empty}{}", &text[span.clone()])
            }
        }];
        let values = located.values.iter().cloned();
        found.extend(values.map(|v| v.map_or("-".to_owned(), |span| text[span].to_owned())));
        assert_eq!(found, expected, "{content} of {body}");
    }

    const GROUPS: &str = r#"{"n": 1e999, "groups": [
        {"g": "a", "items": [{"id": 12345678901234567890123}, {"id": 1.50, "t": "\u00e9"}]},
        {"g": "b", "items": []}, {"g": "c", "items": {"id": 3}}]}"#;

    #[test]
    fn what_queries_find_stays_as_it_was_written() {
        check(
            GROUPS,
            "$.groups[*].items",
            &[
                "$.n",
                "$.groups[-1].g",
                "$.groups[*].g",
                "$..gone",
                "headers.x",
            ],
            &[
                r#"[{"id": 12345678901234567890123},{"id": 1.50, "t": "\u00e9"},{"id": 3}]"#,
                "1e999",
                "\"c\"",
                r#"["a","b","c"]"#,
                "-",
                "-",
            ],
        );
        check(
            GROUPS,
            "$.groups",
            &["$.groups[?@.g == 'b'].items", "$.groups[0].g", "$['n','n']"],
            &[
                &GROUPS[GROUPS.find('[').unwrap()..GROUPS.len() - 1],
                "[]",
                "\"a\"",
                "[1e999,1e999]",
            ],
        );
        check(
            GROUPS,
            "$..items[?@.id > 2]",
            &[],
            &[r#"[{"id": 12345678901234567890123}]"#],
        );
        check(
            r#"{"a": [{"b": 1}], "a": [{"b": 2}]}"#,
            "$.a[*]",
            &[],
            &[r#"[{"b": 2}]"#],
        );
        check(
            "\u{feff}[{\"a\":1}]",
            "$[*]",
            &["$[*].a"],
            &["[{\"a\":1}]", "1"],
        );
    }

    #[test]
    fn a_page_is_empty_if_there_was_nothing_to_walk_over() {
        check(r#"{"a": []}"#, "$.a[?@.x]", &[], &["empty []"]);
        check(r#"{"a": [{"y": 1}]}"#, "$.a[?@.x]", &[], &["[]"]);
        check(r#"{"a": [{"b": []}]}"#, "$.a[*].b", &[], &["[]"]);
        check(r#"{"a": {}}"#, "$.a.*", &[], &["empty []"]);
        check(r#"{"a": {"k": []}}"#, "$.a.*", &[], &["empty []"]);
        check(r#"{"a": {"k": {"y": 1}}}"#, "$.a[?@.x]", &[], &["[]"]);
        check(r#"{"a": null}"#, "$.a[*]", &[], &["null"]);
        check(r#"{"b": []}"#, "$.a[*]", &["$.b"], &["missing", "[]"]);
    }

    #[test]
    fn two_pages_repeat_if_what_was_walked_over_does() {
        let hash = |body: &str| {
            let located = wanted("$.a[?@.x]", &[]).locate(body.as_bytes()).unwrap();
            located.content_hash
        };
        assert_ne!(hash(r#"{"a": [{"y": 1}]}"#), hash(r#"{"a": [{"y": 2}]}"#));
        assert_eq!(hash(r#"{"t": 1, "a": [1]}"#), hash(r#"{"t": 2, "a": [1]}"#));
    }

    #[test]
    fn only_what_needs_a_tree_takes_the_slow_route() {
        let body = br#"{"a": [{"x": 1}], "next": "b"}"#;
        let is_slow = |content: &str, reads: &[&str]| {
            let located = wanted(content, reads).locate(body).unwrap();
            located.body.is_some()
        };
        assert!(!is_slow("$.a", &["$.next", "headers.x", "$['a'][0].x"]));
        assert!(!is_slow("$", &[]));
        assert!(is_slow("$.a[*]", &[]));
        assert!(is_slow("$.a", &["$.a[-1].x"]));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let check = |body: &[u8], expected: &str| {
            let error = wanted("$.a[*]", &[]).locate(body).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check(b"", "the body is empty");
        check(
            b"{\"a\": [1, x]}",
            "the body is not JSON: expected a value at byte 10",
        );
        check(b"{\"a\": \"\xff\"}", "the body is not UTF-8 at byte 7");
        let deep = "[".repeat(400) + &"]".repeat(400);
        check(deep.as_bytes(), "the body is nested too deep at byte 16");
        let many = format!("[{}0]", "0,".repeat(1_000_000));
        let error = wanted("$[*]", &[]).locate(many.as_bytes()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the body holds more than 1000000 values")
        );
    }
}
