//! Whether a time window reaches the request, and can be written.

use tapline_expr::DateFormat;

use crate::check::texts::Text;
use crate::{Diagnostic, ScheduleKind, ScheduleParams};

const QUERY: &str = "{SCHEDULE_QUERY}";
const BOUNDS: [&str; 2] = ["{START_TIME}", "{END_TIME}"];

/// Checks `scheduleParams`, if there are any, against the texts of the request.
pub(super) fn check(
    params: Option<&ScheduleParams>,
    request: &[Text],
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    let Some(params) = params else {
        return placeholders_alone(request, out);
    };
    let at = format!("{at}/scheduleParams");
    let has_bound = BOUNDS.iter().any(|bound| holds(request, bound).is_some());
    match params.kind {
        Some(ScheduleKind::Advance) => advance(params, request, has_bound, &at, out),
        None => simple(params, request, has_bound, &at, out),
    }
    unused(params, &at, out);
    formats(params, &at, out);
}

fn holds<'a>(request: &'a [Text], placeholder: &str) -> Option<&'a Text> {
    request.iter().find(|text| text.text.contains(placeholder))
}

fn placeholders_alone(request: &[Text], out: &mut Vec<Diagnostic>) {
    for placeholder in BOUNDS.iter().chain(&[QUERY]) {
        if let Some(text) = holds(request, placeholder) {
            let message = format!("`{placeholder}` has no value without `scheduleParams`");
            let hint = r#"such as {"type": "ADVANCE", "paramFormat": "iso8601"}"#;
            out.push(Diagnostic::error("E-schedule", text.at.as_str(), message).with_hint(hint));
        }
    }
}

/// By two query parameters.
fn simple(
    params: &ScheduleParams,
    request: &[Text],
    has_bound: bool,
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    if let Some(text) = holds(request, QUERY) {
        let message = format!("`{QUERY}` has no value unless `scheduleParams` is of type ADVANCE");
        out.push(Diagnostic::error("E-schedule", text.at.as_str(), message));
    }
    let start = &params.schedule_start_param_name;
    let end = &params.schedule_end_param_name;
    if start.is_none() && end.is_none() && !has_bound {
        let hint = "or say `type`: `ADVANCE`, with `incremental` and `backfill`";
        out.push(crate::judge::missing(at, "scheduleStartParamName").with_hint(hint));
    }
    if start.is_some() && start == end {
        let message = "the window's start and end go into one parameter";
        let at = format!("{at}/scheduleEndParamName");
        out.push(Diagnostic::error("E-schedule", at, message));
    }
}

/// By a text.
fn advance(
    params: &ScheduleParams,
    request: &[Text],
    has_bound: bool,
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    let texts = [
        ("incremental", &params.incremental),
        ("backfill", &params.backfill),
    ];
    for (key, text) in texts {
        if text.as_ref().is_some_and(|text| text.contains(QUERY)) {
            let message = format!("`{key}` takes the place of `{QUERY}`, and cannot hold it");
            out.push(Diagnostic::error(
                "E-schedule",
                format!("{at}/{key}"),
                message,
            ));
        }
    }
    let is_asked = holds(request, QUERY).is_some();
    if params.incremental.is_none() && params.backfill.is_none() {
        if is_asked || !has_bound {
            out.push(crate::judge::missing(at, "incremental"));
        }
    } else if !is_asked {
        let message = format!("`{QUERY}` stands nowhere, so every run reads everything");
        let hint = "put it into `urlParams`, `headerParams` or `bodyParams`";
        out.push(Diagnostic::lint("L-window-unused", at, message).with_hint(hint));
    }
    let needs_start = |text: &Option<String>| text.as_ref().is_some_and(|t| t.contains(BOUNDS[0]));
    if params.backfill.is_none() && needs_start(&params.incremental) {
        let message = "a first run has no start, and there is no text for it";
        let hint = "add `backfill`, such as the same text without its lower bound";
        out.push(Diagnostic::lint("L-no-backfill", at, message).with_hint(hint));
    }
}

/// What the other kind uses.
fn unused(params: &ScheduleParams, at: &str, out: &mut Vec<Diagnostic>) {
    let is_advance = params.kind == Some(ScheduleKind::Advance);
    let simple = [
        ("scheduleStartParamName", &params.schedule_start_param_name),
        ("scheduleEndParamName", &params.schedule_end_param_name),
        (
            "scheduleStartParamFormat",
            &params.schedule_start_param_format,
        ),
        ("scheduleEndParamFormat", &params.schedule_end_param_format),
    ];
    let advance = [
        ("incremental", &params.incremental),
        ("backfill", &params.backfill),
    ];
    let (keys, why): (&[(&str, &Option<String>)], _) = if is_advance {
        (&simple, "with type ADVANCE")
    } else {
        (&advance, "without `type`: `ADVANCE`")
    };
    for (key, _) in keys.iter().filter(|(_, value)| value.is_some()) {
        let message = format!("`{key}` is not used {why}");
        out.push(Diagnostic::lint("L-unused", format!("{at}/{key}"), message));
    }
    let [start, end, start_format, end_format] = simple.map(|(_, value)| value.is_some());
    let pairs = [
        ("scheduleStartParamFormat", start_format && !start),
        ("scheduleEndParamFormat", end_format && !end),
    ];
    for (key, _) in pairs.iter().filter(|(_, alone)| *alone && !is_advance) {
        let message = format!("`{key}` is the format of a parameter that has no name");
        out.push(Diagnostic::lint("L-unused", format!("{at}/{key}"), message));
    }
}

fn formats(params: &ScheduleParams, at: &str, out: &mut Vec<Diagnostic>) {
    for (key, format) in [
        (
            "scheduleStartParamFormat",
            &params.schedule_start_param_format,
        ),
        ("scheduleEndParamFormat", &params.schedule_end_param_format),
        ("paramFormat", &params.param_format),
    ] {
        let Some(format) = format else { continue };
        let message = match format.parse::<DateFormat>() {
            Err(error) => error.to_string(),
            Ok(parsed) => match parsed.slip() {
                Some(slip) => format!("`{format}` cannot tell one time from another: {slip}"),
                None => continue,
            },
        };
        out.push(Diagnostic::error(
            "E-date-format",
            format!("{at}/{key}"),
            message,
        ));
    }
}
