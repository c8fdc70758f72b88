//! The search export, for users, tickets and organizations.
//!
//! Its documentation forbids `type:` in the query, Adobe's published source sends it; it is let
//! pass. The last page says `has_more: false` and still has a cursor, as the real one; the page
//! that cursor leads to is empty and has none.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::fault::Lies;
use super::super::paging::{Asked, Turn};
use super::super::query::Params;
use super::super::{Shared, calendar};
use super::{Refusal, records, sign_in};

pub(super) async fn export(
    State(shared): State<Arc<Shared>>,
    Query(params): Query<Params>,
    Extension(lies): Extension<Lies>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    sign_in(&shared, &headers)?;
    let search = Search::read(&params, &shared)?;
    let total = search.matches.end - search.matches.start;
    let turn = Turn::new(search.asked, total, &lies);
    Ok(Json(search.page(&shared, &turn)).into_response())
}

/// What a cursor says, inside its base64.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    field: String,
    desc: bool,
    #[serde(rename = "exportedThusFar")]
    exported: u64,
    #[serde(rename = "saltedRequestHash")]
    request: u64,
}

impl Cursor {
    fn write(exported: u64, request: u64) -> String {
        let cursor = Self {
            field: "created_at".to_owned(),
            desc: false,
            exported,
            request,
        };
        STANDARD.encode(json!(cursor).to_string())
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()
    }
}

/// A request that has been understood.
#[derive(Debug)]
struct Search {
    query: String,
    kind: Kind,
    asked: Asked,
    matches: Range<u64>,
    /// Ties cursors to the query they were made for.
    hash: u64,
}

#[derive(Clone, Copy, Debug, Hash)]
pub(super) enum Kind {
    User,
    Ticket,
    Organization,
}

impl Kind {
    fn read(params: &Params) -> Result<Self, Refusal> {
        match params.text("filter[type]") {
            Some("user") => Ok(Self::User),
            Some("ticket") => Ok(Self::Ticket),
            Some("organization") => Ok(Self::Organization),
            _ => Err(Refusal::Invalid(
                "filter[type] must be organization, ticket or user",
            )),
        }
    }

    /// What `type:ticket` in a query says.
    pub(super) fn named_in(query: &str) -> Result<Self, Refusal> {
        let mut words = query.split_whitespace();
        match words.find_map(|word| word.strip_prefix("type:")) {
            Some("user") => Ok(Self::User),
            Some("ticket") => Ok(Self::Ticket),
            Some("organization") => Ok(Self::Organization),
            _ => Err(Refusal::Invalid(
                "type must be organization, ticket or user",
            )),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Ticket => "ticket",
            Self::Organization => "organization",
        }
    }

    pub(super) fn count(self, shared: &Shared) -> u64 {
        match self {
            Self::User => shared.counts().users,
            Self::Ticket => shared.counts().tickets,
            Self::Organization => shared.counts().organizations,
        }
    }

    pub(super) fn record(self, shared: &Shared, index: u64) -> Value {
        let mut record = match self {
            Self::User => records::user(shared, index),
            Self::Ticket => records::ticket(shared, index),
            Self::Organization => records::organization(shared, index),
        };
        record["result_type"] = self.name().into();
        record
    }
}

impl Search {
    fn read(params: &Params, shared: &Shared) -> Result<Self, Refusal> {
        let kind = Kind::read(params)?;
        let query = match params.text("query").map(str::trim) {
            None | Some("") => return Err(Refusal::Invalid("query is missing")),
            Some(query) => query.to_owned(),
        };
        let limit = match params.number("page[size]", 100) {
            Ok(limit @ 1..=1_000) => limit,
            _ => return Err(Refusal::Invalid("page[size] must be between 1 and 1000")),
        };
        let hash = request_hash(&query, kind);
        Ok(Self {
            kind,
            matches: updated(&query, kind.count(shared))?,
            query,
            asked: Asked {
                start: start(params, hash)?,
                limit,
            },
            hash,
        })
    }

    fn page(&self, shared: &Shared, turn: &Turn) -> Value {
        let record = |index| self.kind.record(shared, self.matches.start + index);
        let end = turn.next.unwrap_or(turn.records.end);
        let cursor = (!turn.records.is_empty()).then(|| Cursor::write(end, self.hash));
        json!({
            "results": turn.records.clone().map(record).collect::<Vec<_>>(),
            "facets": null,
            "meta": {
                "has_more": turn.next.is_some(),
                "after_cursor": cursor,
                "before_cursor": null,
            },
            "links": {
                "prev": null,
                "next": cursor.as_deref().map(|c| self.link(shared, turn, c)),
            },
        })
    }

    fn link(&self, shared: &Shared, turn: &Turn, cursor: &str) -> String {
        let size = self.asked.limit.to_string();
        let params = [
            ("filter[type]", self.kind.name()),
            ("page[after]", cursor),
            ("page[size]", &size),
            ("query", &self.query),
        ];
        turn.link(&shared.base_url(), "/api/v2/search/export.json", &params)
    }
}

fn request_hash(query: &str, kind: Kind) -> u64 {
    let mut hasher = DefaultHasher::new();
    (query, kind).hash(&mut hasher);
    hasher.finish()
}

fn start(params: &Params, hash: u64) -> Result<u64, Refusal> {
    let Some(text) = params.text("page[after]") else {
        return Ok(0);
    };
    match Cursor::read(text) {
        Some(cursor) if cursor.request == hash => Ok(cursor.exported),
        _ => Err(Refusal::Invalid("page[after] is not valid for this query")),
    }
}

/// The records that `updated > A` and `updated < B` in the query leave, out of `count`.
pub(super) fn updated(query: &str, count: u64) -> Result<Range<u64>, Refusal> {
    let since = bound(query, '>')?;
    let before = bound(query, '<')?;
    Ok(calendar::between(since, before, count))
}

/// The time after `updated` and `sign`. `>` is taken as `>=`: a missed record would be worse than
/// one seen twice.
fn bound(query: &str, sign: char) -> Result<Option<Timestamp>, Refusal> {
    let parts = query.split("updated").skip(1);
    let mut values = parts.filter_map(|rest| rest.trim_start().strip_prefix(sign));
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let value = value.trim_start_matches(['=', ' ']);
    let word = value.split_whitespace().next().unwrap_or_default();
    match calendar::read(word) {
        Some(time) => Ok(Some(time)),
        None => Err(Refusal::Invalid(
            "updated needs a time like 2024-01-01T00:00:00Z",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: Option<Range<u64>>) {
        assert_eq!(updated(query, 10).ok(), expected, "{query}");
    }

    #[test]
    fn stretches_of_time() {
        let (two, five) = ("2024-01-01T00:02:00Z", "2024-01-01T00:05:00Z");
        check("type:user", Some(0..10));
        check(&format!("updated>{two}"), Some(2..10));
        check(
            &format!("type:user updated > {two} updated < {five}"),
            Some(2..5),
        );
        check(&format!("updated>={two} updated<{five}"), Some(2..5));
        check(&format!("updated < {five}"), Some(0..5));
        check("updated > soon", None);
    }
}
