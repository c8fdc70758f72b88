//! valgrind: this machine's, or the one in Debian's package.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command::{output, said};
use crate::debian;

/// Makes `dir/run`, a script for `sh` that runs the program with its tools, and tries it.
pub(crate) fn install(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let script = match output(Command::new("valgrind").arg("--version")) {
        Ok(found) if found.status.success() => "#!/bin/sh\nexec valgrind \"$@\"\n".to_owned(),
        _ => unpacked(dir).context("valgrind is missing and cannot be fetched; install it")?,
    };
    let run = dir.join("run");
    fs::write(&run, script).with_context(|| format!("cannot write {}", run.display()))?;
    let tried = output(
        Command::new("sh")
            .arg(&run)
            .args(["--tool=none", "-q", "true"]),
    )?;
    ensure!(
        tried.status.success(),
        "valgrind does not run here; install it: {}",
        said(&tried)
    );
    Ok(())
}

/// Unpacks Debian's package in `dir`; the script that runs it there.
fn unpacked(dir: &Path) -> Result<String> {
    debian::fetch(&["download", "valgrind"], dir)?;
    for package in debian::packages(dir, &["valgrind"])? {
        debian::unpack(&package, &[], dir)?;
    }
    let tools = dir.join("usr/libexec/valgrind");
    let program = dir.join("usr/bin/valgrind.bin");
    Ok(format!(
        "#!/bin/sh\nVALGRIND_LIB=\"{}\" exec \"{}\" \"$@\"\n",
        tools.display(),
        program.display()
    ))
}
