//! The source spec: what an author writes, how it is judged, and what it means.
mod plan;

pub use plan::{
    AuthPlan, BodyPlan, ColumnKind, ColumnPlan, ContentPlan, EndPlan, KeyLocation, LastPagePlan,
    PaginationPlan, Plan, RequestMethod, RequestPlan, Siblings,
};
pub use tapline_expr::{Param, Params, Secret};
