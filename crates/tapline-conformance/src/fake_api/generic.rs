//! One endpoint for each way of paging, over the same made-up records and without sign-in.
//!
//! | path | pages by |
//! |---|---|
//! | `/generic/pointer` | `next_url` in the body; `limit` |
//! | `/generic/token` | a token in the body (`next_token`) and in the header `x-next-token`, sent back as header `x-continuation-token` or query parameter `token`; `limit` |
//! | `/generic/page` | `page`, from 1, and `per_page`; `x-pagecount` is the last page's number |
//! | `/generic/page0` | the same from page 0; `x-pagecount` is still the number of pages |
//! | `/generic/offset` | `offset` and `limit`; the body is a bare array |
//! | `/generic/none` | nothing: all records at once |

use std::sync::Arc;

use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::fault::Lies;
use super::paging::{Asked, Turn};
use super::query::Params;
use super::{Shared, calendar, people};
use crate::random::Random;

/// Tells the streams of random numbers apart.
const STREAM: u64 = 4;
/// Page size where none is asked for.
const LIMIT: u64 = 100;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/generic/pointer", get(pointer))
        .route("/generic/token", get(token))
        .route("/generic/page", get(|s, q, l| page(s, q, l, 1)))
        .route("/generic/page0", get(|s, q, l| page(s, q, l, 0)))
        .route("/generic/offset", get(offset))
        .route("/generic/none", get(none))
}

/// The parameter that made no sense.
#[derive(Debug)]
struct Nonsense(String);

impl From<&str> for Nonsense {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl IntoResponse for Nonsense {
    fn into_response(self) -> Response {
        let body = json!({ "error": format!("{} cannot be read", self.0) });
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }
}

type Answer = Result<Response, Nonsense>;

async fn pointer(
    State(shared): State<Arc<Shared>>,
    Query(params): Query<Params>,
    Extension(lies): Extension<Lies>,
) -> Answer {
    let limit = limit(&params, "limit")?;
    let turn = shared.turn(params.number("after", 0)?, limit, &lies);
    let next = turn.next.map(|next| {
        let query = [("limit", &*limit.to_string()), ("after", &next.to_string())];
        turn.link(&shared.base_url(), "/generic/pointer", &query)
    });
    let body = json!({ "results": shared.records(&turn), "total": turn.total, "next_url": next });
    Ok(Json(body).into_response())
}

async fn token(
    State(shared): State<Arc<Shared>>,
    Query(params): Query<Params>,
    Extension(lies): Extension<Lies>,
    headers: HeaderMap,
) -> Answer {
    let header = headers.get("x-continuation-token");
    let sent = header.and_then(|value| value.to_str().ok());
    let start = match sent.or_else(|| params.text("token")) {
        None => 0,
        Some(text) => after_token(text).ok_or("continuation token")?,
    };
    let turn = shared.turn(start, limit(&params, "limit")?, &lies);
    let next = turn.next.map(|next| format!("t-{next:x}"));
    let body = json!({ "results": shared.records(&turn), "total": turn.total, "next_token": next });
    let mut response = Json(body).into_response();
    if let Some(token) = next.and_then(|token| token.parse().ok()) {
        response.headers_mut().insert("x-next-token", token);
    }
    Ok(response)
}

fn after_token(token: &str) -> Option<u64> {
    u64::from_str_radix(token.strip_prefix("t-")?, 16).ok()
}

async fn page(
    State(shared): State<Arc<Shared>>,
    Query(params): Query<Params>,
    Extension(lies): Extension<Lies>,
    first: u64,
) -> Answer {
    let number = params.number("page", first)?;
    let index = number.checked_sub(first).ok_or("page")?;
    let limit = limit(&params, "per_page")?;
    let turn = shared.turn(index.saturating_mul(limit), limit, &lies);
    let count = turn.total.div_ceil(limit).to_string();
    let body = json!({ "results": shared.records(&turn), "page": number });
    Ok(([("x-pagecount", count)], Json(body)).into_response())
}

async fn offset(
    State(shared): State<Arc<Shared>>,
    Query(params): Query<Params>,
    Extension(lies): Extension<Lies>,
) -> Answer {
    let turn = shared.turn(params.number("offset", 0)?, limit(&params, "limit")?, &lies);
    Ok(Json(shared.records(&turn)).into_response())
}

async fn none(State(shared): State<Arc<Shared>>, Extension(lies): Extension<Lies>) -> Answer {
    let turn = shared.turn(0, u64::MAX, &lies);
    let body = json!({ "results": shared.records(&turn), "total": turn.total });
    Ok(Json(body).into_response())
}

/// A page has at least one record.
fn limit(params: &Params, name: &'static str) -> Result<u64, Nonsense> {
    Ok(params.number(name, LIMIT)?.max(1))
}

impl Shared {
    fn turn(&self, start: u64, limit: u64, lies: &Lies) -> Turn {
        Turn::new(Asked { start, limit }, self.counts().generic, lies)
    }

    fn records(&self, turn: &Turn) -> Vec<Value> {
        let indexes = turn.records.clone();
        indexes.map(|index| record(self.seed, index)).collect()
    }
}

/// A record with one field of every kind.
fn record(seed: u64, index: u64) -> Value {
    let mut random = Random::new(seed, STREAM, index);
    json!({
        "id": index + 1,
        "name": random.pick(people::FIRST_NAMES),
        "score": random.ratio(),
        "active": random.chance(50),
        "note": random.chance(50).then(|| random.hex(8)),
        "tags": [random.pick(people::TAGS)],
        "address": { "city": random.pick(people::CITIES), "country": random.pick(people::COUNTRIES) },
        "updated_at": calendar::zulu(calendar::changed_at(index)),
    })
}
