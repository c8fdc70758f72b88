//! The members of an audience.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::fault::Lies;
use super::super::query::Params;
use super::super::{Shared, calendar, people};
use super::{Problem, between, links, sign_in, turn};
use crate::random::Random;

/// Tells the streams of random numbers apart.
const STREAM: u64 = 1;

pub(super) async fn page(
    State(shared): State<Arc<Shared>>,
    Path(list_id): Path<String>,
    Query(params): Query<Params>,
    Extension(lies): Extension<Lies>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    sign_in(&shared, &headers)?;
    let names = ["since_last_changed", "before_last_changed"];
    let changed = between(&params, names, shared.counts().members)?;
    let turn = turn(&params, &changed, &lies)?;
    let member = |index| member(shared.seed, &list_id, changed.start + index);
    let path = format!("/3.0/lists/{list_id}/members");
    let body = json!({
        "members": turn.records.clone().map(member).collect::<Vec<_>>(),
        "list_id": list_id,
        "total_items": turn.total,
        "_links": links(&shared, &turn, &path),
    });
    Ok(Json(body).into_response())
}

/// The member number `index`: the fields of the published schema, some of them null or absent.
fn member(seed: u64, list_id: &str, index: u64) -> Value {
    let mut random = Random::new(seed, STREAM, index);
    let id = random.hex(32);
    let first = random.pick(people::FIRST_NAMES);
    let last = random.pick(people::LAST_NAMES);
    let tags = tags(&mut random);
    let mut member = json!({
        "id": id,
        "email_address": format!("member{index}@example.com"),
        "unique_email_id": random.hex(10),
        "contact_id": random.hex(32),
        "full_name": format!("{first} {last}"),
        "web_id": 500_000_000 + index,
        "email_type": random.pick(&["html", "text"]),
        "status": random.pick(&["subscribed", "subscribed", "subscribed", "unsubscribed", "cleaned", "pending"]),
        "consents_to_one_to_one_messaging": random.chance(80),
        "merge_fields": merge_fields(&mut random, first, last),
        "interests": { "9143cf3bd1": random.chance(50), "3a2a927344": random.chance(50) },
        "stats": stats(&mut random),
        "ip_signup": random.ip(),
        "timestamp_signup": calendar::with_offset(calendar::days_before(index, 30)),
        "ip_opt": random.ip(),
        "timestamp_opt": calendar::with_offset(calendar::days_before(index, 29)),
        "member_rating": 1 + random.below(5),
        "last_changed": calendar::with_offset(calendar::changed_at(index)),
        "language": random.pick(people::LANGUAGES),
        "vip": random.chance(5),
        "email_client": random.pick(&["", "Apple Mail", "Gmail", "Outlook"]),
        "location": location(&mut random),
        "source": random.pick(&["Admin Add", "API - Generic", "Import", "Signup Form"]),
        "tags_count": tags.len(),
        "tags": tags,
        "list_id": list_id,
        "_links": [],
    });
    if random.chance(10) {
        member["last_note"] = last_note(&mut random, index);
    }
    member
}

fn merge_fields(random: &mut Random, first: &str, last: &str) -> Value {
    let birthday = format!("{:02}/{:02}", 1 + random.below(12), 1 + random.below(28));
    let phone = random
        .chance(60)
        .then(|| format!("+1555{:07}", random.below(10_000_000)));
    json!({
        "FNAME": first,
        "LNAME": last,
        "ADDRESS": {
            "addr1": format!("{} Main St", 1 + random.below(900)),
            "city": random.pick(people::CITIES),
            "country": random.pick(people::COUNTRIES),
        },
        "PHONE": phone,
        "BIRTHDAY": birthday,
    })
}

fn stats(random: &mut Random) -> Value {
    let revenue = random.below(100_000) as f64 / 100.0;
    let shop = random.chance(30).then(|| {
        json!({
            "total_revenue": revenue,
            "number_of_orders": 1 + random.below(9),
            "currency_code": "USD",
        })
    });
    json!({
        "avg_open_rate": random.ratio(),
        "avg_click_rate": random.ratio(),
        "ecommerce_data": shop,
    })
}

fn location(random: &mut Random) -> Value {
    json!({
        "latitude": (random.ratio() * 180.0) - 90.0,
        "longitude": (random.ratio() * 360.0) - 180.0,
        "gmtoff": random.below(12),
        "dstoff": random.below(12),
        "country_code": random.pick(people::COUNTRIES),
        "timezone": random.pick(people::TIME_ZONES),
        "region": random.chance(40).then(|| random.hex(2)),
    })
}

fn tags(random: &mut Random) -> Vec<Value> {
    let wanted = people::TAGS.iter().zip(1_000..);
    wanted
        .filter(|_| random.chance(25))
        .map(|(name, id)| json!({ "id": id, "name": name }))
        .collect()
}

fn last_note(random: &mut Random, index: u64) -> Value {
    json!({
        "note_id": random.below(100_000),
        "created_at": calendar::with_offset(calendar::days_before(index, 1)),
        "created_by": random.pick(people::FIRST_NAMES),
        "note": "Asked to be called\nback, \"soon\".",
    })
}
