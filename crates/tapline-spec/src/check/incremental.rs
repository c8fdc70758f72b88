//! Whether a stream's cursor can tell new records from old ones.

use crate::{CursorType, Diagnostic, IncrementalParams, RecordOrder, SourceSpec, suggest};

/// Checks `incrementalParams`, if there are any, in the attributes at `at`.
pub(super) fn check(source: &SourceSpec, at: &str, out: &mut Vec<Diagnostic>) {
    let Some(params) = &source.attributes.incremental_params else {
        return;
    };
    let has_window =
        source.attributes.schedule_params.is_some() || source.declares("scheduleParams");
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
