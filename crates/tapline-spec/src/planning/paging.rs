//! How pages follow each other, with every default filled in.

use super::Desk;
use crate::{
    EndPlan, LastPagePlan, PaginationKind, PaginationParams, PaginationPlan, ParameterType,
    TokenLocation, TokenPlan,
};

pub(super) fn plan(
    desk: &mut Desk,
    params: Option<&PaginationParams>,
) -> (Option<PaginationPlan>, Option<EndPlan>) {
    match params {
        Some(params) => (pagination(desk, params), end(desk, params)),
        None => (Some(PaginationPlan::None), None),
    }
}

fn pagination(desk: &mut Desk, params: &PaginationParams) -> Option<PaginationPlan> {
    let limit = params.limit_name.clone().zip(params.limit_value);
    Some(match params.kind {
        PaginationKind::None => PaginationPlan::None,
        PaginationKind::Offset => {
            let (limit_name, limit) = desk.need("paginationParams/limitName", limit)?;
            PaginationPlan::Offset {
                limit_name,
                limit,
                offset_name: desk
                    .need("paginationParams/offSetName", params.off_set_name.clone())?,
                first: 0,
            }
        }
        PaginationKind::Page => PaginationPlan::Page {
            limit,
            page_name: desk.need(
                "paginationParams/pageParamName",
                params.page_param_name.clone(),
            )?,
            first: params.initial_page_index.unwrap_or(0),
            last: last_page(desk, params),
        },
        PaginationKind::Pointer => {
            let path = desk.need(
                "paginationParams/pointerPath",
                params.pointer_path.as_deref(),
            )?;
            PaginationPlan::Pointer {
                limit,
                pointer: desk.parse("paginationParams/pointerPath", path)?,
            }
        }
        PaginationKind::ContinuationToken => token(desk, params, limit)?,
    })
}

fn token(
    desk: &mut Desk,
    params: &PaginationParams,
    limit: Option<(String, u64)>,
) -> Option<PaginationPlan> {
    let at = "paginationParams/continuationTokenPath";
    let path = desk.need(at, params.continuation_token_path.as_deref())?;
    let token = desk.parse(at, path)?;
    let location = desk.need("paginationParams/parameterType", params.parameter_type)?;
    let name = desk.need(
        "paginationParams/parameterName",
        params.parameter_name.clone(),
    )?;
    Some(PaginationPlan::ContinuationToken {
        limit,
        tokens: vec![TokenPlan {
            selector: token,
            location: match location {
                ParameterType::QueryParam => TokenLocation::Query,
                ParameterType::HeaderParam => TokenLocation::Header,
            },
            name: Some(name),
        }],
    })
}

fn last_page(desk: &mut Desk, params: &PaginationParams) -> Option<LastPagePlan> {
    let end = params.end_page_index.as_ref()?;
    if let Some(number) = end.as_u64() {
        return Some(LastPagePlan::Fixed(number));
    }
    let at = "paginationParams/endPageIndex";
    match end.as_str() {
        Some(text) => desk.parse(at, text).map(LastPagePlan::Announced),
        None => {
            desk.fail(
                "E-type",
                at,
                "the last page is a number from 0, or where to find it",
            );
            None
        }
    }
}

fn end(desk: &mut Desk, params: &PaginationParams) -> Option<EndPlan> {
    let name = params.end_condition_name.as_deref()?;
    let value = params.end_condition_value.as_deref();
    let value = desk.need("paginationParams/endConditionValue", value)?;
    let selector = desk.parse("paginationParams/endConditionName", name)?;
    let condition = desk.parse("paginationParams/endConditionValue", value)?;
    Some(EndPlan {
        selector,
        condition,
    })
}
