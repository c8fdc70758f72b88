//! The tables, and where they go.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};

use super::measure::Cost;
use super::rounds::Entry;

/// The page that holds the tables, and what follows each of them.
const PAGE: &str = "docs/benchmarks.md";
const END: &str = "<!-- as far as here -->\n";

/// Everybody who read the same pages, the first of them as the measure.
pub(crate) fn table(entries: &[Entry]) -> String {
    let mut out = String::from(
        "| who | into | CPU, median (of the runs) | CPU, of tapline's | wall | peak memory | records/s |\n\
         |---|---|---|---|---|---|---|\n",
    );
    let ranked = || entries.iter().filter(|entry| entry.is_ranked());
    let measure = ranked().find_map(|entry| entry.middle(|cost| cost.cpu));
    for entry in ranked() {
        row(&mut out, entry, measure).expect("a string takes all");
    }
    out
}

fn row(out: &mut String, entry: &Entry, measure: Option<f64>) -> std::fmt::Result {
    write!(out, "| {} | {} | ", entry.who.name, entry.who.output)?;
    if let Some(failure) = &entry.failure {
        let line = failure.lines().next().unwrap_or_default();
        return writeln!(out, "failed: {} | | | | |", line.replace('|', "/"));
    }
    let (Some(cpu), Some(wall)) = (
        entry.middle(|cost| cost.cpu),
        entry.middle(|cost| cost.wall),
    ) else {
        return writeln!(out, "not run | | | | |");
    };
    let runs: Vec<String> = entry
        .costs
        .iter()
        .map(|cost| format!("{:.2}", cost.cpu))
        .collect();
    write!(out, "{cpu:.2} s ({}) | ", runs.join(", "))?;
    match measure {
        Some(measure) => write!(out, "{} | ", times(cpu / measure))?,
        None => write!(out, "| ")?,
    }
    let speed = entry.place.shape.total() as f64 / wall;
    let speed = (speed / 100.0).round() * 100.0;
    writeln!(out, "{wall:.2} s | {} | {speed} |", megabytes(entry.peak()))
}

/// `1.27 x`, `18.3 x`.
fn times(ratio: f64) -> String {
    if ratio < 10.0 {
        format!("{ratio:.2} x")
    } else {
        format!("{ratio:.1} x")
    }
}

/// Bytes in millions.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}

impl Entry {
    /// The median of one figure; with an even number of runs the lower of two.
    pub(crate) fn middle(&self, figure: fn(&Cost) -> f64) -> Option<f64> {
        let mut figures: Vec<f64> = self.costs.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len().saturating_sub(1) / 2).copied()
    }

    /// The most memory of all runs.
    pub(crate) fn peak(&self) -> u64 {
        self.costs.iter().map(|cost| cost.peak).max().unwrap_or(0)
    }
}

/// Puts `text` where the page says that `command` writes.
pub(crate) fn publish(command: &str, text: &str) -> Result<()> {
    let path = crate::root().join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("cannot read {PAGE}"))?;
    let page = between(&page, command, text)
        .with_context(|| format!("{PAGE} has lost the marks of `{command}`"))?;
    fs::write(&path, page).with_context(|| format!("cannot write {PAGE}"))
}

fn between(page: &str, command: &str, text: &str) -> Option<String> {
    let begin = format!("<!-- {command} writes this -->\n");
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{begin}\n{text}\n{END}{after}"))
}

#[test]
fn a_table_replaces_the_one_before() {
    let begin = "<!-- it writes this -->\n";
    let page = format!("a\n{begin}old\n{END}z\n");
    let once = between(&page, "it", "new\n").unwrap();
    assert_eq!(once, format!("a\n{begin}\nnew\n\n{END}z\n"));
    assert_eq!(between(&once, "it", "new\n"), Some(once));
    assert_eq!(between(&page, "another", "new\n"), None);
}

#[test]
fn ratios_have_three_digits() {
    assert_eq!(times(1.0), "1.00 x");
    assert_eq!(times(18.26), "18.3 x");
}
