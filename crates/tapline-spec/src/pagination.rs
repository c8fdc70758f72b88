//! How pages follow each other, as a document says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How pages follow each other. Which fields matter depends on `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PaginationParams {
    /// How the next page is asked for.
    #[serde(rename = "type")]
    pub kind: PaginationKind,
    /// Name of the query parameter with the page size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_name: Option<String>,
    /// Records per page.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_value: Option<u64>,
    /// OFFSET: name of the query parameter with the index of the first record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_set_name: Option<String>,
    /// OFFSET: index of the very first record; 0 unless given. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_offset: Option<u64>,
    /// PAGE: name of the query parameter with the page number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_param_name: Option<String>,
    /// PAGE: number of the first page; 0 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_page_index: Option<u64>,
    /// PAGE: number of the last page, or where the response says it: `headers.x-pagecount`.
    #[schemars(schema_with = "number_or_text")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_page_index: Option<Value>,
    /// RANGE: name of the placeholder that the number takes the place of: `${day}` for `day`. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub range_name: Option<String>,
    /// RANGE: the first number; 0 unless given. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range_start: Option<u64>,
    /// RANGE: the last number, which is included. Left out, an empty page ends the paging. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range_end: Option<u64>,
    /// RANGE: how far one number is from the next; 1 unless given. Ours.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range_step: Option<u64>,
    /// POINTER: where the response holds the next URL, such as `$.paging.next`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer_path: Option<String>,
    /// LINK_HEADER: the relation that leads to the next page; `next` unless given. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub link_relation: Option<String>,
    /// CONTINUATION_TOKEN: where the response holds the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continuation_token_path: Option<String>,
    /// CONTINUATION_TOKEN: where the token goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter_type: Option<ParameterType>,
    /// CONTINUATION_TOKEN: name of the query parameter, header or member of the body that carries
    /// the token. Left out: the token is an object, and each of its members goes along.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub parameter_name: Option<String>,
    /// CONTINUATION_TOKEN: several tokens that go together, instead of the three keys above. The
    /// paging ends where none of them is there. Ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub continuation_tokens: Vec<ContinuationToken>,
    /// Place in the response that `endConditionValue` is compared with: `$.hasMore`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_condition_name: Option<String>,
    /// What ends the paging: `Empty`, `NonExist`, `Exist` or `Const:` and a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_condition_value: Option<String>,
    /// Pause between two requests, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 3_600_000))]
    pub delay_request_millis: Option<u64>,
    /// Requests after which a run is cut short; no limit unless given.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_request: Option<u64>,
    /// Most records that the source gives for one window, as a search does that ends after 1000. A
    /// window that holds more is read in parts. Ours.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_records: Option<u64>,
}

impl PaginationParams {
    /// Name of the placeholder that each page has a number for.
    pub(crate) fn range(&self) -> Option<&str> {
        let name = self.range_name.as_deref();
        name.filter(|_| self.kind == PaginationKind::Range)
    }

    /// What is read of a response, each with its place in this object.
    pub(crate) fn reads(&self) -> impl Iterator<Item = (String, &str)> {
        let own = [
            ("pointerPath", self.pointer_path.as_deref()),
            (
                "continuationTokenPath",
                self.continuation_token_path.as_deref(),
            ),
            ("endConditionName", self.end_condition_name.as_deref()),
            (
                "endPageIndex",
                self.end_page_index.as_ref().and_then(Value::as_str),
            ),
        ];
        let own = own.into_iter();
        let own = own.filter_map(|(key, selector)| Some((key.to_owned(), selector?)));
        let tokens = self.continuation_tokens.iter().enumerate();
        own.chain(tokens.map(|(index, token)| {
            let key = format!("continuationTokens/{index}/path");
            (key, token.path.as_str())
        }))
    }
}

/// How the next page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaginationKind {
    /// By the index of its first record.
    Offset,
    /// By its number.
    Page,
    /// By a number that stands anywhere in the request. What the source says of a total is of all of
    /// them together, and the same records under two numbers are a page that repeats itself. Ours.
    Range,
    /// By the URL that the response holds.
    Pointer,
    /// By the URL in a `Link` header (RFC 8288). Ours.
    LinkHeader,
    /// By a token that the response holds.
    ContinuationToken,
    /// There is one page only.
    None,
}

impl PaginationKind {
    /// The name written in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offset => "OFFSET",
            Self::Page => "PAGE",
            Self::Range => "RANGE",
            Self::Pointer => "POINTER",
            Self::LinkHeader => "LINK_HEADER",
            Self::ContinuationToken => "CONTINUATION_TOKEN",
            Self::None => "NONE",
        }
    }
}

/// Where a continuation token goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ParameterType {
    /// Into the query.
    QueryParam,
    /// Into a header.
    HeaderParam,
    /// Into the JSON body of a POST, as the JSON value it is. Ours.
    BodyParam,
}

/// One of several tokens that go together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContinuationToken {
    /// Where the response holds the token.
    pub path: String,
    /// Where it goes.
    pub parameter_type: ParameterType,
    /// Name of what carries it. Left out: the token is an object, and each member goes along.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub parameter_name: Option<String>,
}

fn number_or_text(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": ["integer", "string"] })
}
