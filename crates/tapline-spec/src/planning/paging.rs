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
                first: params.initial_offset.unwrap_or(0),
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
        PaginationKind::Range => PaginationPlan::Range {
            name: desk.need("paginationParams/rangeName", params.range_name.clone())?,
            first: params.range_start.unwrap_or(0),
            last: params.range_end,
            step: params.range_step.unwrap_or(1),
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
        PaginationKind::LinkHeader => PaginationPlan::LinkHeader {
            limit,
            relation: params.link_relation.as_deref().unwrap_or("next").to_owned(),
        },
        PaginationKind::ContinuationToken => PaginationPlan::ContinuationToken {
            limit,
            tokens: tokens(desk, params)?,
        },
    })
}

/// The tokens of the list, or the single one of the three published keys.
fn tokens(desk: &mut Desk, params: &PaginationParams) -> Option<Vec<TokenPlan>> {
    if params.continuation_tokens.is_empty() {
        let at = "paginationParams/continuationTokenPath";
        let path = desk.need(at, params.continuation_token_path.as_deref())?;
        let kind = desk.need("paginationParams/parameterType", params.parameter_type)?;
        return Some(vec![token(desk, at, (path, kind, &params.parameter_name))?]);
    }
    let tokens = params.continuation_tokens.iter().enumerate();
    tokens
        .map(|(index, one)| {
            let at = format!("paginationParams/continuationTokens/{index}/path");
            token(
                desk,
                &at,
                (&one.path, one.parameter_type, &one.parameter_name),
            )
        })
        .collect()
}

fn token(
    desk: &mut Desk,
    at: &str,
    (path, kind, name): (&str, ParameterType, &Option<String>),
) -> Option<TokenPlan> {
    Some(TokenPlan {
        selector: desk.parse(at, path)?,
        location: match kind {
            ParameterType::QueryParam => TokenLocation::Query,
            ParameterType::HeaderParam => TokenLocation::Header,
            ParameterType::BodyParam => TokenLocation::Body,
        },
        name: name.clone(),
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
