//! The others, each in a Python environment of its own, with its own way to read an API.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::contestants::Place;
use crate::command::{done, output};
use crate::installed;

/// Which versions are measured.
const PINS: &str = "rivals.txt";

/// A file or folder of what is committed for the benchmark.
pub(crate) fn asset(name: &str) -> PathBuf {
    crate::root().join("crates/xtask/bench").join(name)
}

/// What pip installs for `name`: the rest of its line.
fn pin(name: &str) -> Result<String> {
    let text = fs::read_to_string(asset(PINS)).with_context(|| format!("cannot read {PINS}"))?;
    pins(&text)
        .find(|(known, _)| *known == name)
        .map(|(_, package)| package.to_owned())
        .with_context(|| format!("{PINS} has no line for {name}"))
}

fn pins(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let (name, package) = line.split_once(' ')?;
        Some((name, package.trim()))
    })
}

/// Makes the environment of `name`.
pub(crate) fn install(place: &Place, name: &str) -> Result<()> {
    let package = pin(name)?;
    installed::ensure(&place.dir, name, &package, || {
        let venv = place.dir.join(name);
        done(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        done(
            Command::new(venv.join("bin/pip"))
                .args(["install", "--quiet", "--disable-pip-version-check"])
                .arg(&package),
        )
    })
}

/// A program of the environment `name`.
fn program(place: &Place, name: &str, program: &str) -> Command {
    Command::new(place.dir.join(name).join("bin").join(program))
}

pub(crate) fn dlt(place: &Place, run: &Path) -> Result<Command> {
    let mut command = program(place, "dlt", "python");
    command
        .arg(asset("dlt/read.py"))
        .arg(place.first_url())
        .arg(run.join("out"))
        .env("RUNTIME__DLTHUB_TELEMETRY", "false");
    Ok(command)
}

pub(crate) fn airbyte(place: &Place, run: &Path) -> Result<Command> {
    let mut command = program(place, "airbyte", "source-declarative-manifest");
    command
        .args(["read", "--config", &config(place, run)?, "--catalog"])
        .arg(asset("airbyte/catalog.json"))
        .arg("--manifest-path")
        .arg(asset("airbyte/manifest.yaml"));
    Ok(command)
}

pub(crate) fn singer(place: &Place, run: &Path) -> Result<Command> {
    let mut command = program(place, "singer", "python");
    command
        .arg(asset("singer/tap.py"))
        .args(["--config", &config(place, run)?]);
    Ok(command)
}

/// Where the first page is, as a file in the folder of the run.
fn config(place: &Place, run: &Path) -> Result<String> {
    let name = "config.json";
    let text = format!("{{\"first_url\": \"{}\"}}\n", place.first_url());
    fs::write(run.join(name), text)?;
    Ok(name.to_owned())
}

pub(crate) fn sling(place: &Place, run: &Path) -> Result<Command> {
    // The package is a program in a wheel, which only its own code finds.
    let find = "import sling_linux_amd64 as package; print(package.SLING_BIN)";
    let found = output(program(place, "sling", "python").args(["-c", find]))?;
    let spec = asset("sling/spec.yaml");
    let connection = format!(
        "{{type: api, spec: 'file://{}', secrets: {{first_url: '{}'}}}}",
        spec.display(),
        place.first_url()
    );
    let mut command = Command::new(String::from_utf8_lossy(&found.stdout).trim());
    command
        .args(["run", "--src-conn", "BENCH", "--src-stream", "members"])
        .arg("--tgt-object")
        .arg(format!("file://{}", run.join("out.csv").display()))
        .env("BENCH", connection)
        .env("SLING_DISABLE_TELEMETRY", "true")
        .env("SLING_HOME_DIR", place.dir.join("sling-home"));
    Ok(command)
}

/// The records among the messages on stdout.
pub(crate) fn count_messages(_: &Place, run: &Path) -> Result<u64> {
    count_lines(&run.join("stdout"), |line| {
        line.starts_with(b"{\"type\":\"RECORD\"")
    })
}

/// The lines after the names. No value of the pages has a line break.
pub(crate) fn count_csv(_: &Place, run: &Path) -> Result<u64> {
    let lines = count_lines(&run.join("out.csv"), |_| true)?;
    Ok(lines.saturating_sub(1))
}

fn count_lines(path: &Path, counts: impl Fn(&[u8]) -> bool) -> Result<u64> {
    let file = File::open(path).with_context(|| format!("{} is missing", path.display()))?;
    let mut reader = BufReader::new(file);
    let (mut line, mut count) = (Vec::new(), 0);
    while reader.read_until(b'\n', &mut line)? > 0 {
        count += u64::from(counts(&line));
        line.clear();
    }
    Ok(count)
}

#[test]
fn every_pin_names_one_version() {
    let text = fs::read_to_string(asset(PINS)).unwrap();
    let pins: Vec<_> = pins(&text).collect();
    assert_eq!(pins.len(), 4);
    for (name, package) in pins {
        assert!(package.contains("=="), "{name}: {package}");
    }
}
