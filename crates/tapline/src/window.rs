//! The window of a run: the one asked for by flag, or everything up to now.

use clap::Args;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use tapline_core::{Cursor, Window, whole_second};
use tapline_engine::SyncMode;
use tapline_spec::{CursorType, Plan};

use crate::failure::{Failure, Result};

const OPTIONS: (&str, &str) = ("--window-start", "--window-end");

/// The options that ask for a part of what a source has.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct WindowArgs {
    /// Ask only for what is new or changed from then on: 2026-01-31, 2026-01-31T09:00:00Z, seconds
    /// since 1970; a number if the cursor of the stream is one
    #[arg(long, value_name = "TIME")]
    pub(crate) window_start: Option<String>,
    /// ... and before then [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) window_end: Option<String>,
}

impl WindowArgs {
    /// Whether any of them was given.
    pub(crate) fn is_given(&self) -> bool {
        self.window_start.is_some() || self.window_end.is_some()
    }

    /// What was asked for, where cursors are of that type.
    ///
    /// # Errors
    /// A bound is no cursor, or the window is empty.
    pub(crate) fn asked(&self, cursor_type: CursorType) -> Result<Window> {
        let start = bound("--window-start", self.window_start.as_deref(), cursor_type)?;
        let end = bound("--window-end", self.window_end.as_deref(), cursor_type)?;
        match (&start, &end) {
            (Some(start), Some(end)) if start >= end => Err(empty((start, end), OPTIONS, false)),
            _ => Ok(Window { start, end }),
        }
    }

    /// What `plan`, the stream of `pipeline`, is asked for at `now`, where its cursors are of that
    /// type. Without the options that is everything: no start, and an end only where the stream
    /// knows windows of time.
    ///
    /// # Errors
    /// The window is empty, or the stream knows none.
    pub(crate) fn window(
        &self,
        pipeline: &str,
        (plan, cursor_type): (&Plan, CursorType),
        now: Timestamp,
    ) -> Result<Window> {
        if plan.schedule.is_none() {
            return match self.is_given() {
                true => Err(no_schedule(pipeline, plan)),
                false => Ok(Window::ALL),
            };
        }
        let asked = self.asked(cursor_type)?;
        if cursor_type != CursorType::Timestamp {
            return Ok(asked);
        }
        let is_now = asked.end.is_none();
        let now = || Cursor::Timestamp(whole_second(now));
        let end = asked.end.unwrap_or_else(now);
        match asked.start {
            Some(start) if start >= end => Err(empty((&start, &end), OPTIONS, is_now)),
            start => Ok(Window {
                start,
                end: Some(end),
            }),
        }
    }

    /// Whether `pipeline`, in this mode, may be run with these options.
    ///
    /// # Errors
    /// The mode would leave its table with a part of the records.
    pub(crate) fn allow(&self, pipeline: &str, mode: SyncMode) -> Result<()> {
        if !self.is_given() || mode.takes_window() {
            return Ok(());
        }
        let message = format!(
            "`{pipeline}` cannot be run for a part of the time: `{mode}` replaces its table, which \
             would be left with the records of the window only"
        );
        let hint = "run it without `--window-start` and `--window-end`; `plan` and `preview` take \
                    them, as do the sync modes that add rows, `full_append` and `incremental`";
        Err(Failure::usage(message, hint))
    }
}

/// Reads what `option` says, if it was given.
///
/// # Errors
/// It is no cursor of that type.
pub(crate) fn bound(
    option: &str,
    text: Option<&str>,
    cursor_type: CursorType,
) -> Result<Option<Cursor>> {
    let Some(text) = text else { return Ok(None) };
    let read = match cursor_type {
        CursorType::Timestamp => parse_time(text).map(Cursor::Timestamp),
        other => Cursor::read(other, text)
            .ok_or_else(|| format!("the cursor of this stream is of the type {}", other.name())),
    };
    read.map(Some)
        .map_err(|hint| Failure::usage(format!("`{option} {text}` is not understood"), hint))
}

fn no_schedule(pipeline: &str, plan: &Plan) -> Failure {
    let (connector, stream) = (&plan.connector, &plan.stream);
    Failure::usage(
        format!(
            "`{pipeline}` cannot be asked for a part of the time: the spec of {connector}.{stream} \
             has no `scheduleParams`"
        ),
        "say there how a window is asked for, such as `\"scheduleStartParamName\": \"since\"`",
    )
}

/// That there is nothing between two bounds, which were given by these options.
pub(crate) fn empty(
    (start, end): (&Cursor, &Cursor),
    (first, second): (&str, &str),
    is_now: bool,
) -> Failure {
    let now = if is_now { ", which is now" } else { "" };
    Failure::usage(
        format!("the window is empty: it starts at {start} and ends before {end}{now}"),
        format!("`{first}` has to be earlier than `{second}`"),
    )
}

/// Reads a time with its zone, a day (in UTC), or seconds since 1970.
fn parse_time(text: &str) -> Result<Timestamp, String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        return seconds(text);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let is_day = text.len() == "2026-01-31".len();
    match (text.parse::<Date>(), text.parse::<DateTime>()) {
        (Ok(day), _) if is_day => midnight(day),
        (_, Ok(_)) => Err(format!("which time zone? write `{text}Z` for UTC")),
        _ => Err("write 2026-01-31, 2026-01-31T09:00:00Z, or seconds since 1970".to_owned()),
    }
}

fn midnight(day: Date) -> Result<Timestamp, String> {
    let zoned = day.to_zoned(TimeZone::UTC);
    zoned
        .map(|zoned| zoned.timestamp())
        .map_err(|error| error.to_string())
}

fn seconds(text: &str) -> Result<Timestamp, String> {
    // 20260131 is meant as a day. As seconds it would be one of 1970, which no API was asked for.
    if text.len() == 8 {
        let (year, month, day) = (&text[..4], &text[4..6], &text[6..]);
        return Err(format!("write a day as {year}-{month}-{day}"));
    }
    let time = text.parse().ok().map(Timestamp::from_second);
    match time {
        Some(Ok(time)) => Ok(time),
        _ => Err("so many seconds lead beyond the year 9999; are they milliseconds?".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_three_ways() {
        let cases = [
            ("2026-01-31", Ok("2026-01-31T00:00:00Z")),
            ("2026-01-31T09:30:00Z", Ok("2026-01-31T09:30:00Z")),
            ("2026-01-31T09:30:00.5+02:00", Ok("2026-01-31T07:30:00.5Z")),
            ("1769850000", Ok("2026-01-31T09:00:00Z")),
            ("0", Ok("1970-01-01T00:00:00Z")),
            ("2026-01-31T09:30:00", Err("2026-01-31T09:30:00Z")),
            ("20260131", Err("2026-01-31")),
            ("1769850000000", Err("milliseconds")),
            ("99999999999999999999999", Err("milliseconds")),
            ("2026-02-30", Err("seconds since 1970")),
            ("-1", Err("seconds since 1970")),
            ("yesterday", Err("seconds since 1970")),
            ("", Err("seconds since 1970")),
        ];
        for (text, expected) in cases {
            match (parse_time(text), expected) {
                (Ok(time), Ok(expected)) => assert_eq!(time.to_string(), expected, "{text}"),
                (Err(said), Err(part)) => assert!(said.contains(part), "{text}: {said}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }
}
