//! Whether `paginationParams` has what its type needs, and nothing its type ignores.

use tapline_expr::Condition;

use crate::check::content::check_selector;
use crate::check::headers;
use crate::{Diagnostic, PaginationKind, PaginationParams, ParameterType};

/// A key of `paginationParams`: its name, whether it is there, and the types it belongs to.
type Field = (&'static str, bool, &'static [PaginationKind], bool);

pub(super) fn check(params: &PaginationParams, at: &str, out: &mut Vec<Diagnostic>) {
    for (key, is_given, kinds, is_needed) in fields(params) {
        let belongs = kinds.contains(&params.kind);
        if belongs && is_needed && !is_given {
            let message = format!("type {} lacks the key `{key}`", params.kind.as_str());
            out.push(Diagnostic::error("E-missing-key", at, message));
        } else if is_given && !belongs {
            let message = format!("`{key}` is not used by type {}", params.kind.as_str());
            out.push(Diagnostic::lint("L-unused", format!("{at}/{key}"), message));
        }
    }
    check_limit(params, at, out);
    check_end(params, at, out);
    let end_page = params.end_page_index.as_ref().and_then(|end| end.as_str());
    for (key, selector) in [
        ("pointerPath", params.pointer_path.as_deref()),
        (
            "continuationTokenPath",
            params.continuation_token_path.as_deref(),
        ),
        ("endConditionName", params.end_condition_name.as_deref()),
        ("endPageIndex", end_page),
    ] {
        if let Some(selector) = selector {
            check_selector(selector, &format!("{at}/{key}"), out);
        }
    }
    if let (Some(ParameterType::HeaderParam), Some(name)) =
        (params.parameter_type, &params.parameter_name)
    {
        headers::check_name(name, &format!("{at}/parameterName"), out);
    }
}

/// Which key belongs to which types, and whether those need it.
fn fields(params: &PaginationParams) -> [Field; 13] {
    use PaginationKind::{ContinuationToken, LinkHeader, Offset, Page, Pointer};
    const LIMITED: &[PaginationKind] = &[Offset, Page, Pointer, LinkHeader, ContinuationToken];
    let is_single = params.continuation_tokens.is_empty();
    [
        (
            "limitName",
            params.limit_name.is_some(),
            LIMITED,
            params.kind == Offset,
        ),
        (
            "limitValue",
            params.limit_value.is_some(),
            LIMITED,
            params.kind == Offset,
        ),
        ("offSetName", params.off_set_name.is_some(), &[Offset], true),
        (
            "initialOffset",
            params.initial_offset.is_some(),
            &[Offset],
            false,
        ),
        (
            "pageParamName",
            params.page_param_name.is_some(),
            &[Page],
            true,
        ),
        (
            "initialPageIndex",
            params.initial_page_index.is_some(),
            &[Page],
            false,
        ),
        (
            "endPageIndex",
            params.end_page_index.is_some(),
            &[Page],
            false,
        ),
        (
            "pointerPath",
            params.pointer_path.is_some(),
            &[Pointer],
            true,
        ),
        (
            "continuationTokenPath",
            params.continuation_token_path.is_some(),
            &[ContinuationToken],
            is_single,
        ),
        (
            "parameterType",
            params.parameter_type.is_some(),
            &[ContinuationToken],
            is_single,
        ),
        (
            "parameterName",
            params.parameter_name.is_some(),
            &[ContinuationToken],
            false,
        ),
        (
            "continuationTokens",
            !is_single,
            &[ContinuationToken],
            false,
        ),
        (
            "linkRelation",
            params.link_relation.is_some(),
            &[LinkHeader],
            false,
        ),
    ]
}

/// A page size needs both its name and its value.
fn check_limit(params: &PaginationParams, at: &str, out: &mut Vec<Diagnostic>) {
    if params.kind == PaginationKind::Offset {
        return;
    }
    let (given, lacking) = match (&params.limit_name, params.limit_value) {
        (Some(_), None) => ("limitName", "limitValue"),
        (None, Some(_)) => ("limitValue", "limitName"),
        _ => return,
    };
    let message = format!("`{given}` is given without `{lacking}`");
    out.push(Diagnostic::error(
        "E-missing-key",
        format!("{at}/{given}"),
        message,
    ));
}

/// An end condition needs both its place and its value.
fn check_end(params: &PaginationParams, at: &str, out: &mut Vec<Diagnostic>) {
    let (given, lacking) = match (&params.end_condition_name, &params.end_condition_value) {
        (Some(_), None) => ("endConditionName", "endConditionValue"),
        (None, Some(_)) => ("endConditionValue", "endConditionName"),
        (Some(_), Some(value)) => {
            if let Err(error) = value.parse::<Condition>() {
                let at = format!("{at}/endConditionValue");
                out.push(Diagnostic::error("E-condition", at, error.to_string()));
            }
            return;
        }
        (None, None) => return,
    };
    let message = format!("`{given}` is given without `{lacking}`");
    out.push(Diagnostic::error(
        "E-missing-key",
        format!("{at}/{given}"),
        message,
    ));
}
