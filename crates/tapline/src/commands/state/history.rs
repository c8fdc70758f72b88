//! `tapline state log` and `diff`: every change of what is remembered.

use jiff::Timestamp;
use serde_json::{Value, json};
use tapline_core::{MarkKey, StateStore};
use tapline_engine::history;

use super::{Remembered, past, the_one};
use crate::app::App;
use crate::cli::state::{DiffArgs, LogArgs};
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::output::numbers::bytes;
use crate::output::table::Cell;
use crate::output::{Table, clean};
use crate::wiring::Wiring;

/// Differences that are shown at most, and letters of each.
const SHOWN: usize = 40;
const LETTERS: usize = 200;

/// A change.
pub(super) struct Entry {
    /// What it led to.
    pub(super) version: u64,
    at: Timestamp,
    by: String,
    /// Size of what was remembered then.
    pub(super) bytes: u64,
    /// What was remembered then; `None` if that was too large to be kept.
    pub(super) marks: Option<Value>,
}

/// The changes of what is remembered under `key`, newest first, up to `newest`. What was about to
/// be done, and then was not, is left out: only the last entry of a version was done.
///
/// # Errors
/// The log cannot be read.
pub(super) async fn entries(
    store: &dyn StateStore,
    pipeline: &str,
    key: &MarkKey,
    newest: u64,
) -> Result<Vec<Entry>> {
    let mut found: Vec<Entry> = Vec::new();
    for entry in store.tail(&history(pipeline), u32::MAX).await? {
        let version = entry.value["version"].as_u64().unwrap_or(0);
        let is_ours = entry.value["stream"] == key.stream.as_str();
        if !is_ours || version > newest || found.iter().any(|other| other.version == version) {
            continue;
        }
        let is_kept = entry.value["is_kept"] == true;
        found.push(Entry {
            version,
            at: entry.at,
            by: entry.value["by"].as_str().unwrap_or_default().to_owned(),
            bytes: entry.value["bytes"].as_u64().unwrap_or(0),
            marks: is_kept.then(|| entry.value["marks"].clone()),
        });
    }
    Ok(found)
}

/// That there is no `version` among `known`.
pub(super) fn unknown(version: u64, known: &[Entry]) -> Failure {
    let versions: Vec<String> = known
        .iter()
        .map(|entry| entry.version.to_string())
        .collect();
    let known = match versions.as_slice() {
        [] => "there are none".to_owned(),
        [newest, .., oldest] if versions.len() > 8 => format!("known are {oldest} to {newest}"),
        some => format!("known are {}", some.join(", ")),
    };
    Failure::usage(format!("there is no version {version} of it"), known)
}

/// Lists the changes.
///
/// # Errors
/// Nothing is remembered.
pub(super) async fn log(app: &App, args: &LogArgs) -> Result<Exit> {
    let (history, _) = read(app, &args.pipeline).await?;
    let shown = &history[..history.len().min(args.limit)];
    if app.screen.is_json() {
        let entries: Vec<Value> = shown
            .iter()
            .map(|entry| {
                json!({
                    "version": entry.version, "at": entry.at, "by": entry.by,
                    "bytes": entry.bytes, "marks": entry.marks,
                })
            })
            .collect();
        app.screen
            .json(&json!({ "pipeline": args.pipeline, "changes": entries }))?;
        return Ok(Exit::COMPLETE);
    }
    let mut table = Table::new(["version", "at", "by", "newest", "size"]);
    for entry in shown {
        table.row([
            entry.version.into(),
            format!("{:.0}", entry.at).into(),
            entry.by.as_str().into(),
            newest(entry.marks.as_ref()),
            Cell::Number(bytes(entry.bytes)),
        ]);
    }
    app.screen.line(table.render(app.screen.width()))?;
    Ok(Exit::COMPLETE)
}

/// The newest mark of what was remembered.
fn newest(marks: Option<&Value>) -> Cell {
    let marks = marks.and_then(|marks| tapline_core::Marks::read(marks).ok()?);
    let newest = marks.and_then(|marks| marks.watermarks().newest);
    newest.map_or(Cell::Null, Cell::Text)
}

/// Shows what changed between two versions.
///
/// # Errors
/// There is no such version.
pub(super) async fn diff(app: &App, args: &DiffArgs) -> Result<Exit> {
    let (history, now) = read(app, &args.pipeline).await?;
    let to = args.to.unwrap_or(now.version);
    let from = args.from.unwrap_or(to.saturating_sub(1));
    let find = |version: u64| -> Result<Value> {
        match version {
            0 => Ok(Value::Null),
            version => {
                let entry = history.iter().find(|entry| entry.version == version);
                let entry = entry.ok_or_else(|| unknown(version, &history))?;
                Ok(entry.marks.clone().unwrap_or(Value::Null))
            }
        }
    };
    let mut changes = Vec::new();
    compare("", &find(from)?, &find(to)?, &mut changes);
    if app.screen.is_json() {
        let changes: Vec<Value> = changes
            .into_iter()
            .map(|(pointer, old, new)| json!({ "pointer": pointer, "old": old, "new": new }))
            .collect();
        app.screen.json(&json!({
            "pipeline": args.pipeline, "from": from, "to": to, "changes": changes,
        }))?;
        return Ok(Exit::COMPLETE);
    }
    let mut lines = vec![format!("{}: version {from} to {to}", args.pipeline)];
    let more = changes.len().saturating_sub(SHOWN);
    for (pointer, old, new) in changes.into_iter().take(SHOWN) {
        let place = if pointer.is_empty() {
            "all of it"
        } else {
            &pointer
        };
        let line = format!("  {place}: {old} -> {new}");
        lines.push(clean(&shorten(&line)).into_owned());
    }
    match more {
        0 => {}
        more => lines.push(format!("  and {more} more; `--output json` has them all")),
    }
    app.screen.line(lines.join("\n"))?;
    Ok(Exit::COMPLETE)
}

fn shorten(line: &str) -> String {
    match line.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}

async fn read(app: &App, pipeline: &str) -> Result<(Vec<Entry>, Remembered)> {
    let project = app.project()?;
    let catalogue = app.catalogue();
    let wiring = Wiring::new(&project, &catalogue);
    let store = past(&wiring).await?;
    let now = the_one(&wiring, &*store, pipeline).await?;
    let history = entries(&*store, pipeline, &now.key, now.version).await?;
    Ok((history, now))
}

/// The places at which `old` and `new` differ, as JSON pointers.
fn compare(at: &str, old: &Value, new: &Value, changes: &mut Vec<(String, Value, Value)>) {
    match (old, new) {
        _ if old == new => {}
        (Value::Object(before), Value::Object(after)) => {
            let keys = before
                .keys()
                .chain(after.keys().filter(|key| !before.contains_key(*key)));
            for key in keys {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                let none = Value::Null;
                let (old, new) = (before.get(key), after.get(key));
                let (old, new) = (old.unwrap_or(&none), new.unwrap_or(&none));
                compare(&format!("{at}/{escaped}"), old, new, changes);
            }
        }
        _ => changes.push((at.to_owned(), old.clone(), new.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_found_where_they_are() {
        let mut changes = Vec::new();
        let old = json!({ "a": { "b": 1, "c": 2 }, "gone": 3 });
        let new = json!({ "a": { "b": 1, "c": [4] }, "n/w": 5 });
        compare("", &old, &new, &mut changes);
        let found: Vec<String> = changes
            .iter()
            .map(|(pointer, old, new)| format!("{pointer} {old} {new}"))
            .collect();
        assert_eq!(found, ["/a/c 2 [4]", "/gone 3 null", "/n~1w null 5"]);
    }
}
