//! Running other programs.

use std::env;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The cargo that runs us, in the top folder of the repository.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::root());
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
