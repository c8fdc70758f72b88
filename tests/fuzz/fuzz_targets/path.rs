//! What a page is searched for, without building a tree of it, against a plain walk over its JSON.
//!
//! The input is three lines and the rest: the path of the content, another path, and the body. Where
//! the body is JSON both routes must find exactly what the walk finds, down to the bytes; where it
//! is none, the fast route may overlook that in the content only, which is decoded later.

#![no_main]

mod walk;

use libfuzzer_sys::{Corpus, fuzz_target};
use serde::de::IgnoredAny;
use tapline_engine::locate::{Content, LocateError, Located, Wanted};
use tapline_expr::{Path, Place, Query, Selector, Step};
use tapline_spec::{ContentPlan, Siblings};
use walk::{Raw, nesting};

/// Levels of nesting that are followed outside the content.
const DEPTH: usize = 100;

/// The sibling that is never copied.
const SKIPPED: &str = "b";

fuzz_target!(|data: &[u8]| -> Corpus {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(parts.next()?).ok();
    let (Some(content), Some(read)) = (text(), text()) else {
        return Corpus::Reject;
    };
    let Some(body) = parts.next() else {
        return Corpus::Reject;
    };
    let (Ok(content), Ok(read)) = (content.parse::<Place>(), read.parse::<Selector>()) else {
        return Corpus::Reject;
    };
    search(&content, &read, body);
    Corpus::Keep
});

fn search(content: &Place, read: &Selector, body: &[u8]) {
    let located = locate(content.clone(), read.clone(), body);
    if let Ok(located) = &located {
        in_bounds(located, body);
    }
    let (Place::Path(content), Selector::Body(read)) = (content, read) else {
        return;
    };
    match std::str::from_utf8(body).ok().and_then(json) {
        Some(json) => {
            fast(content, read, json, body, &located);
            slow(content, read, json, body, &located);
        }
        None => no_json(body, &located),
    }
}

fn locate(content: Place, read: Selector, body: &[u8]) -> Result<Located, LocateError> {
    let plan = ContentPlan {
        path: content,
        siblings: Siblings {
            keep: None,
            skip: vec![SKIPPED.to_owned()],
        },
        wrapper: None,
    };
    Wanted::new(&plan, &[read], DEPTH).locate(body)
}

fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// `text` as JSON, if it is that.
fn json(text: &str) -> Option<Raw<'_>> {
    serde_json::from_str(without_bom(text)).ok()
}

/// The content's place; `None` if there is none.
fn span(content: &Content) -> Option<std::ops::Range<usize>> {
    match content {
        Content::Missing | Content::Null => None,
        Content::Object(span) | Content::Array { span, .. } => Some(span.clone()),
    }
}

fn in_bounds(located: &Located, body: &[u8]) {
    let text = located.body.as_deref().unwrap_or(body);
    let values = located.values.iter().flatten().cloned();
    let siblings = located.siblings.iter();
    let siblings = siblings.flat_map(|sibling| [sibling.key.clone(), sibling.value.clone()]);
    for range in values.chain(span(&located.content)) {
        assert!(text.get(range).is_some());
    }
    for range in siblings {
        assert!(body.get(range).is_some());
    }
}

/// The fast route on a page that is JSON.
fn fast(
    content: &Path,
    read: &Path,
    json: Raw<'_>,
    body: &[u8],
    located: &Result<Located, LocateError>,
) {
    let places = json.all(content.steps());
    let is_scalar = |raw: &Raw<'_>| !raw.is_nested() && raw.text() != "null";
    let located = match located {
        Err(LocateError::TooDeep { .. }) => return assert!(nesting(json.text()) > DEPTH),
        Err(LocateError::Scalar { .. }) => return assert!(places.first().is_some_and(is_scalar)),
        Err(LocateError::Twice { .. }) => return assert!(places.len() > 1),
        Err(error) => panic!("{error}"),
        Ok(located) => located,
    };
    assert!(places.len() < 2 && !places.first().is_some_and(is_scalar));
    let cut = |range: std::ops::Range<usize>| std::str::from_utf8(&body[range]).unwrap();
    match (&located.content, places.first()) {
        (Content::Missing, None) => {}
        (Content::Null, Some(raw)) => assert_eq!(raw.text(), "null"),
        (Content::Object(span), Some(raw)) => {
            assert_eq!(cut(span.clone()), raw.text());
            assert!(raw.members().is_some());
        }
        (Content::Array { span, empty }, Some(raw)) => {
            assert_eq!(cut(span.clone()), raw.text());
            assert_eq!(*empty, raw.items().unwrap().is_empty());
        }
        (found, expected) => panic!("{found:?} is not {expected:?}"),
    }
    let first = json.all(read.steps()).first().map(Raw::text);
    assert_eq!(located.values[0].clone().map(cut), first, "{read}");
    let beside: Vec<_> = located
        .siblings
        .iter()
        .map(|s| cut(s.value.clone()))
        .collect();
    assert_eq!(beside, siblings(content, json), "{content}");
}

/// What stands beside the content and is wanted.
fn siblings<'a>(content: &Path, json: Raw<'a>) -> Vec<&'a str> {
    let Some((Step::Key(last), parents)) = content.steps().split_last() else {
        return Vec::new();
    };
    let parents = json.all(parents);
    let members = parents.iter().filter_map(Raw::members).flatten();
    let named = members.filter_map(|(name, value)| Some((name?, value.text())));
    let wanted = named.filter(|(name, _)| name != last && name != SKIPPED);
    wanted.map(|(_, text)| text).collect()
}

/// The slow route on a page that is JSON: asked the same as a query.
fn slow(
    content: &Path,
    read: &Path,
    json: Raw<'_>,
    body: &[u8],
    fast: &Result<Located, LocateError>,
) {
    let (Some(wanted), Some(query)) = (as_query(content), as_query(read)) else {
        return;
    };
    let is_torn = json.has_odd_key();
    let located = match locate(Place::Query(wanted), Selector::Query(query), body) {
        Err(LocateError::TooDeep { .. }) => return assert!(nesting(json.text()) > DEPTH),
        other => other.unwrap(),
    };
    if is_torn {
        return;
    }
    let text = located.body.as_deref().unwrap();
    let cut = |range: std::ops::Range<usize>| std::str::from_utf8(&text[range]).unwrap();
    let last = json.last(read.steps());
    let found = located.values[0].clone().map(cut);
    assert_eq!(found, last.as_ref().map(Raw::text), "{read}");
    let Ok(fast) = fast else { return };
    let records = span(&located.content).map_or("[]", cut);
    let records = self::json(records).and_then(|raw| raw.items()).unwrap();
    let Some(expected) = json.last(content.steps()).filter(Raw::is_nested) else {
        return;
    };
    assert_eq!(fast.content.is_empty(), located.content.is_empty());
    let items = expected.items().unwrap_or_else(|| vec![expected]);
    let texts = |raws: &[Raw<'_>]| raws.iter().map(|r| r.text().to_owned()).collect::<Vec<_>>();
    assert_eq!(texts(&records), texts(&items), "{content}");
}

/// `path` in the words of RFC 9535. `None` if it is longer or counts further than a query may.
fn as_query(path: &Path) -> Option<Query> {
    let mut text = "$".to_owned();
    for step in path.steps() {
        match step {
            Step::Index(index) if *index >= 1 << 53 => return None,
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Key(key) => {
                let quoted = serde_json::to_string(key).unwrap();
                text.push_str(&format!("[{quoted}]"));
            }
        }
    }
    let is_short = text.len() <= 1024 && !text.contains("[[") && path.steps().iter().all(is_calm);
    is_short.then(|| text.parse().unwrap())
}

/// Brackets in a key count as nesting, of which a query may have only so much.
fn is_calm(step: &Step) -> bool {
    match step {
        Step::Key(key) => !key.contains(['[', ']', '(', ')']),
        Step::Index(_) => true,
    }
}

/// A body that is no JSON is taken for one only if what is wrong with it is in the content.
fn no_json(body: &[u8], located: &Result<Located, LocateError>) {
    let Ok(located) = located else { return };
    let range = span(&located.content).expect("what surrounds the content is read strictly");
    let around = [&body[..range.start], b"null", &body[range.end..]].concat();
    let around = std::str::from_utf8(&around).unwrap();
    serde_json::from_str::<IgnoredAny>(without_bom(around)).unwrap();
}
