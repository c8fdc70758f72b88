//! What figures mean nothing without: the machine, the versions, the commit.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};

use super::PAGES;
use super::rivals::asset;
use crate::command::output;

/// Lines for the head of the log; the first says when, and of which commit.
pub(crate) fn facts(nginx: &Path, profile: &str, bytes: u64) -> Result<Vec<String>> {
    let pins = fs::read_to_string(asset("rivals.txt")).context("cannot read the versions")?;
    let mut facts = vec![
        when(profile),
        hardware(),
        format!(
            "load average before: {}",
            fs::read_to_string("/proc/loadavg")
                .unwrap_or_default()
                .trim()
        ),
        format!(
            "{} pages of {} records, {} MB, from {} on loopback",
            PAGES.pages,
            PAGES.records,
            bytes / 1_000_000,
            said(&nginx.to_string_lossy(), &["-v"])
        ),
        said("rustc", &["--version"]),
        said("python3", &["--version"]),
        said("curl", &["--version"]),
    ];
    let pins = pins.lines().filter(|line| !line.starts_with('#'));
    facts.extend(pins.map(str::to_owned));
    Ok(facts)
}

/// What it ran on.
pub(crate) fn hardware() -> String {
    format!(
        "{} cores of {}, {} of memory, {}",
        thread::available_parallelism().map_or(0, usize::from),
        field("/proc/cpuinfo", "model name"),
        field("/proc/meminfo", "MemTotal"),
        said("uname", &["-sr"])
    )
}

/// When it was, and what was built.
pub(crate) fn when(profile: &str) -> String {
    let date = said("date", &["-u", "+%Y-%m-%d %H:%MZ"]);
    format!("{date}, commit {}, profile {profile}", commit())
}

/// The commit, and whether the tree is another one.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = output(
            Command::new("git")
                .args(arguments)
                .current_dir(crate::root()),
        );
        output.map_or_else(
            |_| String::new(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
    };
    let changed = git(&["status", "--porcelain", "--", "crates", "plugins"]);
    let note = if changed.is_empty() {
        ""
    } else {
        " and changes"
    };
    format!("{}{note}", git(&["rev-parse", "--short", "HEAD"]))
}

/// The first line of what a program says.
fn said(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = output(Command::new(program).args(arguments)) else {
        return format!("no {program}");
    };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    text.lines().next().unwrap_or_default().to_owned()
}

/// A field of one of Linux' files about itself.
fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    });
    value.unwrap_or_else(|| format!("unknown {name}"))
}
