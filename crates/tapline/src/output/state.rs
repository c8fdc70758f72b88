//! What is known of a pipeline, drawn: what is covered, and where the gaps are.

use jiff::Timestamp;
use owo_colors::OwoColorize;
use serde::Serialize;
use tapline_core::{Coverage, Cursor, Interval, Marks, Verdict, WatermarkReport, Window};
use uuid::Uuid;

use super::clean;
use super::numbers::plural;

/// Cells of the picture.
const CELLS: usize = 48;
/// Gaps that are listed.
const GAPS: usize = 10;

/// What is known of one pipeline.
#[derive(Debug, Serialize)]
pub(crate) struct Picture {
    /// Its name.
    pub(crate) pipeline: String,
    /// Its streams: one, unless it has read others before.
    pub(crate) streams: Vec<Known>,
    /// Runs that were cut, and can be gone on with.
    pub(crate) cut: Vec<Cut>,
    /// The last run.
    pub(crate) last_run: Option<LastRun>,
}

/// What is known of a stream.
#[derive(Debug, Serialize)]
pub(crate) struct Known {
    /// Connector and stream.
    stream: String,
    /// Counts the changes, from 1.
    version: u64,
    watermarks: WatermarkReport,
    /// What is complete, in every part.
    coverage: Vec<Interval>,
    /// What is missing between that.
    gaps: Vec<Interval>,
    /// Parts of the stream.
    parts: usize,
    /// The document as it is stored.
    marks: Marks,
    #[serde(skip)]
    picture: Option<String>,
}

/// A run that was cut.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cut {
    /// The run.
    pub(crate) run_id: Uuid,
    /// `run`, `backfill` or `window`.
    pub(crate) kind: String,
    /// Connector and stream.
    pub(crate) stream: String,
    /// What it was to fetch.
    pub(crate) window: Window,
    /// When it began.
    pub(crate) began: Timestamp,
}

/// The last run.
#[derive(Debug, Serialize)]
pub(crate) struct LastRun {
    /// The run.
    pub(crate) run_id: Uuid,
    /// When it began.
    pub(crate) started_at: Timestamp,
    /// What it proved.
    pub(crate) verdict: Verdict,
}

impl Known {
    /// What `marks` say of `stream`.
    pub(crate) fn of(stream: String, version: u64, marks: Marks) -> Self {
        let coverage = marks.coverage();
        let gaps = match coverage.spans() {
            [first, ..] => coverage.gaps(
                first.start.as_ref().or(Some(&first.end)),
                coverage.upper().unwrap_or(&first.end),
            ),
            [] => Vec::new(),
        };
        let text = |cursor: &Cursor| cursor.to_string();
        let gaps = gaps.into_iter().map(|(start, end)| Interval {
            start: start.as_ref().map(text),
            end: Some(text(&end)),
        });
        Self {
            stream,
            version,
            watermarks: marks.watermarks(),
            coverage: coverage.intervals(),
            gaps: gaps.collect(),
            parts: marks.parts(),
            picture: draw(&coverage, marks.oldest.as_ref(), marks.newest()),
            marks,
        }
    }

    fn words(&self) -> Vec<String> {
        let cursor = &self.marks.cursor;
        let mut lines = vec![format!(
            "{}, {} by `{}`, version {}",
            clean(&self.stream),
            clean(&self.marks.sync_mode),
            clean(cursor),
            self.version
        )];
        if self.parts > 1 {
            let resting: usize = self.marks.folds.iter().map(|fold| fold.members.len()).sum();
            let parts = plural(self.parts as u64, "part");
            lines.push(format!("{parts}, {resting} of them at rest"));
        }
        let none = || "nothing yet".to_owned();
        let newest = self.watermarks.newest.clone().unwrap_or_else(none);
        let oldest = self.watermarks.oldest.clone().unwrap_or_else(none);
        lines.push(format!("newest   {}", clean(&newest)));
        lines.push(format!("oldest   {}", clean(&oldest)));
        lines.extend(self.picture.clone());
        let before = match self.coverage.first() {
            Some(Interval { start: None, .. }) => "complete from the beginning".to_owned(),
            Some(Interval {
                start: Some(start), ..
            }) => format!("complete from {start}; what is before was never asked for"),
            None => "nothing is known to be complete".to_owned(),
        };
        lines.push(clean(&before).into_owned());
        for gap in self.gaps.iter().take(GAPS) {
            let bound = |bound: &Option<String>| bound.clone().unwrap_or_default();
            let gap = format!("missing  {} to {}", bound(&gap.start), bound(&gap.end));
            lines.push(clean(&gap).yellow().to_string());
        }
        match self.gaps.len().saturating_sub(GAPS) {
            0 => {}
            more => lines.push(format!("         and {more} more gaps")),
        }
        lines
    }
}

impl Picture {
    /// The same in words.
    pub(crate) fn words(&self) -> String {
        let mut lines = vec![clean(&self.pipeline).bold().to_string()];
        for stream in &self.streams {
            lines.extend(stream.words());
        }
        if self.streams.is_empty() {
            lines.push("no marks: it reads everything each time, or has not been run".to_owned());
        }
        for cut in &self.cut {
            let text =
                |bound: &Option<Cursor>| bound.as_ref().map_or("...".to_owned(), Cursor::to_string);
            let (start, end) = (text(&cut.window.start), text(&cut.window.end));
            let kind = &cut.kind;
            lines.push(format!(
                "cut      the {kind} of {:.0}, {start} to {end}; the next one goes on with it",
                cut.began
            ));
        }
        if let Some(last) = &self.last_run {
            let verdict = last.verdict.to_string();
            lines.push(format!(
                "last run {:.0}, {}",
                last.started_at,
                clean(&verdict)
            ));
        }
        lines.join("\n  ")
    }
}

/// A line on which what is covered is full, and a gap is empty.
fn draw(coverage: &Coverage, oldest: Option<&Cursor>, newest: Option<&Cursor>) -> Option<String> {
    let first = coverage.spans().first()?;
    let begins = match (&first.start, oldest) {
        (Some(start), _) => start,
        (None, Some(oldest)) => oldest.min(&first.end),
        (None, None) => &first.end,
    };
    let (low, high) = (place(begins)?, place(newest?)?);
    let width = (high - low) / CELLS as f64;
    if width.is_nan() || width <= 0.0 {
        return None;
    }
    let spans: Vec<(f64, f64)> = coverage
        .spans()
        .iter()
        .filter_map(|span| {
            let start = span.start.as_ref().map_or(Some(low), place)?;
            Some((start, place(&span.end)?))
        })
        .collect();
    let cells = (0..CELLS).map(|cell| {
        let from = low + cell as f64 * width;
        let covered = spans
            .iter()
            .map(|(start, end)| (end.min(from + width) - start.max(from)).max(0.0));
        match covered.sum::<f64>() / width {
            share if share > 0.999 => '█',
            share if share > 0.001 => '▒',
            _ => '·',
        }
    });
    let cells: String = cells.collect();
    let arrow = if first.start.is_none() { "◀" } else { " " };
    Some(format!("covered {arrow}{cells}"))
}

/// Where a cursor is on a line.
fn place(cursor: &Cursor) -> Option<f64> {
    match cursor {
        Cursor::Timestamp(at) => Some(at.as_nanosecond() as f64),
        Cursor::Integer(number) => Some(number.to_i128()? as f64),
        Cursor::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use tapline_core::CursorType;

    use super::*;

    fn at(number: i64) -> Cursor {
        Cursor::of_number(CursorType::Integer, number).unwrap()
    }

    fn marks(spans: &[(Option<i64>, i64)]) -> Marks {
        let mut marks = Marks::new("incremental", "id", CursorType::Integer);
        let mut known = tapline_core::Known {
            newest: spans.last().map(|(_, end)| at(*end)),
            ..tapline_core::Known::default()
        };
        for (start, end) in spans {
            known.coverage.add(start.map(at).as_ref(), &at(*end));
        }
        marks.oldest = Some(at(0));
        marks.partitions.insert(String::new(), known);
        marks
    }

    #[test]
    fn gaps_are_seen() {
        let of = |spans: &[(Option<i64>, i64)]| Known::of("c.s".to_owned(), 1, marks(spans));
        let known = of(&[(Some(0), 24), (Some(36), 48)]);
        let expected = format!(
            "covered  {}{}{}",
            "█".repeat(24),
            "·".repeat(12),
            "█".repeat(12)
        );
        assert_eq!(known.picture.as_deref(), Some(expected.as_str()));
        let words = known.words().join("\n");
        assert!(words.contains("missing  24 to 36"), "{words}");
        assert!(words.contains("complete from 0; what is before"), "{words}");

        let whole = of(&[(None, 480)]);
        assert_eq!(whole.picture, Some(format!("covered ◀{}", "█".repeat(48))));
        assert!(whole.gaps.is_empty());
        // Half a cell is missing.
        let half = of(&[(Some(0), 475)]);
        assert!(half.picture.is_some());
        let tiny = of(&[(None, 5), (Some(6), 480)]);
        assert!(tiny.picture.unwrap().starts_with("covered ◀▒█"));
        assert!(of(&[]).picture.is_none());
    }
}
