//! How much may be asked of the source.

use crate::{RateParams, RatePlan};

pub(super) fn plan(params: &RateParams) -> RatePlan {
    RatePlan {
        per_second: params.requests_per_second,
        per_minute: params.requests_per_minute,
        per_day: params.requests_per_day,
        limit_header: params.limit_header.clone(),
        remaining_header: params.remaining_header.clone(),
        reset_header: params.reset_header.clone(),
    }
}
