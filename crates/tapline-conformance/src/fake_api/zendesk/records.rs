//! Users, tickets and organizations, with the fields of the published schemas.

use serde_json::{Value, json};

use super::super::{Shared, calendar, people};
use crate::random::Random;

/// Tell the streams of random numbers apart.
const USERS: u64 = 2;
const TICKETS: u64 = 3;
const ORGANIZATIONS: u64 = 8;

/// Id of the first user.
pub(super) const FIRST_USER: u64 = 5_624_716_000_000;

/// The user number `index`.
pub(super) fn user(shared: &Shared, index: u64) -> Value {
    let mut random = Random::new(shared.seed, USERS, index);
    let id = FIRST_USER + index;
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

/// The ticket number `index`.
pub(super) fn ticket(shared: &Shared, index: u64) -> Value {
    let mut random = Random::new(shared.seed, TICKETS, index);
    let id = 35_436 + index;
    let subject = random.pick(people::SUBJECTS);
    let requester = FIRST_USER + random.below(shared.counts().users);
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
    })
}

/// The organization number `index`; users and tickets belong to the first of them.
pub(super) fn organization(shared: &Shared, index: u64) -> Value {
    let mut random = Random::new(shared.seed, ORGANIZATIONS, index);
    let id = 57_542 + index;
    let name = random.pick(people::LAST_NAMES);
    json!({
        "id": id,
        "url": format!("{}/api/v2/organizations/{id}.json", shared.base_url()),
        "name": format!("{name} of {} {index}", random.pick(people::CITIES)),
        "shared_tickets": random.chance(20),
        "shared_comments": random.chance(20),
        "external_id": random.chance(20).then(|| random.hex(13)),
        "created_at": calendar::zulu(calendar::days_before(index, 100)),
        "updated_at": calendar::zulu(calendar::changed_at(index)),
        "domain_names": [format!("org{index}.example.com")],
        "details": "",
        "notes": random.pick(&["", "Pays late"]),
        "group_id": null,
        "tags": tags(&mut random),
        "organization_fields": { "org_decimal": random.ratio(), "org_dropdown": null },
    })
}

fn tags(random: &mut Random) -> Vec<&'static str> {
    let all = ["enterprise", "billing", "other_tag"];
    all.into_iter().filter(|_| random.chance(30)).collect()
}
