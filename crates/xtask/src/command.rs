//! Running other programs.

use std::env;
use std::process::{Command, Output};

use anyhow::{Context, Result, bail, ensure};

/// The cargo that runs us, in the top folder of the repository.
///
/// It is not told what the one that runs us says of our package: ring's build script takes other
/// values for a change, and half of the tree would be built again after every plain `cargo build`.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::root());
    let ours = ["CARGO_PKG_", "CARGO_MANIFEST_"];
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ours.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs a program to its end; its output goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("cannot start {name}; is it installed?"))?;
    if !status.success() {
        bail!("{name} ended with {status}");
    }
    Ok(())
}

/// Runs a program to its end; what it says is shown only if it fails.
pub(crate) fn done(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = output(command)?;
    ensure!(
        output.status.success(),
        "{name} ended with {}: {}",
        output.status,
        said(&output)
    );
    Ok(())
}

/// Runs a program to its end, and returns what it said.
pub(crate) fn output(command: &mut Command) -> Result<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    command
        .output()
        .with_context(|| format!("cannot start {name}"))
}

/// What a program complained about.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}
