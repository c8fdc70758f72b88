//! The search export of Zendesk's Support API, for users and tickets.
//!
//! Its documentation forbids `type:` in the query, Adobe's published source sends it; it is let
//! pass. The last page says `has_more: false` and still has a cursor, as the real one; the page
//! that cursor leads to is empty and has none.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::auth::{Credentials, credentials};
use super::fault::Lies;
use super::paging::{Asked, Turn};
use super::query::Params;
use super::{Shared, calendar, people};
use crate::random::Random;

/// Tell the streams of random numbers apart.
const USERS: u64 = 2;
const TICKETS: u64 = 3;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v2/search/export", get(export))
        .route("/api/v2/search/export.json", get(export))
}

async fn export(
    State(shared): State<Arc<Shared>>,
    Query(params): Query<Params>,
    Extension(lies): Extension<Lies>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    sign_in(&shared, &headers)?;
    let search = Search::read(&params, &shared)?;
    let total = search.matches.end - search.matches.start;
    let turn = Turn::new(search.asked, total, &lies);
    Ok(Json(search.page(&shared, &turn)).into_response())
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

/// What a cursor says, inside its base64.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    field: String,
    desc: bool,
    #[serde(rename = "exportedThusFar")]
    exported: u64,
    #[serde(rename = "saltedRequestHash")]
    request: u64,
}

impl Cursor {
    fn write(exported: u64, request: u64) -> String {
        let cursor = Self {
            field: "created_at".to_owned(),
            desc: false,
            exported,
            request,
        };
        STANDARD.encode(json!(cursor).to_string())
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()
    }
}

/// A request that has been understood.
#[derive(Debug)]
struct Search {
    query: String,
    kind: Kind,
    asked: Asked,
    matches: Range<u64>,
    /// Ties cursors to the query they were made for.
    hash: u64,
}

#[derive(Clone, Copy, Debug, Hash)]
enum Kind {
    User,
    Ticket,
}

impl Kind {
    fn read(params: &Params) -> Result<Self, Refusal> {
        match params.text("filter[type]") {
            Some("user") => Ok(Self::User),
            Some("ticket") => Ok(Self::Ticket),
            _ => Err(Refusal::Invalid("filter[type] must be user or ticket")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Ticket => "ticket",
        }
    }

    fn count(self, shared: &Shared) -> u64 {
        match self {
            Self::User => shared.counts().users,
            Self::Ticket => shared.counts().tickets,
        }
    }
}

impl Search {
    fn read(params: &Params, shared: &Shared) -> Result<Self, Refusal> {
        let kind = Kind::read(params)?;
        let query = match params.text("query").map(str::trim) {
            None | Some("") => return Err(Refusal::Invalid("query is missing")),
            Some(query) => query.to_owned(),
        };
        let limit = match params.number("page[size]", 100) {
            Ok(limit @ 1..=1_000) => limit,
            _ => return Err(Refusal::Invalid("page[size] must be between 1 and 1000")),
        };
        let hash = request_hash(&query, kind);
        Ok(Self {
            kind,
            matches: updated(&query, kind.count(shared))?,
            query,
            asked: Asked {
                start: start(params, hash)?,
                limit,
            },
            hash,
        })
    }

    fn page(&self, shared: &Shared, turn: &Turn) -> Value {
        let record = |index| {
            let index = self.matches.start + index;
            match self.kind {
                Kind::User => user(shared, index),
                Kind::Ticket => ticket(shared, index),
            }
        };
        let end = turn.next.unwrap_or(turn.records.end);
        let cursor = (!turn.records.is_empty()).then(|| Cursor::write(end, self.hash));
        json!({
            "results": turn.records.clone().map(record).collect::<Vec<_>>(),
            "facets": null,
            "meta": {
                "has_more": turn.next.is_some(),
                "after_cursor": cursor,
                "before_cursor": null,
            },
            "links": {
                "prev": null,
                "next": cursor.as_deref().map(|c| self.link(shared, turn, c)),
            },
        })
    }

    fn link(&self, shared: &Shared, turn: &Turn, cursor: &str) -> String {
        let size = self.asked.limit.to_string();
        let params = [
            ("filter[type]", self.kind.name()),
            ("page[after]", cursor),
            ("page[size]", &size),
            ("query", &self.query),
        ];
        turn.link(&shared.base_url(), "/api/v2/search/export.json", &params)
    }
}

fn request_hash(query: &str, kind: Kind) -> u64 {
    let mut hasher = DefaultHasher::new();
    (query, kind).hash(&mut hasher);
    hasher.finish()
}

fn start(params: &Params, hash: u64) -> Result<u64, Refusal> {
    let Some(text) = params.text("page[after]") else {
        return Ok(0);
    };
    match Cursor::read(text) {
        Some(cursor) if cursor.request == hash => Ok(cursor.exported),
        _ => Err(Refusal::Invalid("page[after] is not valid for this query")),
    }
}

/// The records that `updated > A` and `updated < B` in the query leave, out of `count`.
fn updated(query: &str, count: u64) -> Result<Range<u64>, Refusal> {
    let since = bound(query, '>')?;
    let before = bound(query, '<')?;
    Ok(calendar::between(since, before, count))
}

/// The time after `updated` and `sign`. `>` is taken as `>=`: a missed record would be worse than
/// one seen twice.
fn bound(query: &str, sign: char) -> Result<Option<Timestamp>, Refusal> {
    let parts = query.split("updated").skip(1);
    let mut values = parts.filter_map(|rest| rest.trim_start().strip_prefix(sign));
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let value = value.trim_start_matches(['=', ' ']);
    let word = value.split_whitespace().next().unwrap_or_default();
    match calendar::read(word) {
        Some(time) => Ok(Some(time)),
        None => Err(Refusal::Invalid(
            "updated needs a time like 2024-01-01T00:00:00Z",
        )),
    }
}

fn user(shared: &Shared, index: u64) -> Value {
    let mut random = Random::new(shared.seed, USERS, index);
    let id = 5_624_716_000_000 + index;
    let first = random.pick(people::FIRST_NAMES);
    let last = random.pick(people::LAST_NAMES);
    let zone = random.pick(people::TIME_ZONES);
    let photo = random.chance(30).then(|| photo(shared, id));
    json!({
        "id": id,
        "url": format!("{}/api/v2/users/{id}.json", shared.base_url()),
        "name": format!("{first} {last}"),
        "email": format!("user{index}@example.com"),
        "created_at": calendar::zulu(calendar::days_before(index, 100)),
        "updated_at": calendar::zulu(calendar::changed_at(index)),
        "time_zone": zone,
        "iana_time_zone": zone,
        "phone": random.chance(50).then(|| format!("+1555{:07}", random.below(10_000_000))),
        "shared_phone_number": null,
        "photo": photo,
        "locale_id": 1 + random.below(20),
        "locale": random.pick(&["de", "en-US", "es", "fr", "ja"]),
        "organization_id": random.chance(70).then(|| 57_542 + random.below(50)),
        "role": random.pick(&["end-user", "end-user", "end-user", "agent", "admin"]),
        "verified": random.chance(90),
        "external_id": random.chance(20).then(|| random.hex(13)),
        "tags": tags(&mut random),
        "alias": "",
        "active": random.chance(97),
        "shared": false,
        "shared_agent": false,
        "last_login_at": random.chance(60).then(|| calendar::zulu(calendar::changed_at(index))),
        "two_factor_auth_enabled": random.chance(10),
        "signature": null,
        "details": random.pick(&["", "Prefers e-mail", "Met at the fair in Graz"]),
        "notes": "",
        "role_type": null,
        "custom_role_id": null,
        "moderator": false,
        "ticket_restriction": random.pick(&["requested", "organization", "assigned"]),
        "only_private_comments": false,
        "restricted_agent": true,
        "suspended": random.chance(2),
        "default_group_id": null,
        "report_csv": false,
        "user_fields": { "user_decimal": random.ratio(), "user_dropdown": null },
        "result_type": "user",
    })
}

fn photo(shared: &Shared, id: u64) -> Value {
    json!({
        "id": id + 1,
        "content_type": "image/png",
        "content_url": format!("{}/photos/{id}.png", shared.base_url()),
        "name": format!("{id}.png"),
        "size": 166_144,
        "thumbnails": [],
    })
}

fn ticket(shared: &Shared, index: u64) -> Value {
    let mut random = Random::new(shared.seed, TICKETS, index);
    let id = 35_436 + index;
    let subject = random.pick(people::SUBJECTS);
    let requester = 5_624_716_000_000 + random.below(shared.counts().users);
    let rated = random.chance(15);
    json!({
        "id": id,
        "url": format!("{}/api/v2/tickets/{id}.json", shared.base_url()),
        "external_id": null,
        "via": { "channel": random.pick(&["api", "email", "web"]), "source": { "from": {}, "to": {}, "rel": null } },
        "created_at": calendar::zulu(calendar::days_before(index, 10)),
        "updated_at": calendar::zulu(calendar::changed_at(index)),
        "type": random.pick(&["incident", "problem", "question", "task"]),
        "subject": subject,
        "raw_subject": subject,
        "description": format!("{subject}\n\nRegards"),
        "priority": random.chance(80).then(|| random.pick(&["low", "normal", "high", "urgent"])),
        "status": random.pick(&["new", "open", "pending", "solved", "closed"]),
        "recipient": null,
        "requester_id": requester,
        "submitter_id": requester,
        "assignee_id": random.chance(70).then(|| 235_323 + random.below(20)),
        "organization_id": random.chance(70).then(|| 57_542 + random.below(50)),
        "group_id": 98_738,
        "collaborator_ids": [],
        "follower_ids": [],
        "email_cc_ids": [],
        "forum_topic_id": null,
        "problem_id": null,
        "has_incidents": false,
        "is_public": true,
        "due_at": null,
        "tags": tags(&mut random),
        "custom_fields": [{ "id": 27_642, "value": random.below(1_000).to_string() }, { "id": 27_648, "value": null }],
        "satisfaction_rating": rated.then(|| json!({ "id": 1_234 + index, "score": "good", "comment": "Great support!" })),
        "sharing_agreement_ids": [],
        "followup_ids": [],
        "ticket_form_id": 47,
        "brand_id": 123,
        "allow_channelback": false,
        "allow_attachments": true,
        "from_messaging_channel": false,
        "result_type": "ticket",
    })
}

fn tags(random: &mut Random) -> Vec<&'static str> {
    let all = ["enterprise", "billing", "other_tag"];
    all.into_iter().filter(|_| random.chance(30)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: Option<Range<u64>>) {
        assert_eq!(updated(query, 10).ok(), expected, "{query}");
    }

    #[test]
    fn stretches_of_time() {
        let (two, five) = ("2024-01-01T00:02:00Z", "2024-01-01T00:05:00Z");
        check("type:user", Some(0..10));
        check(&format!("updated>{two}"), Some(2..10));
        check(
            &format!("type:user updated > {two} updated < {five}"),
            Some(2..5),
        );
        check(&format!("updated>={two} updated<{five}"), Some(2..5));
        check(&format!("updated < {five}"), Some(0..5));
        check("updated > soon", None);
    }
}
