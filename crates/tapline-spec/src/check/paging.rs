//! Whether `paginationParams` has what its type needs, and nothing its type ignores.

use serde_json::Value;
use tapline_expr::Condition;

use crate::check::content::check_selector;
use crate::check::headers;
use crate::check::texts::Text;
use crate::{
    ConnectorDocument, Diagnostic, PaginationKind, PaginationParams, ParameterType, RequestMethod,
    SourceSpec,
};

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
    for (key, selector) in params.reads() {
        check_selector(selector, &format!("{at}/{key}"), out);
    }
    check_last_page(params, at, out);
    check_range(params, at, out);
}

/// Numbers from the first of a range to its last.
fn check_range(params: &PaginationParams, at: &str, out: &mut Vec<Diagnostic>) {
    let first = params.range_start.unwrap_or(0);
    if let Some(last) = params.range_end.filter(|last| *last < first) {
        let message = format!("the last number, {last}, comes before the first, {first}");
        let at = format!("{at}/rangeEnd");
        out.push(Diagnostic::error("E-page-range", at, message));
    }
}

/// Where the number of a range belongs.
const PLACES: &str = "put it into the path, the query, a header or a body";

/// The number of a range has to be in the request, and nothing else may be called like it.
pub(super) fn check_range_name(
    document: &ConnectorDocument,
    source: &SourceSpec,
    texts: &[Text],
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    let params = source.attributes.pagination_params.as_ref();
    let Some(name) = params.and_then(PaginationParams::range) else {
        return;
    };
    let url = source.attributes.url_params.as_ref();
    let has_body = url.is_none_or(|url| url.method != RequestMethod::Get);
    let in_body = |text: &Text| text.at.starts_with(&format!("{at}/bodyParams"));
    let mut uses = texts
        .iter()
        .filter(|text| text.uses(name) && (has_body || !in_body(text)));
    let at = format!("{at}/paginationParams/rangeName");
    let mut fail = |message: String, hint: &str| {
        out.push(Diagnostic::error("E-range-name", at.as_str(), message).with_hint(hint));
    };
    if uses
        .clone()
        .any(|text| text.at.ends_with("/urlParams/host"))
    {
        let message = format!("`${{{name}}}` is in the host, which is the same for all pages");
        fail(message, PLACES);
    } else if uses.next().is_none() {
        let message = format!("`${{{name}}}` stands nowhere, so every page would be the same");
        fail(message, PLACES);
    }
    let signing = document.auth_specs().iter();
    let mut signing = signing.flat_map(|way| crate::document::properties(&way.spec));
    let varying = source.varying();
    if name == "host"
        || source.declares(name)
        || signing.any(|(known, _)| known == name)
        || varying.iter().filter(|known| **known == name).count() > 1
    {
        fail(
            format!("`{name}` is a parameter, too"),
            "choose another name",
        );
    }
}

/// Numbers from the first page to the last.
fn check_last_page(params: &PaginationParams, at: &str, out: &mut Vec<Diagnostic>) {
    let first = params.initial_page_index.unwrap_or(0);
    let Some(Value::Number(last)) = &params.end_page_index else {
        return;
    };
    let message = match last.as_u64() {
        Some(last) if last >= first => return,
        None if last.is_f64() => format!("the last page, {last}, is no whole number"),
        _ => format!("the last page, {last}, comes before the first, {first}"),
    };
    let at = format!("{at}/endPageIndex");
    out.push(Diagnostic::error("E-page-range", at, message));
}

/// Checks where tokens go.
pub(super) fn check_tokens(
    params: &PaginationParams,
    method: Option<RequestMethod>,
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    let mut token = |kind: ParameterType, name: Option<&String>, at: &str| match (kind, name) {
        (ParameterType::HeaderParam, Some(name)) => {
            headers::check_name(name, &format!("{at}/parameterName"), out);
        }
        (ParameterType::BodyParam, _) if method == Some(RequestMethod::Get) => {
            let message = "a GET has no body for the token to go into";
            let at = format!("{at}/parameterType");
            out.push(
                Diagnostic::error("E-get-token", at, message)
                    .with_hint("say `method`: `POST` in `urlParams`"),
            );
        }
        _ => {}
    };
    if let Some(kind) = params.parameter_type {
        token(kind, params.parameter_name.as_ref(), at);
    }
    for (index, one) in params.continuation_tokens.iter().enumerate() {
        let at = format!("{at}/continuationTokens/{index}");
        token(one.parameter_type, one.parameter_name.as_ref(), &at);
    }
    check_single(params, at, out);
}

/// Either the list, or the keys of a single token.
fn check_single(params: &PaginationParams, at: &str, out: &mut Vec<Diagnostic>) {
    if params.continuation_tokens.is_empty() {
        return;
    }
    for (key, is_given) in [
        (
            "continuationTokenPath",
            params.continuation_token_path.is_some(),
        ),
        ("parameterType", params.parameter_type.is_some()),
        ("parameterName", params.parameter_name.is_some()),
    ] {
        if is_given {
            let message = format!("`{key}` and `continuationTokens` are both given");
            let at = format!("{at}/{key}");
            out.push(
                Diagnostic::error("E-both-spellings", at, message)
                    .with_hint("put the token into the list"),
            );
        }
    }
}

/// Which key belongs to which types, and whether those need it.
fn fields(params: &PaginationParams) -> [Field; 17] {
    use PaginationKind::{ContinuationToken, LinkHeader, Offset, Page, Pointer, Range};
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
        ("rangeName", params.range_name.is_some(), &[Range], true),
        ("rangeStart", params.range_start.is_some(), &[Range], false),
        ("rangeEnd", params.range_end.is_some(), &[Range], false),
        ("rangeStep", params.range_step.is_some(), &[Range], false),
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
