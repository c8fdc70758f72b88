//! `cargo xtask instructions`: how many instructions the hot path takes for a page, held against
//! what it took when that was last looked at.
//!
//! Unlike seconds, instructions are the same on a busy machine. They still depend on the compiler
//! and on what the C library chooses for the processor, hence the [`TOLERANCE`].

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::bench::ONE_PAGE;
use crate::command::{cargo, output, run, said};
use crate::{demo, test_env};

/// What is kept: a step and its count in each line.
const KEPT: &str = "crates/xtask/bench/instructions.txt";
/// How far a count may be from what is kept, in hundredths of that.
const TOLERANCE: u64 = 5;
/// Pages that are counted, after those that warm up.
const PAGES: (u64, u64) = (2, 12);

const STEPS: [&str; 3] = ["locate", "decode", "parquet"];

/// Counts, and fails where a step has become dearer, or cheaper and nobody has kept that: then
/// `--keep` writes what there is now.
pub(crate) fn instructions(arguments: &[String]) -> Result<()> {
    let keep = match arguments {
        [] => false,
        [keep] if keep == "--keep" => true,
        _ => bail!("usage: cargo xtask instructions [--keep]"),
    };
    run(cargo().args([
        "build",
        "--locked",
        "--release",
        "--package=xtask",
        "--example=hot",
    ]))?;
    let target = std::path::absolute(demo::target_dir())?;
    let page = target.join("page.json");
    fs::write(&page, ONE_PAGE.page(1))
        .with_context(|| format!("cannot write {}", page.display()))?;
    let counter = Counter {
        valgrind: test_env::install_valgrind()?,
        program: target.join("release/examples/hot"),
        page,
    };
    let mut counts = Vec::new();
    for step in STEPS {
        counts.push((step, counter.of_a_page(step)?));
    }
    let path = crate::root().join(KEPT);
    if keep {
        return fs::write(&path, written(&counts)).with_context(|| format!("cannot write {KEPT}"));
    }
    let kept = fs::read_to_string(&path).with_context(|| format!("cannot read {KEPT}"))?;
    let mut off = Vec::new();
    for (step, count) in counts {
        let kept = find(&kept, step).with_context(|| format!("{KEPT} lacks {step}"))?;
        let change = (count as f64 / kept as f64 - 1.0) * 100.0;
        eprintln!("{step:8} {count:>12} instructions for a page, {change:+.1} % of what is kept");
        if count.abs_diff(kept) * 100 > kept * TOLERANCE {
            off.push(step);
        }
    }
    ensure!(
        off.is_empty(),
        "{} changed by more than {TOLERANCE} %; if that is meant, `cargo xtask instructions --keep`",
        off.join(", ")
    );
    Ok(())
}

/// What counts.
struct Counter {
    /// A script for `sh`.
    valgrind: PathBuf,
    program: PathBuf,
    page: PathBuf,
}

impl Counter {
    /// The instructions that `step` takes for a page: the difference of two runs.
    fn of_a_page(&self, step: &str) -> Result<u64> {
        let (few, many) = (self.of_run(step, PAGES.0)?, self.of_run(step, PAGES.1)?);
        Ok(many.saturating_sub(few) / (PAGES.1 - PAGES.0))
    }

    fn of_run(&self, step: &str, times: u64) -> Result<u64> {
        let mut command = Command::new("sh");
        command
            .arg(&self.valgrind)
            .args(["--tool=cachegrind", "--cache-sim=no"])
            .arg("--cachegrind-out-file=/dev/null")
            .args([&self.program, &self.page])
            .args([step, &times.to_string()]);
        let counted = output(&mut command)?;
        ensure!(counted.status.success(), "{step}: {}", said(&counted));
        let text = String::from_utf8_lossy(&counted.stderr);
        executed(&text).with_context(|| format!("valgrind counted nothing: {text}"))
    }
}

/// The number in a line like `==12== I   refs:      1,234,567`.
fn executed(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("refs:")?;
    let digits = rest.lines().next()?.chars().filter(char::is_ascii_digit);
    digits.collect::<String>().parse().ok()
}

fn written(counts: &[(&str, u64)]) -> String {
    let mut out = String::from(
        "# Instructions for a page of 1,000 records: cargo xtask instructions --keep\n",
    );
    for (step, count) in counts {
        writeln!(out, "{step} {count}").expect("a string takes all");
    }
    out
}

fn find(kept: &str, step: &str) -> Option<u64> {
    let mut lines = kept.lines().filter_map(|line| line.split_once(' '));
    lines.find_map(|(name, count)| (name == step).then(|| count.parse().ok())?)
}

#[test]
fn counts_are_read_and_kept() {
    assert_eq!(
        executed("==7== \n==7== I   refs:      1,234,567\n"),
        Some(1_234_567)
    );
    assert_eq!(executed("nothing"), None);
    let kept = written(&[("locate", 12), ("decode", 34)]);
    assert_eq!(find(&kept, "decode"), Some(34));
    assert_eq!(find(&kept, "parquet"), None);
}
