//! The search itself, by page number, which ends after 1,000 results: whatever is asked for beyond
//! that is refused, though `count` goes on. The newest come first, unless `sort_order=asc`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::Shared;
use super::super::query::Params;
use super::search::{Kind, updated};
use super::{Refusal, sign_in};

/// Results that a search gives at most.
const MOST: u64 = 1_000;

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Query(params): Query<Params>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    sign_in(&shared, &headers)?;
    let query = params.text("query").unwrap_or_default();
    let kind = Kind::named_in(query)?;
    let size = match params.number("per_page", 100) {
        Ok(size @ 1..=100) => size,
        _ => return Err(Refusal::Invalid("per_page must be between 1 and 100")),
    };
    let page = match params.number("page", 1) {
        Ok(page @ 1..) => page,
        _ => return Err(Refusal::Invalid("page must be at least 1")),
    };
    let start = (page - 1).saturating_mul(size);
    if start.saturating_add(size) > MOST {
        let message = "Requested response size was greater than Search Response Limits";
        return Err(Refusal::Invalid(message));
    }
    let found = updated(query, kind.count(&shared))?;
    let count = found.end - found.start;
    let record = |place: u64| {
        let index = match params.text("sort_order") {
            Some("asc") => found.start + place,
            _ => found.end - 1 - place,
        };
        kind.record(&shared, index)
    };
    let results: Vec<Value> = (start.min(count)..count.min(start + size))
        .map(record)
        .collect();
    Ok(Json(json!({ "results": results, "facets": null, "count": count })).into_response())
}
