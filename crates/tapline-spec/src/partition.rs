//! What divides a stream into slices, as a document says it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A parameter that has another value in every slice. The same name twice: the values of both, one
/// after the other. Different names: every combination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PartitionParams {
    /// The parameter's name: `campaignId` is used as `${campaignId}`.
    #[schemars(regex(pattern = "^[A-Za-z_][A-Za-z0-9_.-]*$"))]
    pub name: String,
    /// Its values, if they are known.
    #[schemars(schema_with = "scalars")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Value>>,
    /// The stream whose records hold its values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentParams>,
}

/// A stream whose records hold the values of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParentParams {
    /// The stream's name.
    pub stream: String,
    /// Where a record holds the value: a dotted path, such as `id` or `campaign.id`.
    #[schemars(length(min = 1))]
    pub key: String,
    /// How many values go into one request; 1 unless given.
    #[schemars(range(min = 1, max = 10_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
    /// What stands between the values of one request; `,` unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// Other values of the record that the slice takes along: the parameter, and where the record
    /// holds its value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub take: BTreeMap<String, String>,
}

impl PartitionParams {
    /// Every parameter it gives a value to.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let taken = self.parent.iter().flat_map(|parent| parent.take.keys());
        std::iter::once(self.name.as_str()).chain(taken.map(String::as_str))
    }
}

fn scalars(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "items": { "type": ["string", "number", "boolean"] },
        "minItems": 1
    })
}
