//! The part of MailChimp's Marketing API that lists members.

use std::sync::Arc;

use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::auth::{Credentials, credentials};
use super::fault::Lies;
use super::paging::{Asked, Turn};
use super::query::Params;
use super::{Shared, calendar, people};
use crate::random::Random;

/// Tells the streams of random numbers apart.
const STREAM: u64 = 1;
/// The API never gives more on one page.
const MAX_COUNT: u64 = 1_000;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/3.0/ping", get(ping))
        .route("/3.0/lists/{list_id}/members", get(members))
}

async fn ping(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Result<Response, Problem> {
    sign_in(&shared, &headers)?;
    Ok(Json(json!({ "health_status": "Everything's Chimpy!" })).into_response())
}

async fn members(
    State(shared): State<Arc<Shared>>,
    Path(list_id): Path<String>,
    Query(params): Query<Params>,
    Extension(lies): Extension<Lies>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    sign_in(&shared, &headers)?;
    let since = time(&params, "since_last_changed")?;
    let before = time(&params, "before_last_changed")?;
    let changed = calendar::between(since, before, shared.counts().members);
    let asked = Asked {
        start: number(&params, "offset", 0)?,
        limit: number(&params, "count", 10)?.min(MAX_COUNT),
    };
    let turn = Turn::new(asked, changed.end - changed.start, &lies);
    let member = |index| member(shared.seed, &list_id, changed.start + index);
    let path = format!("/3.0/lists/{list_id}/members");
    let body = json!({
        "members": turn.records.clone().map(member).collect::<Vec<_>>(),
        "list_id": list_id,
        "total_items": turn.total,
        "_links": links(&turn.link(&shared.base_url(), &path, &[])),
    });
    Ok(Json(body).into_response())
}

/// Any user name, the key as password; or the key as a token.
fn sign_in(shared: &Shared, headers: &HeaderMap) -> Result<(), Problem> {
    match credentials(headers) {
        Some(Credentials::Basic(_, key) | Credentials::Bearer(key)) if key == shared.key => Ok(()),
        Some(_) => Err(Problem::KEY_INVALID),
        None => Err(Problem::KEY_MISSING),
    }
}

fn number(params: &Params, name: &str, default: u64) -> Result<u64, Problem> {
    params
        .number(name, default)
        .map_err(|_| Problem::INVALID_RESOURCE)
}

fn time(params: &Params, name: &str) -> Result<Option<Timestamp>, Problem> {
    let read = |text| calendar::read(text).ok_or(Problem::INVALID_RESOURCE);
    params.text(name).map(read).transpose()
}

/// An error as MailChimp reports it.
#[derive(Clone, Copy, Debug)]
struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: &'static str,
}

impl Problem {
    const KEY_MISSING: Self = Self {
        status: StatusCode::UNAUTHORIZED,
        title: "API Key Missing",
        detail: "Your request did not include an API key.",
    };
    const KEY_INVALID: Self = Self {
        status: StatusCode::UNAUTHORIZED,
        title: "API Key Invalid",
        detail: "Your API key may be invalid, or you've attempted to access the wrong datacenter.",
    };
    const INVALID_RESOURCE: Self = Self {
        status: StatusCode::BAD_REQUEST,
        title: "Invalid Resource",
        detail: "The resource submitted could not be validated.",
    };
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "https://mailchimp.com/developer/marketing/docs/errors/",
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "instance": "3f1c2a5e-0000-4000-8000-000000000000",
        });
        let kind = "application/problem+json; charset=utf-8";
        let headers = [(header::CONTENT_TYPE, kind)];
        (self.status, headers, body.to_string()).into_response()
    }
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

fn links(href: &str) -> Value {
    json!([{
        "rel": "self",
        "href": href,
        "method": "GET",
        "targetSchema": "https://us1.api.mailchimp.com/schema/3.0/Definitions/Lists/Members/CollectionResponse.json",
    }])
}
