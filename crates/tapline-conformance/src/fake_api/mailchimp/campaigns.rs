//! Campaigns: mails to an audience.

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
const STREAM: u64 = 6;

pub(super) async fn page(
    State(shared): State<Arc<Shared>>,
    Query(params): Query<Params>,
    Extension(lies): Extension<Lies>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    sign_in(&shared, &headers)?;
    let names = ["since_create_time", "before_create_time"];
    let created = between(&params, names, shared.counts().campaigns)?;
    let turn = turn(&params, &created, &lies)?;
    let campaign = |index| campaign(shared.seed, created.start + index);
    let body = json!({
        "campaigns": turn.records.clone().map(campaign).collect::<Vec<_>>(),
        "total_items": turn.total,
        "_links": links(&shared, &turn, "/3.0/campaigns"),
    });
    Ok(Json(body).into_response())
}

/// The campaign number `index`. One that was not sent has neither time nor summary.
fn campaign(seed: u64, index: u64) -> Value {
    let mut random = Random::new(seed, STREAM, index);
    let id = random.hex(10);
    let sent = random.chance(80);
    let time = sent.then(|| calendar::with_offset(calendar::changed_at(index + 30)));
    let emails = if sent { 1 + random.below(5_000) } else { 0 };
    let mut campaign = json!({
        "id": id,
        "web_id": 700_000 + index,
        "type": random.pick(&["regular", "regular", "plaintext", "rss"]),
        "create_time": calendar::with_offset(calendar::changed_at(index)),
        "archive_url": format!("https://example.com/a/{id}"),
        "long_archive_url": format!("https://example.com/archive?c={id}"),
        "status": if sent { "sent" } else { "save" },
        "emails_sent": emails,
        "send_time": time.unwrap_or_default(),
        "content_type": random.pick(&["html", "template"]),
        "needs_block_refresh": false,
        "resendable": random.chance(50),
        "recipients": {
            "list_id": random.hex(10),
            "list_is_active": true,
            "list_name": random.pick(people::TAGS),
            "segment_text": "",
            "recipient_count": emails,
        },
        "settings": {
            "subject_line": random.pick(people::SUBJECTS),
            "title": format!("Campaign {index}"),
            "from_name": random.pick(people::FIRST_NAMES),
            "reply_to": "news@example.com",
            "template_id": random.below(90),
            "timewarp": false,
        },
        "tracking": { "opens": true, "html_clicks": true, "goal_tracking": false },
        "delivery_status": { "enabled": false },
        "_links": [],
    });
    if sent {
        campaign["report_summary"] = summary(&mut random, emails);
    }
    campaign
}

fn summary(random: &mut Random, emails: u64) -> Value {
    let opens = random.below(2 * emails);
    let clicks = random.below(1 + opens);
    json!({
        "opens": opens,
        "unique_opens": opens / 2,
        "open_rate": random.ratio(),
        "clicks": clicks,
        "subscriber_clicks": clicks / 2,
        "click_rate": random.ratio(),
    })
}
