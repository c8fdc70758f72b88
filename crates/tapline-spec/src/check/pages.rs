//! What a stream's own schema says about how its pages follow each other.

use serde_json::{Map, Value};
use tapline_expr::{Condition, Path, Selector, Step};

use crate::document::properties;
use crate::{Diagnostic, PaginationKind, PaginationParams, SourceSpec};

/// Checks the paging of `source` against its `schema`, if that describes a whole response.
pub(super) fn check(source: &SourceSpec, at: &str, out: &mut Vec<Diagnostic>) {
    if let Some(params) = &source.attributes.pagination_params {
        stops(source, params, at, out);
        shadowed(source, params, at, out);
    }
    let Some(page) = page_schema(source) else {
        return;
    };
    let params = source.attributes.pagination_params.as_ref();
    let response = source.attributes.response_params.as_ref();
    let place = |key, selector: Option<&String>| Some((key, selector?.clone()));
    let places = [
        params.and_then(|p| place("paginationParams/pointerPath", p.pointer_path.as_ref())),
        params.and_then(|p| {
            let path = p.continuation_token_path.as_ref();
            place("paginationParams/continuationTokenPath", path)
        }),
        response.and_then(|r| place("responseParams/total", r.total.as_ref())),
    ];
    for (key, selector) in places.into_iter().flatten() {
        if is_absent(page, &selector) {
            let message = format!("the schema declares nothing at `{selector}`");
            out.push(Diagnostic::lint(
                "L-undeclared-path",
                format!("{at}/{key}"),
                message,
            ));
        }
    }
    if let Some(params) = params {
        never(page, params, at, out);
    }
}

/// An end condition that needs a value which is never there.
fn never(
    page: &Map<String, Value>,
    params: &PaginationParams,
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    let (Some(name), Some(value)) = (&params.end_condition_name, &params.end_condition_value)
    else {
        return;
    };
    let needs_value = matches!(value.parse(), Ok(Condition::Const(_) | Condition::Exist));
    if needs_value && is_absent(page, name) {
        let message =
            format!("the schema declares nothing at `{name}`, so `{value}` never ends the paging");
        let at = format!("{at}/paginationParams/endConditionName");
        out.push(Diagnostic::lint("L-never-ends", at, message));
    }
}

/// The schema, if it has the array of records in it.
fn page_schema(source: &SourceSpec) -> Option<&Map<String, Value>> {
    let schema = source.schema.as_ref()?;
    let path: Path = source.attributes.content_path.as_ref()?.path.parse().ok()?;
    let Some(Step::Key(first)) = path.steps().first() else {
        return None;
    };
    properties(schema)
        .any(|(name, _)| name == first)
        .then_some(schema)
}

/// Whether the schema has properties where `selector` leads, but not the one it leads to.
fn is_absent(page: &Map<String, Value>, selector: &str) -> bool {
    let Ok(Selector::Body(path)) = selector.parse() else {
        return false;
    };
    let mut schema = page;
    for step in path.steps() {
        let Step::Key(key) = step else { return false };
        if properties(schema).next().is_none() {
            return false;
        }
        match properties(schema).find(|(name, _)| name == key) {
            None => return true,
            Some((_, Value::Object(inner))) => schema = inner,
            Some(_) => return false,
        }
    }
    false
}

/// Numbers and offsets go on for ever; something must say where they end.
fn stops(source: &SourceSpec, params: &PaginationParams, at: &str, out: &mut Vec<Diagnostic>) {
    let counts = matches!(
        params.kind,
        PaginationKind::Offset | PaginationKind::Page | PaginationKind::Range
    );
    let response = source.attributes.response_params.as_ref();
    let is_told = params.end_condition_name.is_some()
        || params.end_page_index.is_some()
        || params.range_end.is_some()
        || response.is_some_and(|r| r.total.is_some() || !r.on.is_empty());
    if counts && !is_told {
        let message = "nothing but an empty page ends the paging";
        let hint = "if the API says more, tell where: `endConditionName` and `endConditionValue`, \
                    `endPageIndex`, `rangeEnd`, or `responseParams.total`";
        let at = format!("{at}/paginationParams");
        out.push(Diagnostic::lint("L-no-stop", at, message).with_hint(hint));
    }
}

/// Two things that go into one query parameter.
fn shadowed(source: &SourceSpec, params: &PaginationParams, at: &str, out: &mut Vec<Diagnostic>) {
    let moving = match params.kind {
        PaginationKind::Offset => ("offSetName", params.off_set_name.as_ref()),
        PaginationKind::Page => ("pageParamName", params.page_param_name.as_ref()),
        _ => return,
    };
    let (key, Some(moving)) = moving else { return };
    let at = format!("{at}/paginationParams/{key}");
    if params.limit_name.as_ref() == Some(moving) {
        let message = format!("`{moving}` is the name of the page size, too");
        out.push(Diagnostic::error("E-same-parameter", at.as_str(), message));
    }
    let url = source.attributes.url_params.as_ref();
    if url.is_some_and(|url| url.query_params.contains_key(moving)) {
        let message = format!("`{moving}` is in `queryParams`, too; the paging's value wins");
        out.push(Diagnostic::lint("L-shadowed", at, message));
    }
}
