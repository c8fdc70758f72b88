//! Progress of a run: one live line per pipeline on a terminal, a line now and then elsewhere.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use tapline_core::{Clock, Events, RunEvent};
use terminal_size::terminal_size_of;

use super::numbers::{bytes, count, duration, plural, rate};
use super::screen::columns;
use super::text::{cut, width};
use super::{Screen, clean};

/// Letters of the bar itself.
const BAR: u64 = 24;
/// Time between two redraws.
const TICK: Duration = Duration::from_millis(100);
/// Least time between two lines where nobody watches.
const QUIET: Duration = Duration::from_secs(5);
/// Waits shorter than this are not worth a word.
const SHORT_WAIT: Duration = Duration::from_millis(500);
/// Columns of a live line around its prefix and its text.
const AROUND: usize = 5;
/// The pause that a connector asks for between any two requests is no news either.
const PACE: &str = "pace";

/// All live lines of this process; logs are written above them.
static LINES: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Does `work`, which writes to stderr, without garbling the live lines.
pub(crate) fn above<T>(work: impl FnOnce() -> T) -> T {
    LINES.suspend(work)
}

/// The progress of one pipeline.
pub(crate) struct Progress {
    shared: Arc<Shared>,
    line: Option<ProgressBar>,
}

struct Shared {
    pipeline: String,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
    /// Whether a line is logged now and then, because there is no live one.
    logs: bool,
}

/// What the events have told so far.
#[derive(Debug, Default)]
struct Seen {
    pages: u64,
    records: u64,
    bytes: u64,
    total: Option<u64>,
    /// Number and name of the slice that is read, if the stream is divided.
    slice: Option<(u64, String)>,
    /// Records read at which time, for the rate of the last seconds.
    recent: VecDeque<(Duration, u64)>,
    waiting: Option<Waiting>,
    logged: Duration,
}

#[derive(Debug)]
struct Waiting {
    until: Duration,
    reason: String,
}

impl Progress {
    /// Shows the progress of `pipeline` on stderr.
    pub(crate) fn start(screen: Screen, pipeline: &str, clock: Arc<dyn Clock>) -> Self {
        let shared = Arc::new(Shared {
            pipeline: pipeline.to_owned(),
            seen: Mutex::new(Seen {
                logged: clock.elapsed(),
                ..Seen::default()
            }),
            clock,
            logs: !screen.is_watched(),
        });
        let line = screen.is_watched().then(|| live_line(&shared));
        Self { shared, line }
    }

    /// Where the run's events go.
    pub(crate) fn events(&self) -> Events {
        let shared = self.shared.clone();
        Events::new(move |event| shared.hear(event))
    }

    /// Takes the live line away.
    pub(crate) fn finish(self) {
        if let Some(line) = self.line {
            line.finish_and_clear();
        }
    }
}

fn live_line(shared: &Arc<Shared>) -> ProgressBar {
    let shown = shared.clone();
    let prefix = clean(&shared.pipeline).into_owned();
    let taken = width(&prefix) + AROUND;
    let now = move |_: &ProgressState, out: &mut dyn Write| {
        let text = shown.seen().describe(shown.clock.elapsed());
        let size = terminal_size_of(std::io::stderr());
        let room = columns(size).saturating_sub(taken);
        // A line that wraps could not be redrawn in place. Writing to a buffer cannot fail.
        let _ = out.write_str(&cut(&text, room));
    };
    let style = ProgressStyle::with_template("{spinner} {prefix}  {now}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .with_key("now", now);
    let line = LINES.add(ProgressBar::new_spinner());
    line.set_style(style);
    line.set_prefix(prefix);
    line.enable_steady_tick(TICK);
    line
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Counters are never left half-changed, so a panic elsewhere spoils nothing.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, event: RunEvent) {
        let now = self.clock.elapsed();
        match event {
            RunEvent::SliceBegun { number, partition } => {
                let name = clean(&partition).into_owned();
                tracing::debug!("{}: slice {number}: {name}", self.pipeline);
                self.seen().slice = Some((number, name));
            }
            RunEvent::PageRead {
                seq,
                records,
                bytes,
                total,
            } => {
                let (many, size) = (plural(records, "record"), super::numbers::bytes(bytes));
                tracing::debug!("{}: page {seq} has {many}, {size}", self.pipeline);
                self.seen().read(now, records, bytes, total);
                self.log_now_and_then(now);
            }
            RunEvent::Waiting { reason, for_ms, .. } => {
                self.wait(now, &reason, Duration::from_millis(for_ms));
            }
            RunEvent::Warning { message } => {
                tracing::warn!("{}: {}", self.pipeline, clean(&message));
            }
            RunEvent::SchemaChanged { change } if !change.added.is_empty() => {
                let added = change.added.join(", ");
                tracing::info!("{}: new columns: {}", self.pipeline, clean(&added));
            }
            RunEvent::Started { run_id, stream, .. } => {
                tracing::info!("{}: run {run_id} of {stream}", self.pipeline);
            }
            _ => {}
        }
    }

    fn wait(&self, now: Duration, reason: &str, time: Duration) {
        let shown = duration(time);
        tracing::debug!(
            "{}: {shown} until the next request: {}",
            self.pipeline,
            clean(reason)
        );
        if time < SHORT_WAIT || reason == PACE {
            return;
        }
        let reason = clean(reason).into_owned();
        if self.logs {
            tracing::info!(target: "tapline::progress", "{}: waiting {shown}: {reason}", self.pipeline);
        }
        self.seen().waiting = Some(Waiting {
            until: now + time,
            reason,
        });
    }

    fn log_now_and_then(&self, now: Duration) {
        let mut seen = self.seen();
        if self.logs && now.saturating_sub(seen.logged) >= QUIET {
            seen.logged = now;
            let text = seen.describe(now);
            tracing::info!(target: "tapline::progress", "{}: {text}", self.pipeline);
        }
    }
}

impl Seen {
    fn read(&mut self, now: Duration, records: u64, bytes: u64, total: Option<u64>) {
        self.pages += 1;
        self.records += records;
        self.bytes += bytes;
        // What a slice has in all says nothing of the others.
        self.total = total.or(self.total).filter(|_| self.slice.is_none());
        self.recent.push_back((now, self.records));
        if self.recent.len() > 20 {
            self.recent.pop_front();
        }
    }

    /// `[████░░░░] 2,300 of 4,500 records · 23 pages · 1,150/s · 1.9 MB`.
    fn describe(&self, now: Duration) -> String {
        let mut text = match self.total {
            Some(total) if total >= self.records => format!(
                "{} {} of {}",
                bar(self.records, total),
                count(self.records),
                plural(total, "record")
            ),
            _ => plural(self.records, "record"),
        };
        text += &format!(" · {}", plural(self.pages, "page"));
        if let Some((number, name)) = &self.slice {
            text += &format!(" · slice {}: {name}", count(*number));
        }
        if let Some(rate) = self.rate(now) {
            text += &format!(" · {}/s", count(rate));
        }
        text += &format!(" · {}", bytes(self.bytes));
        if let Some(waiting) = &self.waiting
            && let Some(left) = waiting.until.checked_sub(now)
        {
            text += &format!(" · waiting {}: {}", duration(left), waiting.reason);
        }
        text
    }

    /// Records per second over the last pages.
    fn rate(&self, now: Duration) -> Option<u64> {
        let (first, before) = self.recent.front()?;
        let time = now.saturating_sub(*first);
        (self.recent.len() > 1).then(|| rate(self.records - before, time))
    }
}

fn bar(done: u64, total: u64) -> String {
    let full = done.saturating_mul(BAR).checked_div(total).unwrap_or(BAR);
    let full = usize::try_from(full).unwrap_or(0);
    let rest = (BAR as usize).saturating_sub(full);
    format!("{}{}", "█".repeat(full), "░".repeat(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_line_says_how_far_how_fast_and_why_not() {
        let mut seen = Seen::default();
        assert_eq!(seen.describe(SECOND), "0 records · 0 pages · 0 B");
        seen.read(SECOND, 100, 50_000, None);
        assert_eq!(seen.describe(SECOND), "100 records · 1 page · 50.0 kB");
        seen.read(SECOND * 2, 1100, 450_000, Some(4800));
        assert_eq!(
            seen.describe(SECOND * 3),
            "██████░░░░░░░░░░░░░░░░░░ 1,200 of 4,800 records · 2 pages · 550/s · 500.0 kB"
        );
        seen.waiting = Some(Waiting {
            until: SECOND * 7,
            reason: "rate limit (429)".to_owned(),
        });
        let waiting = seen.describe(SECOND * 5);
        assert!(
            waiting.ends_with("waiting 2.0s: rate limit (429)"),
            "{waiting}"
        );
        assert!(!seen.describe(SECOND * 8).contains("waiting"));
    }

    #[test]
    fn the_line_names_the_slice() {
        let mut seen = Seen {
            slice: Some((12, "campaignId=42".to_owned())),
            ..Seen::default()
        };
        seen.read(SECOND, 10, 10, Some(500));
        assert_eq!(
            seen.describe(SECOND),
            "10 records · 1 page · slice 12: campaignId=42 · 10 B"
        );
    }

    #[test]
    fn a_total_that_is_too_small_is_not_shown() {
        let mut seen = Seen::default();
        seen.read(SECOND, 10, 10, Some(5));
        assert_eq!(seen.describe(SECOND), "10 records · 1 page · 10 B");
        assert_eq!(bar(0, 0).chars().count() as u64, BAR);
    }
}
