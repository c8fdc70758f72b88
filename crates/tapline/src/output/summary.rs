//! What a run comes to: a table of numbers, and the answer to "did I get everything?".

use std::time::Duration;

use owo_colors::OwoColorize;
use tapline_core::{Error, RunReport, ShortReason, UnknownReason, Verdict};
use tapline_engine::SyncMode;

use super::numbers::{bytes, count, duration, plural};
use super::table::Cell;
use super::{Table, clean};
use crate::exit_code::Exit;
use crate::failure::advice;

/// One run that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its report.
    pub(crate) report: RunReport,
    /// The error that ended it.
    pub(crate) error: Option<Error>,
    /// The table, as people call it.
    pub(crate) table: String,
    /// The file, the folder or the database; an address is shown without its password.
    pub(crate) database: String,
    /// Where records are that became no row.
    pub(crate) rejects: &'static str,
}

impl Ended {
    /// How the process would end after this run alone.
    pub(crate) fn exit(&self) -> Exit {
        match &self.error {
            Some(error) => Exit::from(error.kind()),
            None => Exit::from(&self.report.verdict),
        }
    }

    /// The verdict in one word; an error is called one.
    fn word(&self) -> &'static str {
        match (&self.error, &self.report.verdict) {
            (_, Verdict::Unknown(UnknownReason::Paused { .. })) => "paused",
            (Some(_), _) | (_, Verdict::Short(ShortReason::Failed { .. })) => "failed",
            (None, Verdict::Unknown(UnknownReason::Stopped)) => "stopped",
            (None, verdict) => verdict.name(),
        }
    }

    /// The verdict in words: what arrived, what is visible now, what to do.
    pub(crate) fn words(&self) -> String {
        let word = self.word();
        let word = match word {
            "complete" => word.green().bold().to_string(),
            "failed" => word.red().bold().to_string(),
            _ => word.yellow().bold().to_string(),
        };
        let mut lines = vec![format!(
            "{}: {word}. {}",
            clean(&self.report.pipeline),
            self.what()
        )];
        lines.extend(self.resumed());
        lines.extend(self.tries());
        lines.push(self.table_now());
        lines.extend(self.left_out());
        lines.extend(self.known());
        lines.extend(self.skipped());
        lines.extend(self.rejects());
        lines.extend(self.advice().map(|advice| format!("To do: {advice}.")));
        lines.extend(self.goes_on().map(str::to_owned));
        lines.join("\n  ")
    }

    fn what(&self) -> String {
        let report = &self.report;
        let records = plural(report.records.read, "record");
        let reached = format!("{records} on {}", plural(report.pages, "page"));
        match &report.verdict {
            Verdict::Complete(signal) => format!("Everything arrived: {records}; {signal}."),
            Verdict::Short(ShortReason::Failed { error }) if report.pages == 0 => {
                format!(
                    "Before the first page was stored: {}.",
                    clean(error.trim_end_matches('.'))
                )
            }
            Verdict::Short(ShortReason::Failed { error }) => {
                format!("After {reached}: {}.", clean(error.trim_end_matches('.')))
            }
            Verdict::Short(reason) => {
                format!(
                    "Records are missing after {reached}: {}.",
                    clean(&reason.to_string())
                )
            }
            Verdict::Unknown(UnknownReason::Stopped) => format!("Stopped after {reached}."),
            Verdict::Unknown(UnknownReason::Paused { reason }) => {
                format!(
                    "Paused after {reached}: {}.",
                    clean(reason.trim_end_matches('.'))
                )
            }
            Verdict::Unknown(reason) => {
                let reason = reason.to_string();
                format!(
                    "Nothing proves that {reached} were all: {}.",
                    clean(&reason)
                )
            }
        }
    }

    /// What an earlier process had kept already.
    fn resumed(&self) -> Option<String> {
        let from = self.report.resumed_from?;
        let pages = match from.pages {
            1 => "page 1".to_owned(),
            pages if self.is_divided() => plural(pages, "page"),
            pages => format!("page {}", count(pages)),
        };
        let records = plural(from.records, "record");
        let run = from.run_id;
        Some(format!(
            "It was resumed after {pages} of run {run}, which had kept {records}."
        ))
    }

    /// Whether the stream has more than one slice.
    fn is_divided(&self) -> bool {
        self.report.slices.read + self.report.slices.skipped > 1
    }

    /// What was spent on the request that failed, if it was not given up at once.
    fn tries(&self) -> Option<String> {
        let request = self.report.failed_request.as_ref()?;
        let waited = duration(Duration::from_millis(request.waited_ms));
        (request.attempts > 1).then(|| {
            let attempts = request.attempts;
            format!("The last request was tried {attempts} times, with {waited} of waiting.")
        })
    }

    /// Whether rows are added to the table, whatever the verdict.
    fn adds(&self) -> bool {
        let mode = SyncMode::named(&self.report.sync_mode);
        mode.is_some_and(SyncMode::adds)
    }

    fn table_now(&self) -> String {
        let (table, database) = (clean(&self.table), clean(&self.database));
        let (written, read) = (self.report.records.written, self.report.records.read);
        let now = match written {
            0 if !self.report.verdict.is_complete() => {
                "was not touched: what was there still is".to_owned()
            }
            _ if self.adds() => format!("has {} more", plural(written, "row")),
            _ if !self.report.verdict.is_complete() => {
                "was not touched: what was there still is".to_owned()
            }
            _ if self.report.resumed_from.is_some() => "now has what both have brought".to_owned(),
            0 => "is empty now".to_owned(),
            written if written > read => {
                format!("now has the {} they became", plural(written, "row"))
            }
            1 => "now has this 1 row".to_owned(),
            written => format!("now has these {}", plural(written, "row")),
        };
        format!("The table {table} in {database} {now}.")
    }

    /// What came though it was not asked for.
    fn left_out(&self) -> Option<String> {
        let skipped = self.report.records.skipped;
        (skipped > 0).then(|| {
            let records = plural(skipped, "record");
            let (were, they) = if skipped == 1 {
                ("was", "it was")
            } else {
                ("were", "they were")
            };
            format!("{records} {were} left out: {they} there already, or beyond the window.")
        })
    }

    /// How far the stream is known.
    fn known(&self) -> Option<String> {
        let marks = &self.report.watermarks;
        let newest = clean(marks.newest.as_deref()?);
        Some(match &marks.oldest {
            Some(oldest) => format!("Known from {} up to {newest}.", clean(oldest)),
            None => format!("Known up to {newest}."),
        })
    }

    fn skipped(&self) -> Option<String> {
        let skipped = self.report.slices.skipped;
        (skipped > 0).then(|| {
            let all = plural(self.report.slices.read + skipped, "slice");
            format!("Of {all}, {} had nothing at the source.", count(skipped))
        })
    }

    fn rejects(&self) -> Option<String> {
        let rejected = self.report.records.rejected;
        (rejected > 0).then(|| {
            let records = plural(rejected, "record");
            format!(
                "{records} did not fit; they are kept in {}, with the reason.",
                self.rejects
            )
        })
    }

    /// That nothing is lost.
    fn goes_on(&self) -> Option<&'static str> {
        let is_kept = self.report.next_position.is_some();
        is_kept.then_some("What arrived is kept: running it again goes on from there.")
    }

    /// What to do if this is not what was hoped for.
    fn advice(&self) -> Option<&'static str> {
        if let Some(error) = &self.error {
            return advice(error.kind());
        }
        match &self.report.verdict {
            Verdict::Complete(_) => None,
            Verdict::Short(reason) => Some(if_short(reason)),
            Verdict::Unknown(reason) => Some(if_unknown(reason)),
        }
    }
}

fn if_short(reason: &ShortReason) -> &'static str {
    match reason {
        ShortReason::TotalMismatch { .. } => {
            "run it again, records may have changed meanwhile; if the numbers stay apart, look at \
             paginationParams of the spec"
        }
        ShortReason::CursorBackwards { .. } => {
            "correct the `order` of the cursor, in the spec or in the project: the source keeps \
             another one"
        }
        ShortReason::Capped { .. } => {
            "name the cursor (`sync.cursor`, or `incrementalParams` of the spec), and let requests say \
             the start and the end of a window (`scheduleParams`): it is read in parts then; if it \
             is, records with one and the same cursor are more than the source gives"
        }
        ShortReason::Expectation { .. } => {
            "look at the source; if it is as it should be, change `expect` of the pipeline"
        }
        ShortReason::RepeatedPosition | ShortReason::RepeatedPage => {
            "look at paginationParams of the spec: the source goes in circles"
        }
        ShortReason::NextRefused { .. } => {
            "if that address is right, add its origin to allow_hosts of the connection"
        }
        ShortReason::Limit { .. } => "raise or remove that limit to get the rest",
        ShortReason::Failed { .. } => "run it again",
        ShortReason::Rejects { .. } => {
            "run the parent stream by itself: it keeps such records, with the reason"
        }
        ShortReason::Parent { reason, .. } => if_short(reason),
    }
}

fn if_unknown(reason: &UnknownReason) -> &'static str {
    match reason {
        UnknownReason::Stopped => "run it again to get everything",
        UnknownReason::Paused { .. } => "run it again when the quota allows",
        UnknownReason::NoEndSignal => {
            "give the spec an end condition, so that a run can prove it is complete"
        }
        UnknownReason::ShortPage { .. } => {
            "ask for no more than the source gives in one page (limitValue), or say where it tells \
             how many records there are (responseParams.total)"
        }
        UnknownReason::Ignored => {
            "if such an answer means that there are no more pages, let the rule `end` it; if not, \
             let it `retry` or `fail`"
        }
        UnknownReason::AllSkipped => {
            "look at the path of the stream and at the rule with `skip_slice`: it fits every answer"
        }
        UnknownReason::Parent { reason, .. } => if_unknown(reason),
    }
}

/// The numbers of all runs.
pub(crate) fn table(runs: &[Ended]) -> Table {
    let mut table = Table::new([
        "pipeline", "verdict", "records", "pages", "requests", "retries", "waited", "received",
        "time",
    ]);
    for ended in runs {
        let report = &ended.report;
        let number = |text: String| Cell::Number(text);
        table.row([
            report.pipeline.as_str().into(),
            ended.word().into(),
            number(count(report.records.read)),
            number(count(report.pages)),
            number(count(report.requests)),
            number(count(report.retries)),
            number(duration(Duration::from_millis(report.waited_ms))),
            number(bytes(report.bytes)),
            number(duration(Duration::from_millis(report.duration_ms))),
        ]);
    }
    table
}

/// The table of numbers, then each verdict in words.
pub(crate) fn text(runs: &[Ended], columns: usize) -> String {
    let words: Vec<String> = runs.iter().map(Ended::words).collect();
    format!("{}\n\n{}", table(runs).render(columns), words.join("\n"))
}

#[cfg(test)]
mod tests {
    use tapline_core::{
        Asked, EndSignal, ErrorKind, FailedRequest, Position, RecordCounts, ResumedFrom,
        SliceCounts, WatermarkReport, Window,
    };

    use super::*;

    fn ended(pipeline: &str, verdict: Verdict, error: Option<Error>) -> Ended {
        let report = RunReport {
            run_id: uuid::Uuid::nil(),
            pipeline: pipeline.to_owned(),
            sync_mode: "full_load".to_owned(),
            asked: Asked::default(),
            window: Window::ALL,
            verdict,
            resumed_from: None,
            records: RecordCounts {
                read: 4500,
                written: 4498,
                rejected: 2,
                ..RecordCounts::default()
            },
            brought: 4500,
            slices: SliceCounts::default(),
            pages: 45,
            requests: 46,
            retries: 2,
            waited_ms: 1050,
            bytes: 1_912_000,
            duration_ms: 2100,
            started_at: jiff::Timestamp::UNIX_EPOCH,
            watermarks: WatermarkReport::default(),
            coverage: Vec::new(),
            next_position: None,
            error: error.as_ref().map(ToString::to_string),
            failed_request: error.as_ref().and_then(Error::request).cloned(),
        };
        Ended {
            report,
            error,
            table: pipeline.to_owned(),
            database: "warehouse.db".to_owned(),
            rejects: "_tapline_rejects",
        }
    }

    fn failed() -> Ended {
        let request = FailedRequest {
            method: "GET".to_owned(),
            url: "https://api.example/items?page=46".to_owned(),
            status: Some(401),
            bytes: 17,
            attempts: 2,
            waited_ms: 1_200,
        };
        let error = Error::new(ErrorKind::Auth, "read page", "401 Unauthorized")
            .with("page", 46)
            .with_request(request);
        let reason = ShortReason::Failed {
            error: error.to_string(),
        };
        ended("broken", Verdict::Short(reason), Some(error))
    }

    #[test]
    fn what_the_table_holds_is_said_in_grammar() {
        let check = |written: u64, expected: &str| {
            let mut run = ended("t", Verdict::Complete(EndSignal::EmptyPage), None);
            run.report.records.written = written;
            let expected = format!("The table t in warehouse.db {expected}.");
            assert_eq!(run.table_now(), expected);
        };
        check(0, "is empty now");
        check(1, "now has this 1 row");
        check(4500, "now has these 4,500 rows");
        check(9000, "now has the 9,000 rows they became");
    }

    #[test]
    fn a_run_that_was_gone_on_with_says_so() {
        let mut run = ended("t", Verdict::Complete(EndSignal::EmptyPage), None);
        run.report.resumed_from = Some(ResumedFrom {
            run_id: uuid::Uuid::nil(),
            pages: 12,
            records: 1200,
        });
        let said = run.words();
        let resumed = "It was resumed after page 12 of run 00000000-0000-0000-0000-000000000000, \
                       which had kept 1,200 records.";
        assert!(said.contains(resumed), "{said}");
        run = ended("t", Verdict::Unknown(UnknownReason::Stopped), None);
        assert!(!run.words().contains("goes on"));
        run.report.next_position = Some(Position::Page(13));
        assert!(run.words().contains("running it again goes on from there"));
    }

    #[test]
    fn what_is_left_out_is_said() {
        let mut run = ended("t", Verdict::Complete(EndSignal::AllSlices), None);
        assert_eq!(run.skipped(), None);
        run.report.slices = SliceCounts {
            read: 7,
            skipped: 2,
        };
        let said = run.words();
        assert!(
            said.contains("Of 9 slices, 2 had nothing at the source."),
            "{said}"
        );
    }

    #[test]
    fn every_verdict_says_what_arrived_what_is_there_and_what_to_do() {
        let mismatch = ShortReason::TotalMismatch {
            total: 5000,
            received: 4500,
        };
        let limit = ShortReason::Limit {
            name: "--max-pages".to_owned(),
        };
        let runs = [
            ended("members", Verdict::Complete(EndSignal::EmptyPage), None),
            ended("tickets", Verdict::Short(mismatch), None),
            ended("limited", Verdict::Short(limit), None),
            ended("users", Verdict::Unknown(UnknownReason::NoEndSignal), None),
            ended("orders", Verdict::Unknown(UnknownReason::Stopped), None),
            failed(),
        ];
        let shown = anstream::adapter::strip_str(&text(&runs, 100)).to_string();
        insta::assert_snapshot!(shown);
        let exits: Vec<u8> = runs.iter().map(|run| run.exit().code()).collect();
        assert_eq!(exits, [0, 3, 3, 3, 6, 1]);
    }
}
