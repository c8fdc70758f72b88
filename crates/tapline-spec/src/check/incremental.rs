//! Whether a stream's cursor can tell new records from old ones.

use crate::{CursorType, Diagnostic, IncrementalParams, RecordOrder, SourceSpec, suggest};

/// Checks `incrementalParams`, if there are any, in the attributes at `at`.
pub(super) fn check(source: &SourceSpec, at: &str, out: &mut Vec<Diagnostic>) {
    let has_window =
        source.attributes.schedule_params.is_some() || source.declares("scheduleParams");
    parts(source, has_window, at, out);
    let Some(params) = &source.attributes.incremental_params else {
        return;
    };
    formats(source, params, at, out);
    let at = format!("{at}/incrementalParams");
    if !has_window {
        let message = "without `scheduleParams`, every run reads everything again";
        let hint = "say there how what is new is asked for, such as \
                    `\"scheduleStartParamName\": \"since\"`";
        out.push(Diagnostic::lint("L-no-window", at.as_str(), message).with_hint(hint));
    }
    if params.cursor_type == CursorType::String && params.order == RecordOrder::Unordered {
        let message = "which text is newest, only the order of the records can tell";
        let hint = "say `order`: `ascending` or `descending`";
        let at = format!("{at}/cursorType");
        out.push(Diagnostic::error("E-incremental", at, message).with_hint(hint));
    }
    if let Some(message) = params
        .lookback
        .and_then(|step| step.misfit(params.cursor_type))
    {
        let at = format!("{at}/lookback");
        out.push(Diagnostic::error("E-incremental", at, message));
    }
    columns(source, params, &at, out);
}

/// Whether a window that holds more than the source gives can be read in parts.
fn parts(source: &SourceSpec, has_window: bool, at: &str, out: &mut Vec<Diagnostic>) {
    let paging = source.attributes.pagination_params.as_ref();
    let has_most = paging.is_some_and(|paging| paging.maximum_records.is_some());
    let has_cursor = source.attributes.incremental_params.is_some();
    let lacks = match (has_cursor, has_window) {
        _ if !has_most => return,
        (true, true) => return,
        (false, _) => "incrementalParams",
        (true, false) => "scheduleParams",
    };
    let message = format!("without `{lacks}`, a window with more records cannot be read in parts");
    let at = format!("{at}/paginationParams/maximumRecords");
    let hint = "`incrementalParams` names the cursor, `scheduleParams` says how a window of it is \
                asked for";
    out.push(Diagnostic::lint("L-no-parts", at, message).with_hint(hint));
}

/// Only times have formats.
fn formats(source: &SourceSpec, params: &IncrementalParams, at: &str, out: &mut Vec<Diagnostic>) {
    let schedule = source.attributes.schedule_params.as_ref();
    let Some(schedule) = schedule.filter(|_| params.cursor_type != CursorType::Timestamp) else {
        return;
    };
    for (key, format) in [
        (
            "scheduleStartParamFormat",
            &schedule.schedule_start_param_format,
        ),
        (
            "scheduleEndParamFormat",
            &schedule.schedule_end_param_format,
        ),
        ("paramFormat", &schedule.param_format),
    ] {
        if format.is_some() {
            let kind = params.cursor_type.name();
            let message =
                format!("`{key}` is how a time is written, and the cursor is of the type {kind}");
            let at = format!("{at}/scheduleParams/{key}");
            out.push(Diagnostic::lint("L-unused", at, message));
        }
    }
}

/// Whether the stream's schema knows the fields.
fn columns(source: &SourceSpec, params: &IncrementalParams, at: &str, out: &mut Vec<Diagnostic>) {
    let Some(known) = source.columns() else {
        return;
    };
    let keys = params.primary_keys.iter().enumerate();
    let keys = keys.map(|(index, path)| (format!("primaryKeys/{index}"), path));
    for (below, path) in std::iter::once(("cursor".to_owned(), &params.cursor)).chain(keys) {
        let column = path.split('.').next().unwrap_or_default();
        if known.iter().any(|known| known == column || known == path) {
            continue;
        }
        let message = format!("the stream's schema declares no column `{column}`");
        let hint = suggest::hint(column, known.iter().map(String::as_str));
        let at = format!("{at}/{below}");
        out.push(Diagnostic::lint("L-undeclared-cursor", at, message).with_hint(hint));
    }
}
