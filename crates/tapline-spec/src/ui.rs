//! What a catalogue of sources shows. Read, checked and kept; tapline itself does not use it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a catalogue shows; not used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UiAttributes {
    /// Whether it is a source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_source: Option<bool>,
    /// Whether records can be previewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_preview: Option<bool>,
    /// Whether it is marked as a beta version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_beta: Option<bool>,
    /// The shelf it stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<UiCategory>,
    /// Its picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<UiText>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<UiText>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<UiText>,
    /// Where it is described.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation_link: Option<String>,
    /// What the catalogue may do with it.
    #[schemars(schema_with = "object")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_features: Option<Value>,
}

/// The shelf of a catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UiCategory {
    /// Its key: `crm`, `marketingAutomation`.
    pub key: String,
}

/// A text, or the key of its translations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UiText {
    /// Key of the translations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The text itself, while a source is being tried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The categories that are documented, as their keys are written in published examples.
pub(crate) const CATEGORIES: [&str; 12] = [
    "advertising",
    "analytics",
    "cloudStorage",
    "consentAndPreferences",
    "crm",
    "customerSuccess",
    "database",
    "ecommerce",
    "marketingAutomation",
    "payments",
    "protocols",
    "streaming",
];

/// The keys of [`UiAttributes`].
pub(crate) const KEYS: [&str; 9] = [
    "isSource",
    "isPreview",
    "isBeta",
    "category",
    "icon",
    "description",
    "label",
    "documentationLink",
    "apiFeatures",
];

fn object(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object" })
}
