//! A connector document, as a person writes it: the strict form.
//!
//! The keys are those of Adobe's connectionSpec; `id`, `streams` and `unwrap` are ours. What
//! Adobe's own documents write differently is turned into this form by the tolerant layer.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Attributes, AuthSpec, PaginationParams, PartitionParams};

/// A connector: how to sign in, and the streams it has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectorDocument {
    /// The schema of this document, for editors.
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// What projects call the connector: lower-case letters, digits, `_` and `-`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[a-z][a-z0-9_-]*$"))]
    pub id: Option<String>,
    /// The name people see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Kind of connector; `generic-rest` is the only one.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ConnectorKind>,
    /// What the connector is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Adobe's id of the provider; not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// Version of the connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What a catalogue shows; not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Map<String, Value>>,
    /// The ways to sign in. Empty: none is needed. Left out: the document is a fragment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_spec: Option<Vec<AuthSpec>>,
    /// Shorthand for a connector with one stream, which the project names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_spec: Option<SourceSpec>,
    /// How Adobe previews a source; not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explore_spec: Option<Map<String, Value>>,
    /// The streams, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub streams: BTreeMap<String, SourceSpec>,
}

/// Kind of connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConnectorKind {
    /// An HTTP API, described by this document.
    #[serde(rename = "generic-rest")]
    GenericRest,
}

/// One stream: what is asked for, and what its user gives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    /// What is asked for, and how the answer is read.
    #[serde(default)]
    pub attributes: Attributes,
    /// JSON Schema (draft-07) of the parameters the user gives; each is used as `${name}`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub spec: Map<String, Value>,
    /// JSON Schema of one response page or of one record: declares columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Map<String, Value>>,
}

impl SourceSpec {
    /// The parameters that `spec` declares, by name.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &Value)> {
        properties(&self.spec)
    }

    /// The parameters that have another value in every slice, or on every page.
    pub fn varying(&self) -> Vec<&str> {
        let partitions = self.attributes.partition_params.iter();
        let paging = self.attributes.pagination_params.as_ref();
        let range = paging.and_then(PaginationParams::range);
        let sliced = partitions.flat_map(PartitionParams::names);
        sliced.chain(range).collect()
    }

    /// The names of the columns that its `schema` declares; `None` if it declares none.
    pub(crate) fn columns(&self) -> Option<Vec<String>> {
        let columns = crate::planning::columns(self);
        let names: Vec<String> = columns.into_iter().map(|column| column.name).collect();
        (!names.is_empty()).then_some(names)
    }

    /// Whether `spec` declares the parameter `name`.
    pub(crate) fn declares(&self, name: &str) -> bool {
        self.properties().any(|(known, _)| known == name)
    }

    /// Whether the operator gives `urlParams` and the like, rather than this document.
    pub fn is_generic(&self) -> bool {
        self.attributes.url_params.is_none() && self.declares("urlParams")
    }
}

/// The properties of a JSON Schema of an object.
pub(crate) fn properties(schema: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, property)| (name.as_str(), property))
}

impl ConnectorDocument {
    /// The stream called `name`. A document with a single `sourceSpec` answers to any name.
    pub fn stream(&self, name: &str) -> Option<&SourceSpec> {
        self.streams.get(name).or(self.source_spec.as_ref())
    }

    /// Whether this is only a source spec, to which a connection adds the rest.
    pub fn is_fragment(&self) -> bool {
        self.auth_spec.is_none()
    }

    /// The ways to sign in.
    pub fn auth_specs(&self) -> &[AuthSpec] {
        self.auth_spec.as_deref().unwrap_or_default()
    }
}
