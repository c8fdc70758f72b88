//! `cargo xtask demo`: the demo, from a fresh checkout.

use std::env;
use std::env::consts::EXE_SUFFIX;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::command::{cargo, run};

/// What has to be built: the program, and the connectors it loads at run time.
const PACKAGES: [&str; 4] = [
    "tapline",
    "tapline-connector-mailchimp",
    "tapline-connector-rest",
    "tapline-connector-zendesk",
];

/// Builds everything once, then runs `tapline demo` in the current folder.
pub(crate) fn run_demo(arguments: &[String]) -> Result<()> {
    let packages = PACKAGES.iter().flat_map(|package| ["--package", package]);
    run(cargo().args(["build", "--locked"]).args(packages))?;
    let tapline = target_dir()
        .join("debug")
        .join(format!("tapline{EXE_SUFFIX}"));
    run(Command::new(tapline).arg("demo").args(arguments))
}

/// Where cargo builds.
pub(crate) fn target_dir() -> PathBuf {
    let chosen = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    crate::root().join(chosen.unwrap_or_else(|| "target".into()))
}
