//! What is measured of tapline alone, and what it is held to.

use std::fs;

use anyhow::Result;

use super::contestants::{CONTESTANTS, Place};
use super::report::megabytes;
use super::rounds::Entry;
use super::startup::Startup;
use super::{LARGE_PAGES, PAGES};

/// A table of figures and goals.
pub(crate) fn table(place: &Place, startup: &Startup, entries: &[Entry]) -> Result<String> {
    let peak = |ranked| {
        let ours = entries
            .iter()
            .find(|entry| std::ptr::eq(entry.who, &CONTESTANTS[0]) && entry.is_ranked() == ranked);
        ours.map_or(0, Entry::peak)
    };
    let (small, large) = (peak(true), peak(false));
    let binary = fs::metadata(place.released.join("tapline"))?;
    let rows = [
        (
            format!(
                "peak memory, {} pages of {} records",
                PAGES.pages, PAGES.records
            ),
            megabytes(small),
            "at most 150 MB".to_owned(),
        ),
        (
            format!(
                "peak memory, the same records in {} pages of {}",
                LARGE_PAGES.pages, LARGE_PAGES.records
            ),
            format!(
                "{}, {:.2} x",
                megabytes(large),
                large as f64 / small.max(1) as f64
            ),
            "under 1.1 x".to_owned(),
        ),
        (
            "start to first request, three connectors".to_owned(),
            format!(
                "{:.0} ms, at most {:.0} ms",
                startup.median(),
                startup.largest()
            ),
            "under 50 ms".to_owned(),
        ),
        (
            "the binary, stripped".to_owned(),
            megabytes(binary.len()),
            "under 40 MB".to_owned(),
        ),
    ];
    let rows = rows.map(|(what, figure, goal)| format!("| {what} | {figure} | {goal} |\n"));
    Ok(format!(
        "| tapline | is | has to be |\n|---|---|---|\n{}",
        rows.concat()
    ))
}
