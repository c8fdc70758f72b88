//! The columns that a stream's `schema` declares.
//!
//! The schema describes a whole response, as Adobe's do, or one record.

use serde_json::{Map, Value};

use crate::document::properties;
use crate::{ColumnKind, ColumnPlan, ContentPlan};

pub(super) fn declared(
    schema: Option<&Map<String, Value>>,
    content: &ContentPlan,
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
        return record(schema, content);
    };
    let mut columns: Vec<ColumnPlan> = properties(schema)
        .filter(|(name, _)| Some(*name) != own_name && content.siblings.wants(name))
        .filter_map(column)
        .collect();
    columns.extend(element(items, content));
    columns
}

/// A schema of one record: of the element, or of the record with the element in its wrapper.
fn record(schema: &Map<String, Value>, content: &ContentPlan) -> Vec<ColumnPlan> {
    let is_wrapped = content
        .wrapper
        .as_ref()
        .is_none_or(|wrapper| properties(schema).any(|(name, _)| name == wrapper));
    if is_wrapped {
        properties(schema).filter_map(column).collect()
    } else {
        element(schema, content)
    }
}

fn element(schema: &Map<String, Value>, content: &ContentPlan) -> Vec<ColumnPlan> {
    match &content.wrapper {
        Some(wrapper) => vec![ColumnPlan {
            name: wrapper.clone(),
            kind: ColumnKind::Json,
        }],
        None => properties(schema).filter_map(column).collect(),
    }
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
