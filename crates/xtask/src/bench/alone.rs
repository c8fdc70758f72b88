//! What is measured of tapline alone, and what it is held to.

use std::fs;

use anyhow::Result;

use super::contestants::{CONTESTANTS, Contestant, Place};
use super::pages::Shape;
use super::report::megabytes;
use super::rounds::Entry;
use super::startup::Startup;
use super::{LARGE_PAGES, PAGES};

/// A table of figures and goals.
pub(crate) fn table(place: &Place, startup: &Startup, entries: &[Entry]) -> Result<String> {
    let ours = CONTESTANTS.iter().filter(|who| who.is_ours());
    let mut rows: Vec<_> = ours.flat_map(|who| memory(who, entries)).collect();
    let binary = fs::metadata(place.released.join("tapline"))?;
    rows.push((
        "start to first request, three connectors".to_owned(),
        format!(
            "{:.0} ms, at most {:.0} ms",
            startup.median(),
            startup.largest()
        ),
        "under 50 ms",
    ));
    rows.push((
        "the binary, stripped".to_owned(),
        megabytes(binary.len()),
        "under 40 MB",
    ));
    let rows = rows.into_iter();
    let rows: String = rows
        .map(|(what, figure, goal)| format!("| {what} | {figure} | {goal} |\n"))
        .collect();
    Ok(format!(
        "| tapline | is | has to be |\n|---|---|---|\n{rows}"
    ))
}

/// What `who` had in memory at most, with pages of both sizes.
fn memory(who: &Contestant, entries: &[Entry]) -> [(String, String, &'static str); 2] {
    let peak = |ranked| {
        let ours = entries
            .iter()
            .find(|entry| std::ptr::eq(entry.who, who) && entry.is_ranked() == ranked);
        ours.map_or(0, Entry::peak)
    };
    let (small, large) = (peak(true), peak(false));
    let times = large as f64 / small.max(1) as f64;
    let what = |shape: Shape| {
        format!(
            "peak memory into {}, {} pages of {} records",
            who.output, shape.pages, shape.records
        )
    };
    [
        (what(PAGES), megabytes(small), "at most 150 MB"),
        (
            what(LARGE_PAGES),
            format!("{}, {times:.2} x", megabytes(large)),
            "under 1.1 x",
        ),
    ]
}
