//! A part of MailChimp's Marketing API: audiences, their members, campaigns and what came of them.

mod campaigns;
mod lists;
mod members;
mod reports;

use std::ops::Range;
use std::sync::Arc;

use axum::extract::State;
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
use super::{Shared, calendar};

/// The API never gives more on one page.
const MAX_COUNT: u64 = 1_000;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/3.0/ping", get(ping))
        .route("/3.0/campaigns", get(campaigns::page))
        .route("/3.0/lists", get(lists::page))
        .route("/3.0/lists/{list_id}/members", get(members::page))
        .route(
            "/3.0/reports/{campaign_id}/email-activity",
            get(reports::email_activity),
        )
}

async fn ping(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Result<Response, Problem> {
    sign_in(&shared, &headers)?;
    Ok(Json(json!({ "health_status": "Everything's Chimpy!" })).into_response())
}

/// What a client asks for, of the records at `all`: their page, and where each is.
fn turn(params: &Params, all: &Range<u64>, lies: &Lies) -> Result<Turn, Problem> {
    let asked = Asked {
        start: number(params, "offset", 0)?,
        limit: number(params, "count", 10)?.min(MAX_COUNT),
    };
    Ok(Turn::new(asked, all.end - all.start, lies))
}

/// Those of `count` records that changed between the times in two parameters.
fn between(params: &Params, names: [&str; 2], count: u64) -> Result<Range<u64>, Problem> {
    let [since, before] = names;
    let (since, before) = (time(params, since)?, time(params, before)?);
    Ok(calendar::between(since, before, count))
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

fn links(shared: &Shared, turn: &Turn, path: &str) -> Value {
    let href = turn.link(&shared.base_url(), path, &[]);
    json!([{
        "rel": "self",
        "href": href,
        "method": "GET",
        "targetSchema": "https://us1.api.mailchimp.com/schema/3.0/CollectionResponse.json",
    }])
}
