//! The columns that a stream's `schema` declares.
//!
//! The schema describes a whole response, as Adobe's do, one element, or one record.

use serde_json::{Map, Value};

use crate::document::properties;
use crate::{ColumnKind, ColumnPlan, ContentPlan, ExplodePlan};

pub(super) fn declared(
    schema: Option<&Map<String, Value>>,
    content: &ContentPlan,
    explode: Option<&ExplodePlan>,
) -> Vec<ColumnPlan> {
    let Some(schema) = schema else {
        return Vec::new();
    };
    let own_name = content.path.last_key();
    let items = own_name
        .and_then(|name| properties(schema).find(|(known, _)| *known == name))
        .and_then(|(_, array)| array.get("items"))
        .or_else(|| schema.get("items"))
        .and_then(Value::as_object);
    let Some(items) = items else {
        return record(schema, content, explode);
    };
    let mut columns: Vec<ColumnPlan> = properties(schema)
        .filter(|(name, _)| Some(*name) != own_name && content.siblings.wants(name))
        .filter_map(column)
        .collect();
    columns.extend(element(items, content, explode));
    columns
}

/// A schema of one record: of the element, or of the record with the element in its wrapper.
fn record(
    schema: &Map<String, Value>,
    content: &ContentPlan,
    explode: Option<&ExplodePlan>,
) -> Vec<ColumnPlan> {
    let has = |wrapper| properties(schema).any(|(name, _)| name == wrapper);
    match &content.wrapper {
        Some(wrapper) if has(wrapper) => properties(schema).filter_map(column).collect(),
        _ => element(schema, content, explode),
    }
}

fn element(
    schema: &Map<String, Value>,
    content: &ContentPlan,
    explode: Option<&ExplodePlan>,
) -> Vec<ColumnPlan> {
    if let Some(wrapper) = &content.wrapper {
        return vec![ColumnPlan {
            name: wrapper.clone(),
            kind: ColumnKind::Json,
        }];
    }
    let array = explode.and_then(|explode| Some((explode, items(schema, explode)?)));
    match array {
        Some((explode, items)) => exploded(schema, explode, items),
        None => properties(schema).filter_map(column).collect(),
    }
}

/// What the schema of an element says of the array that is exploded. Nothing if the array is
/// deeper inside, or the schema describes the records that come of it.
fn items<'a>(schema: &'a Map<String, Value>, explode: &ExplodePlan) -> Option<&'a Value> {
    let [name] = explode.keys.as_slice() else {
        return None;
    };
    let (_, array) = properties(schema).find(|(known, _)| known == name)?;
    array.get("items")
}

/// The columns of an element, with those of `items` in the place of the array.
fn exploded(schema: &Map<String, Value>, explode: &ExplodePlan, items: &Value) -> Vec<ColumnPlan> {
    let mut columns = Vec::new();
    for (name, property) in properties(schema) {
        if !explode.keys.iter().any(|key| key == name) {
            let wanted = explode.siblings.wants(name);
            columns.extend(column((name, property)).filter(|_| wanted));
        } else if explode.unwrap {
            let items = items.as_object().into_iter();
            columns.extend(items.flat_map(properties).filter_map(column));
        } else {
            columns.extend(column((&explode.wrapper, items)));
        }
    }
    columns
}

/// A property without a type declares nothing: its column is inferred.
fn column((name, property): (&str, &Value)) -> Option<ColumnPlan> {
    let kind = match property.get("type")? {
        Value::String(kind) => kind.as_str(),
        Value::Array(kinds) => {
            let mut kinds = kinds
                .iter()
                .filter_map(Value::as_str)
                .filter(|k| *k != "null");
            match (kinds.next(), kinds.next()) {
                (Some(only), None) => only,
                _ => "several",
            }
        }
        _ => return None,
    };
    let kind = match kind {
        "boolean" => ColumnKind::Boolean,
        "integer" => ColumnKind::Integer,
        "number" => ColumnKind::Number,
        "string" => ColumnKind::String,
        _ => ColumnKind::Json,
    };
    Some(ColumnPlan {
        name: name.to_owned(),
        kind,
    })
}
