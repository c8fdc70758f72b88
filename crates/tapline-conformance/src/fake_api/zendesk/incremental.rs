//! The incremental exports by cursor, of tickets and users.
//!
//! The last page says `end_of_stream: true` and still has a link, as the real one: it leads to what
//! will have changed by then.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::fault::Lies;
use super::super::paging::{Asked, Turn};
use super::super::query::Params;
use super::super::{Shared, calendar};
use super::{Refusal, records, sign_in};

/// The API never gives more on one page, and no less unless asked.
const MAX_SIZE: u64 = 1_000;

type Answer = Result<Response, Refusal>;

pub(super) async fn tickets(
    State(shared): State<Arc<Shared>>,
    Query(params): Query<Params>,
    Extension(lies): Extension<Lies>,
    headers: HeaderMap,
) -> Answer {
    sign_in(&shared, &headers)?;
    let count = shared.counts().tickets;
    export(&shared, &params, &lies, "tickets", count, records::ticket)
}

pub(super) async fn users(
    State(shared): State<Arc<Shared>>,
    Query(params): Query<Params>,
    Extension(lies): Extension<Lies>,
    headers: HeaderMap,
) -> Answer {
    sign_in(&shared, &headers)?;
    let count = shared.counts().users;
    export(&shared, &params, &lies, "users", count, records::user)
}

fn export(
    shared: &Shared,
    params: &Params,
    lies: &Lies,
    name: &str,
    count: u64,
    record: fn(&Shared, u64) -> Value,
) -> Answer {
    let limit = match params.number("per_page", MAX_SIZE) {
        Ok(limit @ 1..=MAX_SIZE) => limit,
        _ => return Err(Refusal::Invalid("per_page must be between 1 and 1000")),
    };
    let start = start(params, count)?;
    let turn = Turn::new(Asked { start, limit }, count, lies);
    let cursor = write(turn.next.unwrap_or(turn.records.end));
    let path = format!("/api/v2/incremental/{name}/cursor.json");
    let size = limit.to_string();
    let mut query = vec![("cursor", cursor.as_str())];
    query.extend(params.text("per_page").map(|_| ("per_page", size.as_str())));
    let link = turn.link(&shared.base_url(), &path, &query);
    let page = turn.records.clone().map(|index| record(shared, index));
    let body = json!({
        name: page.collect::<Vec<_>>(),
        "after_url": link,
        "after_cursor": cursor,
        "before_url": null,
        "before_cursor": null,
        "end_of_stream": turn.next.is_none(),
    });
    Ok(Json(body).into_response())
}

/// Index of the first record asked for, by cursor or by time.
fn start(params: &Params, count: u64) -> Result<u64, Refusal> {
    if let Some(cursor) = params.text("cursor") {
        return read(cursor).ok_or(Refusal::Invalid("cursor is not valid"));
    }
    let time = params.text("start_time").and_then(|text| text.parse().ok());
    let time = time.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let time = time.ok_or(Refusal::Invalid("start_time must be a time in seconds"))?;
    Ok(calendar::between(Some(time), None, count).start)
}

/// `1704067200.0||7|` in base64, as the real ones: a time and a number.
fn write(index: u64) -> String {
    let second = calendar::changed_at(index).as_second();
    STANDARD.encode(format!("{second}.0||{index}|"))
}

fn read(cursor: &str) -> Option<u64> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    text.split('|').nth(2)?.parse().ok()
}
