//! Several users at once, by their ids.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::Shared;
use super::super::query::Params;
use super::{Refusal, records, sign_in};

/// The API takes no more ids in one request.
const MAX_IDS: usize = 100;

/// The users whose ids are asked for; there is nothing for an id that nobody has.
pub(super) async fn users(
    State(shared): State<Arc<Shared>>,
    Query(params): Query<Params>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    sign_in(&shared, &headers)?;
    let ids = params.text("ids").unwrap_or_default().split(',');
    let ids: Result<Vec<u64>, _> = ids.map(str::parse).collect();
    let ids = ids.map_err(|_| Refusal::Invalid("ids"))?;
    if ids.len() > MAX_IDS {
        return Err(Refusal::Invalid("ids are too many"));
    }
    let indexes = ids
        .iter()
        .filter_map(|id| id.checked_sub(records::FIRST_USER));
    let indexes = indexes.filter(|index| *index < shared.counts().users);
    let users: Vec<Value> = indexes.map(|index| records::user(&shared, index)).collect();
    let count = users.len();
    let body = json!({ "users": users, "count": count, "next_page": null, "previous_page": null });
    Ok(Json(body).into_response())
}
