//! The ways of paging.

use std::collections::BTreeSet;
use std::ops::Bound;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::{Answered, Asked, record};

/// The answer to `asked` from the records `keys`.
pub(super) fn answer(asked: &Asked, keys: &BTreeSet<u64>) -> Answered {
    match asked.form() {
        "offset" => offset(asked, keys),
        "page" => page(asked, keys),
        "pointer" => pointer(asked, keys),
        "link" => link(asked, keys),
        "token" => token(asked, keys),
        "object" => object(asked, keys),
        "key" => key(asked, keys),
        "none" => {
            let all: Vec<u64> = keys.iter().copied().collect();
            Answered::page(asked, &all, json!({}))
        }
        _ => Answered::refusal(StatusCode::NOT_FOUND, "no such form"),
    }
}

fn offset(asked: &Asked, keys: &BTreeSet<u64>) -> Answered {
    let Ok(start) = usize::try_from(asked.number("offset").unwrap_or(0)) else {
        return Answered::refusal(StatusCode::BAD_REQUEST, "offset");
    };
    numbered(asked, keys, start).unwrap_or_else(|page| {
        let has_more = start + page.len() < keys.len();
        let around = json!({ "hasMore": has_more, "total": keys.len() });
        Answered::page(asked, &page, around)
    })
}

fn page(asked: &Asked, keys: &BTreeSet<u64>) -> Answered {
    let number = asked.number("pageNumber").unwrap_or(1);
    let index = number.checked_sub(1).map(usize::try_from);
    let Some(Ok(index)) = index else {
        return Answered::refusal(StatusCode::BAD_REQUEST, "pageNumber");
    };
    let limit = asked.limit();
    numbered(asked, keys, index.saturating_mul(limit)).unwrap_or_else(|page| {
        let count = keys.len().div_ceil(limit).to_string();
        Answered::page(asked, &page, json!({ "page": number })).with("x-pagecount", &count)
    })
}

/// The records from index `start` on; or what is answered past the end, if that is no page.
fn numbered(asked: &Asked, keys: &BTreeSet<u64>, start: usize) -> Result<Answered, Vec<u64>> {
    let page: Vec<u64> = keys
        .iter()
        .skip(start)
        .take(asked.limit())
        .copied()
        .collect();
    let past = asked
        .number("past")
        .and_then(|past| u16::try_from(past).ok());
    match past {
        Some(status) if page.is_empty() && start > 0 => {
            Ok(Answered::refusal(status, "past the end"))
        }
        _ => Err(page),
    }
}

fn pointer(asked: &Asked, keys: &BTreeSet<u64>) -> Answered {
    let (page, next) = after(asked, keys, asked.query("after"));
    let next = next.map(|next| asked.link(&next));
    let answered = Answered::page(asked, &page, json!({ "paging": { "next": next } }));
    match next {
        Some(next) => answered.with("x-next-link", &next),
        None => answered,
    }
}

/// Links that lead elsewhere come first: by another relation, in quotes, and in an address.
fn link(asked: &Asked, keys: &BTreeSet<u64>) -> Answered {
    let (page, next) = after(asked, keys, asked.query("after"));
    let decoys =
        "</wrong?a=1,2;3>; rel=\"first\", </wrong>; title=\"x, </wrong>; rel=next\"; rel=prev";
    let answered = Answered::page(asked, &page, json!({})).with("link", decoys);
    match next {
        Some(next) => {
            let next = asked.link(&next);
            answered.with(
                "link",
                &format!("<{next}>; type=\"a\\\"b\"; rel=\"last Next\""),
            )
        }
        None => answered,
    }
}

fn token(asked: &Asked, keys: &BTreeSet<u64>) -> Answered {
    let in_body = asked.body("/page/after").and_then(Value::as_str);
    let sent = asked
        .query("page[after]")
        .or_else(|| asked.header("x-after"));
    let (page, next) = after(asked, keys, sent.or_else(|| in_body.map(str::to_owned)));
    let meta = json!({ "after_cursor": next, "has_more": next.is_some() });
    let answered = Answered::page(asked, &page, json!({ "meta": meta }));
    match next {
        Some(next) => answered.with("x-next-token", &next),
        None => answered,
    }
}

/// Both members of the object must come back.
fn object(asked: &Asked, keys: &BTreeSet<u64>) -> Answered {
    let (sent, batch) = (asked.query("after"), asked.number("batch"));
    if sent.is_some() != batch.is_some() {
        return Answered::refusal(StatusCode::BAD_REQUEST, "one of two");
    }
    let (page, next) = after(asked, keys, sent);
    let next = next.map(|next| json!({ "after": next, "batch": batch.unwrap_or(0) + 1 }));
    let around = next.map_or_else(|| json!({}), |next| json!({ "continue": next }));
    Answered::page(asked, &page, around)
}

/// As key-value stores page: an object whose members keep their types.
fn key(asked: &Asked, keys: &BTreeSet<u64>) -> Answered {
    let sent = asked.body("/start/id/N").and_then(Value::as_u64);
    let (page, next) = after(asked, keys, sent.map(written));
    let next = next.and_then(|next| read(&next));
    let next = next.map(|next| json!({ "id": { "N": next } }));
    let around = next.map_or_else(|| json!({}), |next| json!({ "last": next }));
    Answered::page(asked, &page, around)
}

/// The records after the one that `token` names, and the token of those after them.
fn after(asked: &Asked, keys: &BTreeSet<u64>, token: Option<String>) -> (Vec<u64>, Option<String>) {
    let last = token.as_deref().and_then(read);
    let from = last.map_or(Bound::Unbounded, Bound::Excluded);
    let mut rest = keys.range((from, Bound::Unbounded)).copied();
    let page: Vec<u64> = rest.by_ref().take(asked.limit()).collect();
    let goes_on = rest.next().is_some() || asked.query("trailing").is_some();
    let next = page.last().filter(|_| goes_on);
    let next = next.map(|last| written(*last));
    (page, next)
}

fn written(key: u64) -> String {
    format!("k={key:x}&")
}

fn read(token: &str) -> Option<u64> {
    let digits = token.strip_prefix("k=")?.strip_suffix('&')?;
    u64::from_str_radix(digits, 16).ok()
}

impl Answered {
    fn page(asked: &Asked, keys: &[u64], around: Value) -> Self {
        let records = Value::Array(keys.iter().copied().map(record).collect());
        let body = match (asked.query("root").as_deref(), around) {
            (Some("array"), _) => records,
            (_, Value::Object(mut members)) => {
                members.insert("items".to_owned(), records);
                Value::Object(members)
            }
            _ => Value::Object(Map::from_iter([("items".to_owned(), records)])),
        };
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body,
        }
    }

    /// An answer that is no page; with 200 as status, too.
    fn refusal(status: impl TryInto<StatusCode>, what: &str) -> Self {
        let status = status.try_into().unwrap_or(StatusCode::BAD_REQUEST);
        Self {
            status,
            headers: HeaderMap::new(),
            body: json!({ "status": "error", "error": { "message": what } }),
        }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(HeaderName::from_static(name), value);
        }
        self
    }
}
