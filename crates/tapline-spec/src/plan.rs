//! What a spec means: the [`Plan`] of one stream.
//!
//! A spec says things in many ways (two spellings, digit strings, defaults left out); a plan says
//! each thing once, with every default filled in and every expression parsed. Placeholders stay
//! symbolic, so a plan holds no secret and can be sent to a worker or another machine.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tapline_expr::{Bound, Condition, DateFormat, Expr, Place, Schedule, Selector, Template};

use crate::{Boundary, ClientAuthentication, CursorType, RecordOrder, Step};

/// Everything the engine needs to read one stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The connector's id.
    pub connector: String,
    /// The stream's name.
    pub stream: String,
    /// What is sent.
    pub request: RequestPlan,
    /// How the caller signs in.
    pub auth: AuthPlan,
    /// Where records are in a response, and what becomes of them.
    pub content: ContentPlan,
    /// The array inside each element whose elements become the records, if there is one.
    pub explode: Option<ExplodePlan>,
    /// How pages follow each other.
    pub pagination: PaginationPlan,
    /// What ends the paging, besides the pagination's own signal.
    pub end: Option<EndPlan>,
    /// Pause between two requests, in milliseconds.
    pub delay_ms: u64,
    /// Requests after which a run is cut short; no limit by default.
    pub maximum_request: Option<u64>,
    /// Most records that the source gives for one window; `None`: as many as there are.
    pub maximum_records: Option<u64>,
    /// Where the source says how many records there are in all.
    pub total: Option<Selector>,
    /// How a time window is asked for; `None`: the stream is always read as a whole.
    pub schedule: Option<SchedulePlan>,
    /// What tells new records from old ones; `None`: the spec does not say.
    pub incremental: Option<IncrementalPlan>,
    /// How much may be asked of the source; `None`: the spec does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<RatePlan>,
    /// What an answer means besides a page; the first rule that fits counts.
    pub rules: Vec<RulePlan>,
    /// What divides the stream into slices: one for every combination of their values.
    pub partitions: Vec<PartitionPlan>,
    /// Columns the spec declares, in order. Others are inferred.
    pub columns: Vec<ColumnPlan>,
}

impl Plan {
    /// Whether a request says this bound of its window. One that a request does not say is not kept
    /// to by the source.
    pub fn asks(&self, bound: Bound) -> bool {
        let schedule = self.schedule.as_ref();
        let by_name = schedule.is_some_and(|schedule| match bound {
            Bound::Start => schedule.start.is_some(),
            Bound::End => schedule.end.is_some(),
        });
        let texts = schedule.map(|schedule| &schedule.texts);
        let request = &self.request;
        let values = request.query.iter().chain(&request.headers);
        let mut templates = [&request.host, &request.path]
            .into_iter()
            .chain(values.map(|(_, template)| template));
        let in_body = match &request.body {
            None => false,
            Some(BodyPlan::Text(template)) => template.asks(bound, texts),
            Some(BodyPlan::Json(value)) => asks(value, bound, texts),
        };
        by_name || in_body || templates.any(|template| template.asks(bound, texts))
    }
}

/// Whether one of the templates that a JSON body keeps as text asks for `bound`.
fn asks(body: &Value, bound: Bound, texts: Option<&Schedule>) -> bool {
    match body {
        Value::String(text) => {
            let template = text.parse::<Template>();
            template.is_ok_and(|template| template.asks(bound, texts))
        }
        Value::Array(values) => values.iter().any(|value| asks(value, bound, texts)),
        Value::Object(members) => members.values().any(|value| asks(value, bound, texts)),
        _ => false,
    }
}

/// The request that every page has in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestPlan {
    /// Scheme and host, perhaps with a path: `https://${domain}.api.mailchimp.com`.
    pub host: Template,
    /// Path, perhaps with a query.
    pub path: Template,
    /// GET or POST.
    pub method: RequestMethod,
    /// Query parameters, in order.
    pub query: Vec<(String, Template)>,
    /// Headers, by lower-case name.
    pub headers: Vec<(String, Template)>,
    /// JSON body of a POST.
    pub body: Option<BodyPlan>,
}

/// How a page is asked for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum RequestMethod {
    /// GET.
    #[default]
    Get,
    /// POST.
    Post,
}

/// A body to send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyPlan {
    /// A JSON object whose string values are templates.
    Json(Value),
    /// A text.
    Text(Template),
}

/// How the caller signs in. Fields name parameters; the values stay with the transport.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AuthPlan {
    /// Not at all.
    None,
    /// `Authorization: Basic ...`.
    Basic {
        /// Parameter with the user name.
        username: String,
        /// Parameter with the password.
        password: String,
    },
    /// `Authorization: Bearer ...`.
    Bearer {
        /// Parameter with the token.
        token: String,
    },
    /// A key in a header or in the query.
    ApiKey {
        /// Where the key goes.
        location: KeyLocation,
        /// Name of the header or query parameter.
        name: String,
        /// Parameter with the key.
        key: String,
    },
    /// `Authorization: Bearer ...` with tokens from a token server.
    OAuth2(OAuth2Plan),
}

/// How access tokens are got. The parameters with the credentials have the names of
/// [`crate::oauth_param`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuth2Plan {
    /// What is shown to the token server.
    pub grant: OAuth2Grant,
    /// Where tokens are asked for: the first whose parameters are given. With none of them, an
    /// access token is used as long as it lasts.
    pub token_urls: Vec<Template>,
    /// How the client says who it is.
    pub client: ClientAuthentication,
    /// Further fields of a token request.
    pub fields: Vec<(String, Template)>,
}

/// What an access token is given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OAuth2Grant {
    /// A refresh token, which the answer may replace by another.
    RefreshToken,
    /// The client's own id and secret.
    ClientCredentials,
}

/// Where an API key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyLocation {
    /// A header.
    Header,
    /// A query parameter.
    Query,
}

/// Where records are, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentPlan {
    /// How the body holds them.
    #[serde(default, skip_serializing_if = "BodyFormat::is_json")]
    pub format: BodyFormat,
    /// The array of records; an object there is one record.
    pub path: Place,
    /// What stands around the array; nothing is copied from around a query's places.
    pub siblings: Siblings,
    /// Name under which the element stands in its record; `None`: the element is the record.
    pub wrapper: Option<String>,
}

/// How a body holds its records.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum BodyFormat {
    /// One JSON value, with the records somewhere in it.
    #[default]
    Json,
    /// A record on each line, as JSON, and nothing else (NDJSON, JSON Lines).
    Ndjson,
}

impl BodyFormat {
    fn is_json(&self) -> bool {
        *self == Self::Json
    }
}

/// An array inside each element of the content: its elements become records of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplodePlan {
    /// The keys that lead from the element to the array, at least one.
    pub keys: Vec<String>,
    /// Which members beside the array stay in each record.
    pub siblings: Siblings,
    /// Name under which an element of the array stands in its place.
    pub wrapper: String,
    /// Whether an object's own members take the array's place instead.
    pub unwrap: bool,
}

/// Which siblings of an array are copied onto each record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Siblings {
    /// Only these, if given.
    pub keep: Option<Vec<String>>,
    /// Not these.
    pub skip: Vec<String>,
}

impl Siblings {
    /// No sibling is copied.
    pub fn none() -> Self {
        Self {
            keep: Some(Vec::new()),
            skip: Vec::new(),
        }
    }

    /// Whether the sibling `name` is copied: first `keep`, then `skip`.
    pub fn wants(&self, name: &str) -> bool {
        let kept = self
            .keep
            .as_ref()
            .is_none_or(|keep| keep.iter().any(|k| k == name));
        kept && !self.skip.iter().any(|s| s == name)
    }

    /// Whether no sibling can be wanted, so that none need be read.
    pub fn is_none(&self) -> bool {
        self.keep.as_ref().is_some_and(Vec::is_empty)
    }
}

/// How pages follow each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaginationPlan {
    /// One response.
    None,
    /// `?limit=100&offset=200`.
    Offset {
        /// Name of the page size parameter.
        limit_name: String,
        /// Page size.
        limit: u64,
        /// Name of the parameter with the index of the first record.
        offset_name: String,
        /// Index of the very first record.
        first: u64,
    },
    /// `?per_page=100&page=3`.
    Page {
        /// Page size parameter and value, if the source takes one.
        limit: Option<(String, u64)>,
        /// Name of the page number parameter.
        page_name: String,
        /// Number of the first page.
        first: u64,
        /// The last page, if it can be known.
        last: Option<LastPagePlan>,
    },
    /// `/days/${day}`: a number that stands anywhere in the request.
    Range {
        /// Name of its placeholder.
        name: String,
        /// The first number.
        first: u64,
        /// The last one, which is included; `None`: an empty page ends the paging.
        last: Option<u64>,
        /// How far one is from the next; at least 1.
        step: u64,
    },
    /// The response holds the next URL.
    Pointer {
        /// Page size parameter and value, sent with the first request.
        limit: Option<(String, u64)>,
        /// Where the URL is.
        pointer: Selector,
    },
    /// A `Link` header holds the next URL (RFC 8288).
    LinkHeader {
        /// Page size parameter and value, sent with the first request.
        limit: Option<(String, u64)>,
        /// The relation that leads on: `next`.
        relation: String,
    },
    /// The response holds a token for the next request, or several that go together.
    ContinuationToken {
        /// Page size parameter and value, if the source takes one.
        limit: Option<(String, u64)>,
        /// The tokens, at least one. The paging ends where all are absent, null or empty.
        tokens: Vec<TokenPlan>,
    },
}

/// A token that leads to the next page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenPlan {
    /// Where the token is.
    pub selector: Selector,
    /// Where it goes.
    pub location: TokenLocation,
    /// Name of the query parameter, header or member of the body that carries it. `None`: the
    /// token is an object, and each of its members goes there under its own name.
    pub name: Option<String>,
}

/// Where a token goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenLocation {
    /// Into the query.
    Query,
    /// Into a header.
    Header,
    /// Into the JSON body of a POST, as the JSON value it is.
    Body,
}

/// How a time window is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulePlan {
    /// Query parameter with the window's start; left out where the window has none.
    pub start: Option<BoundPlan>,
    /// Query parameter with the window's end; left out where the window has none.
    pub end: Option<BoundPlan>,
    /// What `{START_TIME}`, `{END_TIME}` and `{SCHEDULE_QUERY}` stand for.
    pub texts: Schedule,
    /// Whether the source leaves out what is at the start itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub start_exclusive: bool,
}

/// A query parameter with a bound of the window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundPlan {
    /// Its name.
    pub name: String,
    /// How the bound is written.
    pub format: DateFormat,
}

/// What tells new records from old ones, and one record from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncrementalPlan {
    /// Where a record holds its cursor; its dotted path.
    pub cursor: String,
    /// What the cursor holds.
    pub cursor_type: CursorType,
    /// Where a record holds what identifies it; dotted paths.
    pub primary_keys: Vec<String>,
    /// In which order of the cursor records come.
    pub order: RecordOrder,
    /// How far before the newest cursor a run asks again.
    pub lookback: Option<Step>,
    /// Whether the newest cursor itself is asked for again.
    pub boundary: Boundary,
}

/// How many requests may be sent to a source, and which headers of its answers say how many are
/// left. A header that is not named here has one of the usual names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatePlan {
    /// Within any second.
    pub per_second: Option<u64>,
    /// Within any minute.
    pub per_minute: Option<u64>,
    /// Within a day of UTC.
    pub per_day: Option<u64>,
    /// The header with the number that is allowed in all.
    pub limit_header: Option<String>,
    /// The header with the number that is left.
    pub remaining_header: Option<String>,
    /// The header that says when there are new ones.
    pub reset_header: Option<String>,
}

impl RatePlan {
    /// The smaller limit of both for every window; what names no header leaves it to `other`.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        let least = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
        Self {
            per_second: least(self.per_second, other.per_second),
            per_minute: least(self.per_minute, other.per_minute),
            per_day: least(self.per_day, other.per_day),
            limit_header: self.limit_header.or(other.limit_header),
            remaining_header: self.remaining_header.or(other.remaining_header),
            reset_header: self.reset_header.or(other.reset_header),
        }
    }
}

/// What an answer means besides a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulePlan {
    /// Statuses it is about, as inclusive ranges; empty: all.
    pub status: Vec<(u16, u16)>,
    /// What must hold of the response besides.
    pub when: Option<Expr>,
    /// What to do.
    pub action: RuleAction,
}

/// What to do with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleAction {
    /// Ask again, after a wait, as often as the limits allow.
    Retry,
    /// The page before was the last one.
    End,
    /// The answer is an empty page.
    Ignore,
    /// The slice has no records; the others go on.
    SkipSlice,
    /// The run fails.
    Fail,
}

/// A parameter that has another value in every slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartitionPlan {
    /// Its name: `${campaignId}`.
    pub name: String,
    /// Where its values come from, one after the other.
    pub from: Vec<PartitionSource>,
}

/// Where the values of a partition come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionSource {
    /// From the spec.
    Values(Vec<String>),
    /// From the records of another stream.
    Parent {
        /// How the other stream is read.
        plan: Box<Plan>,
        /// The column of a record that holds the value; its dotted path.
        key: String,
        /// How many values go into one slice, joined by `separator`.
        batch: u64,
        /// What stands between the values of one slice.
        separator: String,
        /// Other columns of the record that the slice takes along: parameter and dotted path.
        take: Vec<(String, String)>,
    },
}

/// How the last page is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastPagePlan {
    /// Its number, inclusive.
    Fixed(u64),
    /// Where the response says its number, inclusive.
    Announced(Selector),
}

/// `endConditionName` and `endConditionValue`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndPlan {
    /// What is looked at.
    pub selector: Selector,
    /// What ends the paging.
    pub condition: Condition,
}

/// A column the spec declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnPlan {
    /// Name.
    pub name: String,
    /// Type.
    pub kind: ColumnKind,
}

/// The types a column can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// true or false.
    Boolean,
    /// A whole number of 64 bits.
    Integer,
    /// A number of 64 bits.
    Number,
    /// Text.
    String,
    /// Anything, as JSON text.
    Json,
}
