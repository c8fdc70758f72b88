//! Set-up, tests and demo of this repository: `cargo xtask <command>`.

mod bench;
mod command;
mod debian;
mod demo;
mod installed;
mod instructions;
mod mediawiki;
mod nginx;
mod postgres;
mod test;
mod test_env;
mod torture;
mod valgrind;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "usage: cargo xtask <command>

  test [ARGS...]   install what the tests need, then run all tests (ARGS go to `cargo test`)
  test-env         only install what the tests need
  demo [ARGS...]   build tapline and its connectors, then run `tapline demo ARGS`
  bench [--rounds N] [--profile PROFILE] [NAME...]
                   measure tapline beside others, or those that are named, on the same pages;
                   all of them together are written to docs/benchmarks.md
  bench latency    measure tapline with APIs that take their time
  bench scale      measure runs of up to ten million records, and projects of a thousand pipelines
  instructions [--keep]
                   count what the hot path executes for a page, and fail if that has changed
  torture [--long] GOAL...
                   try goals of docs/reliability.md; without one it names them; `all` is every one";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    match command.as_deref() {
        Some("test") => test::run_tests(&rest),
        Some("test-env") => test_env::install().map(drop),
        Some("demo") => demo::run_demo(&rest),
        Some("bench") => bench::bench(&rest),
        Some(bench::MEASURE) => bench::measure(&rest),
        Some("instructions") => instructions::instructions(&rest),
        Some("torture") => torture::torture(&rest),
        Some(unknown) => bail!("unknown command {unknown:?}\n{USAGE}"),
        None => bail!("a command is missing\n{USAGE}"),
    }
}

/// The top of the repository.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or(here.clone(), PathBuf::from)
}
