//! What tells new records from old ones, with every default filled in.

use crate::{IncrementalParams, IncrementalPlan};

pub(super) fn plan(params: &IncrementalParams) -> IncrementalPlan {
    IncrementalPlan {
        cursor: params.cursor.clone(),
        cursor_type: params.cursor_type,
        primary_keys: params.primary_keys.clone(),
        order: params.order,
        lookback: params.lookback,
        boundary: params.boundary,
    }
}
