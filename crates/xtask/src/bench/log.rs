//! The raw log: the machine, and one line for each run.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::measure::Cost;
use super::pages::Shape;

/// Where the log of a whole benchmark stands.
const PUBLISHED: &str = "docs/benchmarks/rivals.log";

/// A log that is shown and kept as it grows.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    first: Option<String>,
}

impl Log {
    /// Begins anew in `dir`.
    pub(crate) fn create(dir: &Path) -> Result<Self> {
        let path = dir.join("rivals.log");
        let file =
            File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self {
            path,
            file,
            first: None,
        })
    }

    /// Adds a line that is no run.
    pub(crate) fn note(&mut self, line: &str) -> Result<()> {
        self.first.get_or_insert_with(|| line.to_owned());
        self.line(&format!("# {line}"))
    }

    /// Adds a run.
    pub(crate) fn run(&mut self, round: u32, name: &str, cost: &Cost, shape: Shape) -> Result<()> {
        let Cost { cpu, wall, peak } = cost;
        let peak = *peak as f64 / 1e6;
        self.line(&format!(
            "round {round}  {name:34} cpu {cpu:7.2} s  wall {wall:7.2} s  peak {peak:6.1} MB  \
             pages {}  records {}",
            shape.pages,
            shape.total()
        ))
    }

    /// The first line: when, and of which commit.
    pub(crate) fn heading(&self) -> String {
        self.first.clone().unwrap_or_default()
    }

    /// Puts the log beside the documentation.
    pub(crate) fn publish(self) -> Result<()> {
        fs::copy(&self.path, crate::root().join(PUBLISHED)).context("cannot copy the log")?;
        Ok(())
    }

    fn line(&mut self, line: &str) -> Result<()> {
        eprintln!("{line}");
        writeln!(self.file, "{}", line.trim_end()).context("cannot write the log")
    }
}
