//! What the receivers of a campaign did with it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::fault::Lies;
use super::super::query::Params;
use super::super::{Shared, calendar};
use super::{Problem, links, sign_in, time, turn};
use crate::random::Random;

/// Tells the streams of random numbers apart.
const STREAM: u64 = 7;

pub(super) async fn email_activity(
    State(shared): State<Arc<Shared>>,
    Path(campaign_id): Path<String>,
    Query(params): Query<Params>,
    Extension(lies): Extension<Lies>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    sign_in(&shared, &headers)?;
    let since = time(&params, "since")?;
    let turn = turn(&params, &(0..shared.counts().emails), &lies)?;
    let email = |index| email(shared.seed, &campaign_id, index, since);
    let path = format!("/3.0/reports/{campaign_id}/email-activity");
    let body = json!({
        "emails": turn.records.clone().map(email).collect::<Vec<_>>(),
        "campaign_id": campaign_id,
        "total_items": turn.total,
        "_links": links(&shared, &turn, &path),
    });
    Ok(Json(body).into_response())
}

/// The receiver number `index`, and what was done since then. Two of six did nothing.
fn email(seed: u64, campaign_id: &str, index: u64, since: Option<Timestamp>) -> Value {
    let mut random = Random::new(seed, STREAM, index);
    let count = random.below(6).saturating_sub(1);
    let times = (index..index + count).map(calendar::changed_at);
    let times = times.filter(|time| since.is_none_or(|since| *time >= since));
    json!({
        "campaign_id": campaign_id,
        "list_id": "57afe96172",
        "list_is_active": true,
        "email_id": random.hex(32),
        "email_address": format!("member{index}@example.com"),
        "activity": times.map(|time| action(&mut random, time)).collect::<Vec<_>>(),
        "_links": [],
    })
}

fn action(random: &mut Random, time: Timestamp) -> Value {
    let time = calendar::with_offset(time);
    match random.pick(&["open", "open", "click", "bounce"]) {
        "click" => json!({
            "action": "click",
            "timestamp": time,
            "url": format!("https://shop.example.com/?id={}", random.below(90)),
            "ip": random.ip(),
        }),
        "bounce" => json!({ "action": "bounce", "type": "soft", "timestamp": time }),
        action => json!({ "action": action, "timestamp": time, "ip": random.ip() }),
    }
}
