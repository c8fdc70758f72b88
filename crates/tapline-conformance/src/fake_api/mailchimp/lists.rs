//! Audiences, which the API calls lists.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::fault::Lies;
use super::super::query::Params;
use super::super::{Shared, calendar, people};
use super::{Problem, between, links, sign_in, turn};
use crate::random::Random;

/// Tells the streams of random numbers apart.
const STREAM: u64 = 5;

pub(super) async fn page(
    State(shared): State<Arc<Shared>>,
    Query(params): Query<Params>,
    Extension(lies): Extension<Lies>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    sign_in(&shared, &headers)?;
    let names = ["since_date_created", "before_date_created"];
    let created = between(&params, names, shared.counts().lists)?;
    let turn = turn(&params, &created, &lies)?;
    let list = |index| list(shared.seed, created.start + index);
    let body = json!({
        "lists": turn.records.clone().map(list).collect::<Vec<_>>(),
        "total_items": turn.total,
        "constraints": {
            "may_create": false,
            "max_instances": turn.total,
            "current_total_instances": turn.total,
        },
        "_links": links(&shared, &turn, "/3.0/lists"),
    });
    Ok(Json(body).into_response())
}

/// The audience number `index`.
fn list(seed: u64, index: u64) -> Value {
    let mut random = Random::new(seed, STREAM, index);
    let id = random.hex(10);
    let city = random.pick(people::CITIES);
    json!({
        "id": id,
        "web_id": 300_000 + index,
        "name": format!("{} of {city}", random.pick(people::TAGS)),
        "contact": {
            "company": format!("{} & Co", random.pick(people::LAST_NAMES)),
            "address1": format!("{} Main St", 1 + random.below(900)),
            "address2": "",
            "city": city,
            "state": "",
            "zip": format!("{:05}", random.below(100_000)),
            "country": random.pick(people::COUNTRIES),
            "phone": "",
        },
        "permission_reminder": "You signed up on our website.",
        "use_archive_bar": random.chance(50),
        "campaign_defaults": {
            "from_name": random.pick(people::FIRST_NAMES),
            "from_email": format!("news{index}@example.com"),
            "subject": "",
            "language": random.pick(people::LANGUAGES),
        },
        "notify_on_subscribe": "",
        "notify_on_unsubscribe": "",
        "date_created": calendar::with_offset(calendar::changed_at(index)),
        "list_rating": random.below(6),
        "email_type_option": random.chance(20),
        "subscribe_url_short": format!("https://example.com/s/{id}"),
        "subscribe_url_long": format!("https://example.com/subscribe?id={id}"),
        "beamer_address": format!("{id}@inbound.example.com"),
        "visibility": random.pick(&["prv", "pub"]),
        "double_optin": random.chance(30),
        "has_welcome": random.chance(30),
        "marketing_permissions": random.chance(30),
        "modules": [],
        "stats": stats(&mut random, index),
        "_links": [],
    })
}

fn stats(random: &mut Random, index: u64) -> Value {
    let sent = random.chance(80);
    let sent = sent.then(|| calendar::with_offset(calendar::changed_at(index + 60)));
    json!({
        "member_count": random.below(100_000),
        "unsubscribe_count": random.below(900),
        "cleaned_count": random.below(90),
        "campaign_count": random.below(300),
        "campaign_last_sent": sent.unwrap_or_default(),
        "merge_field_count": 4,
        "avg_sub_rate": random.below(90),
        "open_rate": random.ratio() * 100.0,
        "click_rate": random.ratio() * 100.0,
    })
}
