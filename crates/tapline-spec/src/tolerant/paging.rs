//! `paginationParams` as written over the years.

use serde_json::{Map, Value};

use super::rewrite::Rewrite;

pub(super) fn forms(paging: &mut Map<String, Value>, at: &str, rewrite: &mut Rewrite) {
    for (names, code) in [
        (("paginationType", "type"), "L-pagination-type"),
        (("offsetName", "offSetName"), "L-offset-name"),
        (("pointerName", "pointerPath"), "L-pointer-name"),
    ] {
        rewrite.rename(paging, at, names, code);
    }
    for key in ["type", "parameterType"] {
        rewrite.upper_case(paging, key, at);
    }
    for key in [
        "limitValue",
        "delayRequestMillis",
        "maximumRequest",
        "maximumRecords",
        "initialPageIndex",
        "endPageIndex",
        "rangeStart",
        "rangeEnd",
        "rangeStep",
    ] {
        rewrite.number(paging, key, at);
    }
    for key in [
        "pointerPath",
        "continuationTokenPath",
        "endConditionName",
        "endPageIndex",
    ] {
        rewrite.rooted(paging, key, at);
    }
}
