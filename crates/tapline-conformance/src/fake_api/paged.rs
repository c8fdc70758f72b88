//! The collection that is served through every way of paging; see [`crate::paged`].

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
use url::Url;

use super::Shared;
use crate::paged::Asked;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/paged/{form}", get(page).post(page))
}

async fn page(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let url = format!("{}{uri}", shared.base_url());
    let Ok(url) = Url::parse(&url) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let answered = shared.paged.answer(&Asked::new(&url, &headers, &body));
    let wants_lines = url.query_pairs().any(|(name, _)| name == "lines");
    match answered.body {
        Value::Array(records) if wants_lines => {
            let lines: String = records.iter().map(|it| format!("{it}\n")).collect();
            let kind = [(CONTENT_TYPE, "application/x-ndjson")];
            (answered.status, kind, answered.headers, lines).into_response()
        }
        body => (answered.status, answered.headers, Json(body)).into_response(),
    }
}
