//! tapline itself, and between what it should be: the mere transfer, and a loop written for these pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::contestants::Place;
use super::rivals::asset;
use super::server;
use crate::command::{output, said};

/// A whole run of the binary, with the connector `rest` as the dynamic library that it is.
/// Requests, receipts and marks are kept, as always.
pub(crate) fn tapline(place: &Place, run: &Path, destination: &str) -> Result<Command> {
    tapline_from(place, run, &server::base_url(), destination)
}

/// The same, from a server of another address.
pub(crate) fn tapline_from(
    place: &Place,
    run: &Path,
    host: &str,
    destination: &str,
) -> Result<Command> {
    let spec = "members.json";
    fs::copy(asset("tapline").join(spec), run.join(spec)).context("cannot copy the spec")?;
    let project = format!(
        "version: 1
connections:
  bench:
    connector: rest
    streams: {{ members: {spec} }}
    params: {{ host: \"{host}\", pages: {} }}
destinations:
  out: {{ type: {destination} }}
pipelines:
  members:
    source: {{ connection: bench, stream: members }}
    destination: {{ name: out, table: members }}
",
        place.shape.folder()
    );
    fs::write(run.join("tapline.yaml"), project)?;
    let mut command = program(place);
    command.args(["run", "members"]);
    Ok(command)
}

/// The binary, with a cache of its own.
pub(crate) fn program(place: &Place) -> Command {
    let mut command = Command::new(place.released.join("tapline"));
    command
        .env("XDG_CACHE_HOME", place.dir.join("cache"))
        .env_remove("TAPLINE_PLUGIN_PATH");
    command
}

/// `crates/xtask/examples/loop.rs`.
pub(crate) fn hand_written(place: &Place, run: &Path) -> Result<Command> {
    let mut command = Command::new(&place.example);
    command.arg(place.first_url()).arg(run.join("out.parquet"));
    Ok(command)
}

/// All pages over one connection.
pub(crate) fn curl(place: &Place, _: &Path) -> Result<Command> {
    let all = format!("p[1-{}].json", place.shape.pages);
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--fail", "--output", "/dev/null"])
        .args(["--write-out", "%{http_code}\n"])
        .arg(place.first_url().replace("p1.json", &all));
    Ok(command)
}

/// curl keeps nothing: that it got every page is all there is to see.
pub(crate) fn count_curl(place: &Place, run: &Path) -> Result<u64> {
    let statuses = fs::read_to_string(run.join("stdout"))?;
    let pages = statuses.lines().filter(|status| *status == "200").count();
    Ok(pages as u64 * place.shape.records)
}

/// The rows of the file `out.parquet`, or of all Parquet files below the folder `out`: dlt has copies
/// of them elsewhere.
pub(crate) fn count_parquet(place: &Place, run: &Path) -> Result<u64> {
    let (mut files, folder) = (vec![run.join("out.parquet")], run.join("out"));
    if folder.is_dir() {
        files.clear();
        find(&folder, &mut files)?;
    }
    let counted = output(Command::new(&place.example).arg("--count").args(files))?;
    let rows = String::from_utf8_lossy(&counted.stdout);
    let rows = rows.trim().parse();
    rows.with_context(|| format!("the rows cannot be counted: {}", said(&counted)))
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // A table of dlt's own, of how it ran.
        let is_data = !path.ends_with("_dlt_loads") && !path.ends_with("_dlt_pipeline_state");
        if path.is_dir() && is_data {
            find(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "parquet") {
            files.push(path);
        }
    }
    Ok(())
}

/// The rows of the table, as whoever reads it would count them.
pub(crate) fn count_sqlite(place: &Place, run: &Path) -> Result<u64> {
    let query = "select count(*) as n from members";
    let mut command = program(place);
    command.current_dir(run);
    let counted = output(command.args(["--output", "json", "sql", query]))?;
    let text = String::from_utf8_lossy(&counted.stdout);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let rows = digits.parse();
    rows.with_context(|| format!("the rows cannot be counted: {text}{}", said(&counted)))
}
