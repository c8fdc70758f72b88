//! The source spec: what an author writes, how it is judged, and what it means.
//!
//! [`check`] reads a connector document and says what is wrong with it; [`plan`] turns one of its
//! streams into a [`Plan`]. [`diagnose`] judges any other text against any JSON Schema in the
//! same words.

mod attributes;
mod auth;
mod check;
mod choice;
mod diagnose;
mod diagnostic;
mod diff;
mod document;
mod explain;
mod explode;
mod fix;
mod incremental;
mod json;
mod judge;
mod locate;
mod oauth;
mod pagination;
mod partition;
mod plan;
mod planning;
mod pointer;
mod rate;
mod response;
mod schedule;
mod schema;
mod source;
mod step;
mod suggest;
mod tolerant;
mod ui;
mod yaml;

pub use attributes::{Attributes, ContentPath, ExplodeEntityPath, UrlParams};
pub use auth::{ApiKeyParams, AuthKind, AuthSpec};
pub use check::{Checked, check};
pub use diagnose::{Diagnosis, diagnose, locate};
pub use diagnostic::{Diagnostic, Severity};
pub use diff::{Change, ChangeKind, diff};
pub use document::{ConnectorDocument, ConnectorKind, SourceSpec};
pub use explain::{Explanation, codes, explain};
pub use fix::fix;
pub use incremental::{Boundary, CursorType, IncrementalParams, RecordOrder};
pub use oauth::{
    ClientAuthentication, OAuthParams, RequestParameterOverride, TokenMethod, oauth_param,
};
pub use pagination::{ContinuationToken, PaginationKind, PaginationParams, ParameterType};
pub use partition::{ParentParams, PartitionParams};
pub use plan::{
    AuthPlan, BodyFormat, BodyPlan, BoundPlan, ColumnKind, ColumnPlan, ContentPlan, EndPlan,
    ExplodePlan, IncrementalPlan, KeyLocation, LastPagePlan, OAuth2Grant, OAuth2Plan,
    PaginationPlan, PartitionPlan, PartitionSource, Plan, RatePlan, RequestMethod, RequestPlan,
    RuleAction, RulePlan, SchedulePlan, Siblings, TokenLocation, TokenPlan,
};
pub use planning::{Planned, plan};
pub use rate::RateParams;
pub use response::{ResponseParams, ResponseRule};
pub use schedule::{ScheduleKind, ScheduleParams};
pub use schema::{connector_schema, plain_schema};
pub use step::Step;
pub use tapline_expr::{Bound, Param, Params, Secret};
pub use ui::{UiAttributes, UiCategory, UiText};
