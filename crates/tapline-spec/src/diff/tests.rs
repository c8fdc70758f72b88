//! A document, one thing changed in it, and what is said of that.

use serde_json::{Value, json};

use super::*;
use crate::check;

fn document() -> Value {
    json!({
        "id": "shop",
        "authSpec": [{ "name": "key", "type": "BearerToken",
            "spec": { "properties": { "accessToken": { "type": "string", "format": "password" } } } }],
        "streams": {
            "orders": {
                "attributes": {
                    "urlParams": { "host": "https://a.example.com", "path": "/orders/${region}" },
                    "contentPath": { "path": "$.orders", "unwrap": true, "siblings": false },
                    "paginationParams": { "type": "NONE" },
                    "scheduleParams": { "scheduleStartParamName": "since" },
                    "incrementalParams": { "cursor": "id", "cursorType": "integer" }
                },
                "spec": { "properties": { "region": { "type": "string", "enum": ["eu", "us"] } } },
                "schema": { "properties": { "id": { "type": "integer" }, "name": { "type": "string" } } }
            }
        }
    })
}

fn parsed(value: &Value) -> ConnectorDocument {
    let checked = check(&value.to_string());
    checked
        .document
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics))
}

/// Sets what is at `pointer` (or adds it) to `value`; `null` takes it away.
#[track_caller]
fn changed(pointer: &str, value: Value, expected: &[&str]) {
    let old = document();
    let mut new = old.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = new.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(members), Value::Null) => drop(members.remove(key)),
        (Value::Object(members), value) => drop(members.insert(key.to_owned(), value)),
        (Value::Array(items), value) => items.push(value),
        _ => panic!("{pointer}"),
    }
    let found = diff(&parsed(&old), &parsed(&new));
    let said: Vec<String> = found
        .iter()
        .map(|c| format!("{} {}: {}", c.kind, c.pointer, c.message))
        .collect();
    assert_eq!(said, expected);
}

#[test]
fn another_format_is_another_body() {
    changed(
        "/streams/orders/attributes/responseParams",
        json!({ "format": "json" }),
        &[
            "compatible /streams/orders/attributes/responseParams: `responseParams` says something else; what records look like stays",
        ],
    );
    let (old, mut new) = (document(), document());
    for (key, value) in [
        ("responseParams", json!({ "format": "ndjson" })),
        (
            "contentPath",
            json!({ "path": "$", "unwrap": true, "siblings": false }),
        ),
    ] {
        new["streams"]["orders"]["attributes"][key] = value;
    }
    let found = diff(&parsed(&old), &parsed(&new));
    let is_told = |change: &Change| {
        change.kind == ChangeKind::Breaking && change.pointer.ends_with("/responseParams/format")
    };
    assert!(found.iter().any(is_told), "{found:?}");
}

#[test]
fn nothing_changes_nothing() {
    changed("/description", json!("Orders"), &[]);
    changed(
        "/streams/orders/spec/properties/region/description",
        json!("Where"),
        &[],
    );
}

#[test]
fn what_goes_breaks() {
    changed(
        "/id",
        json!("store"),
        &["breaking /id: projects name the connector by its `id`, which is another one"],
    );
    changed(
        "/authSpec",
        json!([]),
        &["breaking /authSpec/0: the way to sign in `key` is gone"],
    );
    changed(
        "/streams/orders/schema/properties/name",
        Value::Null,
        &["breaking /streams/orders/schema: the column `name` is gone"],
    );
    changed(
        "/streams/orders/attributes/scheduleParams",
        Value::Null,
        &[
            "breaking /streams/orders/attributes/scheduleParams: no time window can be asked for any more",
        ],
    );
}

#[test]
fn what_is_another_breaks() {
    changed(
        "/streams/orders/schema/properties/id/type",
        json!("string"),
        &["breaking /streams/orders/schema: the column `id` was integer and is string"],
    );
    changed(
        "/streams/orders/attributes/contentPath/path",
        json!("$.data"),
        &[
            "breaking /streams/orders/attributes/contentPath: records are found elsewhere, or look different",
        ],
    );
    changed(
        "/streams/orders/attributes/urlParams/path",
        json!("/v2/${region}"),
        &["breaking /streams/orders/attributes/urlParams: records are read from another place"],
    );
    changed(
        "/streams/orders/spec/properties/region/enum",
        json!(["eu"]),
        &[
            "breaking /streams/orders/spec/properties/region: the parameter `region` may refuse values that it took",
        ],
    );
    changed(
        "/streams/orders/spec/required",
        json!(["region"]),
        &["breaking /streams/orders/spec/required: the parameter `region` must be given"],
    );
}

#[test]
fn what_is_added_fits() {
    changed(
        "/streams/orders/schema/properties/email",
        json!({ "type": "string" }),
        &["compatible /streams/orders/schema: there is the column `email`"],
    );
    changed(
        "/streams/orders/spec/properties/status",
        json!({ "type": "string" }),
        &["compatible /streams/orders/spec/properties/status: the parameter `status` may be given"],
    );
    changed(
        "/streams/orders/spec/properties/region/enum",
        json!(["us", "eu", "ap"]),
        &[
            "compatible /streams/orders/spec/properties/region: the parameter `region` takes more values",
        ],
    );
    changed(
        "/streams/items",
        document()["streams"]["orders"].clone(),
        &["compatible /streams/items: there is the stream `items`"],
    );
    changed(
        "/streams/orders/attributes/urlParams/queryParams",
        json!({ "archived": true }),
        &["compatible /streams/orders/attributes/urlParams: the request is another one"],
    );
    changed(
        "/streams/orders/attributes/rateParams",
        json!({ "requestsPerMinute": 100 }),
        &[
            "compatible /streams/orders/attributes/rateParams: `rateParams` says something else; what records look like stays",
        ],
    );
}

#[test]
fn a_second_way_to_sign_in_must_be_chosen() {
    changed(
        "/authSpec/1",
        json!({ "name": "none of it", "type": "BasicAuthentication", "spec": { "properties": {
            "username": { "type": "string" }, "password": { "type": "string", "format": "password" } } } }),
        &[
            "breaking /authSpec/1: there is the way to sign in `none of it`: connections must say which of them is meant",
        ],
    );
}

#[test]
fn another_cursor_breaks_and_another_lookback_fits() {
    const AT: &str = "/streams/orders/attributes/incrementalParams";
    const BREAKS: &str = "breaking /streams/orders/attributes/incrementalParams: \
                          new records are told from old ones in another way";
    changed(&format!("{AT}/cursor"), json!("name"), &[BREAKS]);
    changed(&format!("{AT}/primaryKeys"), json!(["id"]), &[BREAKS]);
    changed(AT, Value::Null, &[BREAKS]);
    changed(
        &format!("{AT}/lookback"),
        json!(100),
        &[
            "compatible /streams/orders/attributes/incrementalParams: new records are asked for in another way",
        ],
    );
}
