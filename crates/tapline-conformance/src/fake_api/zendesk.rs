//! A part of Zendesk's Support API: its search and the export of it, the incremental exports, and
//! users by their ids.

mod found;
mod incremental;
mod records;
mod search;
mod show_many;

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::Shared;
use super::auth::{Credentials, credentials};

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v2/search", get(found::list))
        .route("/api/v2/search.json", get(found::list))
        .route("/api/v2/search/export", get(search::export))
        .route("/api/v2/search/export.json", get(search::export))
        .route(
            "/api/v2/incremental/tickets/cursor",
            get(incremental::tickets),
        )
        .route(
            "/api/v2/incremental/tickets/cursor.json",
            get(incremental::tickets),
        )
        .route("/api/v2/incremental/users/cursor", get(incremental::users))
        .route(
            "/api/v2/incremental/users/cursor.json",
            get(incremental::users),
        )
        .route("/api/v2/users/show_many", get(show_many::users))
        .route("/api/v2/users/show_many.json", get(show_many::users))
}

/// `{email}/token` with the key as password, or the key as a token.
fn sign_in(shared: &Shared, headers: &HeaderMap) -> Result<(), Refusal> {
    let known = match credentials(headers) {
        Some(Credentials::Basic(user, key)) => user.ends_with("/token") && key == shared.key,
        Some(Credentials::Bearer(token)) => token == shared.key,
        None => false,
    };
    known.then_some(()).ok_or(Refusal::Unknown)
}

/// Why a request is not answered.
#[derive(Debug)]
enum Refusal {
    Unknown,
    Invalid(&'static str),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Unknown => {
                let realm = [(header::WWW_AUTHENTICATE, "Basic realm=\"Web Password\"")];
                let body = json!({ "error": "Couldn't authenticate you" });
                (StatusCode::UNAUTHORIZED, realm, Json(body)).into_response()
            }
            Self::Invalid(what) => {
                let body =
                    json!({ "error": "invalid", "description": format!("Invalid search: {what}") });
                (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
            }
        }
    }
}
