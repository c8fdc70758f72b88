//! The strict JSON Schema of a connector document, made from the Rust types.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::ConnectorDocument;

/// Where the schema is published.
const ID: &str =
    "https://raw.githubusercontent.com/tapline/tapline/main/specs/schema/connector.v1.json";

/// The JSON Schema of a connector document: `specs/schema/connector.v1.json`.
pub fn connector_schema() -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "tapline connector",
    });
    let made = plain_schema::<ConnectorDocument>();
    for (key, value) in made.as_object().into_iter().flatten() {
        // What is said above stands first, and stays.
        if schema.get(key).is_none() {
            schema[key] = value.clone();
        }
    }
    schema
}

/// The JSON Schema of `T`, in the plain form that [`crate::diagnose`] explains best: `null`
/// stands for nothing, and a choice of words is an `enum`.
pub fn plain_schema<T: JsonSchema>() -> Value {
    let schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>();
    plain(schema.to_value())
}

/// Rewrites `schema` and everything below it.
fn plain(schema: Value) -> Value {
    match schema {
        Value::Object(object) => Value::Object(plain_object(object)),
        Value::Array(items) => items.into_iter().map(plain).collect(),
        other => other,
    }
}

fn plain_object(object: Map<String, Value>) -> Map<String, Value> {
    let mut out: Map<String, Value> = object
        .into_iter()
        .map(|(key, value)| (key, plain(value)))
        .collect();
    drop_null(&mut out);
    words_to_enum(&mut out);
    out
}

/// An optional field may be left out; writing `null` is no second way to say it.
fn drop_null(schema: &mut Map<String, Value>) {
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(options)) = schema.get_mut("enum") {
        options.retain(|option| !option.is_null());
    }
    let Some(Value::Array(mut options)) = schema.remove("anyOf") else {
        return;
    };
    options.retain(|option| option.get("type").is_none_or(|kind| kind != "null"));
    match options.as_mut_slice() {
        [Value::Object(only)] => {
            for (key, value) in std::mem::take(only) {
                schema.entry(key).or_insert(value);
            }
        }
        _ => {
            schema.insert("anyOf".to_owned(), Value::Array(options));
        }
    }
}

/// `oneOf` of described constants becomes an `enum`; the descriptions move into its own.
fn words_to_enum(schema: &mut Map<String, Value>) {
    let Some(Value::Array(options)) = schema.get("oneOf") else {
        return;
    };
    let words: Option<Vec<Value>> = options.iter().map(|o| o.get("const").cloned()).collect();
    let Some(words) = words else { return };
    let mut description: Vec<String> = schema
        .get("description")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .into_iter()
        .collect();
    description.extend(options.iter().filter_map(|option| {
        let word = option.get("const")?.as_str()?;
        let meaning = option.get("description")?.as_str()?;
        Some(format!("`{word}`: {meaning}"))
    }));
    schema.remove("oneOf");
    schema.insert("type".to_owned(), json!("string"));
    schema.insert("enum".to_owned(), Value::Array(words));
    schema.insert("description".to_owned(), json!(description.join("\n\n")));
}
