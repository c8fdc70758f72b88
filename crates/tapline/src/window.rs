//! The time range of a run: the one asked for by flag, or everything up to now.

use clap::Args;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tapline_core::Window;
use tapline_engine::SyncMode;
use tapline_spec::Plan;

use crate::failure::{Failure, Result};

/// The options that ask for a part of the time.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct WindowArgs {
    /// Ask only for what is new or changed from then on: 2026-01-31, 2026-01-31T09:00:00Z, or
    /// seconds since 1970
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) window_start: Option<Timestamp>,
    /// ... and before then [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) window_end: Option<Timestamp>,
}

impl WindowArgs {
    /// Whether any of them was given.
    pub(crate) fn is_given(&self) -> bool {
        self.window_start.is_some() || self.window_end.is_some()
    }

    /// What `plan`, the stream of `pipeline`, is asked for at `now`. Without the options that is
    /// everything: no start, and an end only where the stream knows windows.
    ///
    /// # Errors
    /// The window is empty, or the stream knows none.
    pub(crate) fn window(&self, pipeline: &str, plan: &Plan, now: Timestamp) -> Result<Window> {
        if plan.schedule.is_none() {
            return match self.is_given() {
                true => Err(no_schedule(pipeline, plan)),
                false => Ok(Window::ALL),
            };
        }
        let end = self.window_end.unwrap_or_else(|| whole_second(now));
        match self.window_start {
            Some(start) if start >= end => Err(empty(start, end, self.window_end.is_none())),
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
                    them, as does the sync mode `full_append`, which adds rows";
        Err(Failure::usage(message, hint))
    }
}

/// Down to a whole second: all that many formats can say. A report then says what was sent, and
/// what came in the rest of that second belongs to the next run.
fn whole_second(now: Timestamp) -> Timestamp {
    let rest = now.as_nanosecond().rem_euclid(1_000_000_000);
    let rest = SignedDuration::from_nanos(i64::try_from(rest).unwrap_or(0));
    now.checked_sub(rest).unwrap_or(now)
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

fn empty(start: Timestamp, end: Timestamp, is_now: bool) -> Failure {
    let now = if is_now { ", which is now" } else { "" };
    Failure::usage(
        format!("the window is empty: it starts at {start} and ends before {end}{now}"),
        "`--window-start` has to be earlier than `--window-end`",
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

    #[test]
    fn the_end_is_a_whole_second() {
        let cases = [
            ("2026-01-31T09:00:00.999999999Z", "2026-01-31T09:00:00Z"),
            ("2026-01-31T09:00:00Z", "2026-01-31T09:00:00Z"),
            ("1969-12-31T23:59:59.25Z", "1969-12-31T23:59:59Z"),
        ];
        for (now, expected) in cases {
            assert_eq!(
                whole_second(now.parse().unwrap()).to_string(),
                expected,
                "{now}"
            );
        }
    }
}
