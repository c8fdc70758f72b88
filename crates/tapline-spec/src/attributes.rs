//! What a stream asks for, and how its answer is read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tapline_expr::Place;

use crate::{
    BodyFormat, IncrementalParams, PaginationParams, PartitionParams, RateParams, RequestMethod,
    ResponseParams, ScheduleParams, UiAttributes,
};

/// What is asked for, and how the answer is read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attributes {
    /// What a catalogue shows; not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ui_attributes: Option<UiAttributes>,
    /// The URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_params: Option<UrlParams>,
    /// Headers of every request.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "scalars")]
    pub header_params: Map<String, Value>,
    /// Body of a POST: a JSON object whose texts may hold `${name}`, or a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "object_or_text")]
    pub body_params: Option<Value>,
    /// Where the records are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_path: Option<ContentPath>,
    /// A second array, inside each record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explode_entity_path: Option<ExplodeEntityPath>,
    /// How pages follow each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagination_params: Option<PaginationParams>,
    /// How a time window is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_params: Option<ScheduleParams>,
    /// What tells new records from old ones. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incremental_params: Option<IncrementalParams>,
    /// How much the source lets be asked of it. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_params: Option<RateParams>,
    /// What else a response says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_params: Option<ResponseParams>,
    /// What divides the stream into slices, each read on its own. Ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition_params: Vec<PartitionParams>,
}

impl Attributes {
    /// How bodies hold their records.
    pub(crate) fn body_format(&self) -> BodyFormat {
        let response = self.response_params.as_ref();
        let format = response.and_then(|response| response.format);
        format.unwrap_or_default()
    }

    /// Whether the attribute called `key`, one that the operator might give instead, is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        match key {
            "urlParams" => self.url_params.is_some(),
            "contentPath" => self.content_path.is_some(),
            "paginationParams" => self.pagination_params.is_some(),
            _ => false,
        }
    }
}

/// The URL of a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UrlParams {
    /// Scheme and host, such as `https://${domain}.api.example.com`. The parameter `host` replaces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Path, such as `/3.0/lists/${listId}/members`.
    pub path: String,
    /// GET unless it says POST.
    #[serde(default)]
    pub method: RequestMethod,
    /// Query parameters, in order.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "scalars")]
    pub query_params: Map<String, Value>,
}

/// Where the records are, and what each takes along.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContentPath {
    /// Path of the array of records, such as `$.members`; `$` if the response is the array.
    pub path: String,
    /// What stands beside the array and is not copied onto each record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skip_attributes: Vec<String>,
    /// Of what stands beside the array, only this is copied onto each record. Empty: everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep_attributes: Vec<String>,
    /// Name under which the element stands in its record; the array's own name unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_wrapper_attribute: Option<String>,
    /// The element is the record, rather than a field of it. Ours.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unwrap: bool,
    /// Whether anything beside the array is copied onto each record. Ours.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub siblings: bool,
}

impl ContentPath {
    /// The name under which an element of the array at `path` stands in its record, if it has one.
    pub(crate) fn wrapper(&self, path: &Place) -> Option<String> {
        // The elements of a list that is the whole response have no name to stand under, nor have
        // those that a query finds in many places.
        let given = self.override_wrapper_attribute.as_deref();
        let name = match path {
            Place::Path(path) => path.last_key().map(|own| given.unwrap_or(own)),
            Place::Query(_) => given,
        };
        name.filter(|_| !self.unwrap).map(str::to_owned)
    }
}

/// A second array, inside each record, whose elements become records.
///
/// A record is repeated for each element of the array, which takes the array's place. A record
/// whose array is missing, null or empty is kept once, without it. What is no array counts as one
/// element.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExplodeEntityPath {
    /// Path of the array in the record as `contentPath` makes it, such as `$.email.activity`; or
    /// `$.activity` if that says `unwrap`.
    pub path: String,
    /// What stands beside the array and is not copied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skip_attributes: Vec<String>,
    /// Of what stands beside the array, only this is copied. Empty: everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep_attributes: Vec<String>,
    /// Name under which the element stands; the array's own name unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_wrapper_attribute: Option<String>,
    /// The element's own fields take the array's place, and hide fields of the same name beside
    /// it. An element that is no object still stands under its name. Ours.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unwrap: bool,
}

fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_true(value: &bool) -> bool {
    *value
}

fn scalars(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": { "type": ["string", "number", "boolean"] }
    })
}

fn object_or_text(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": ["object", "string"] })
}
