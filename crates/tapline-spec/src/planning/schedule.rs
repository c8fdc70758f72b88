//! How a time window is asked for, with every default filled in.

use tapline_expr::{DateFormat, Schedule, Template};

use super::Desk;
use crate::{BoundPlan, ScheduleKind, ScheduleParams, SchedulePlan};

/// How times are written unless the spec says otherwise.
const FORMAT: &str = "iso8601";

pub(super) fn plan(desk: &mut Desk, params: &ScheduleParams) -> Option<SchedulePlan> {
    match params.kind {
        Some(ScheduleKind::Advance) => advance(desk, params),
        None => simple(desk, params),
    }
}

/// By two query parameters.
fn simple(desk: &mut Desk, params: &ScheduleParams) -> Option<SchedulePlan> {
    let start = bound(
        desk,
        params.schedule_start_param_name.as_deref(),
        (
            "scheduleStartParamFormat",
            &params.schedule_start_param_format,
        ),
    );
    let end = bound(
        desk,
        params.schedule_end_param_name.as_deref(),
        ("scheduleEndParamFormat", &params.schedule_end_param_format),
    );
    let format = format(desk, "paramFormat", params.param_format.as_deref());
    Some(SchedulePlan {
        start: start?,
        end: end?,
        texts: Schedule {
            format: format?,
            incremental: Template::default(),
            backfill: Template::default(),
        },
        start_exclusive: excludes(params),
    })
}

/// By a text. One of the two serves both kinds of window if the other is left out: a bound that it
/// needs and lacks is then said to be missing.
fn advance(desk: &mut Desk, params: &ScheduleParams) -> Option<SchedulePlan> {
    let format = format(desk, "paramFormat", params.param_format.as_deref());
    let incremental = params.incremental.as_ref().or(params.backfill.as_ref());
    let backfill = params.backfill.as_ref().or(params.incremental.as_ref());
    let mut text = |key: &str, text: Option<&String>| {
        let text = text.map_or("", String::as_str);
        desk.template(&format!("scheduleParams/{key}"), text)
    };
    let (incremental, backfill) = (text("incremental", incremental), text("backfill", backfill));
    Some(SchedulePlan {
        start: None,
        end: None,
        texts: Schedule {
            format: format?,
            incremental: incremental?,
            backfill: backfill?,
        },
        start_exclusive: excludes(params),
    })
}

fn excludes(params: &ScheduleParams) -> bool {
    params.schedule_start_exclusive == Some(true)
}

/// `Some(None)`: there is no such parameter.
#[expect(
    clippy::option_option,
    reason = "a bound that is not wanted is no mistake"
)]
fn bound(
    desk: &mut Desk,
    name: Option<&str>,
    (key, written): (&str, &Option<String>),
) -> Option<Option<BoundPlan>> {
    let format = format(desk, key, written.as_deref())?;
    Some(name.map(|name| BoundPlan {
        name: name.to_owned(),
        format,
    }))
}

fn format(desk: &mut Desk, key: &str, written: Option<&str>) -> Option<DateFormat> {
    desk.parse(&format!("scheduleParams/{key}"), written.unwrap_or(FORMAT))
}
