//! nginx for the tests: a copy of this machine's, or of the one in its package.
//!
//! The package is unpacked, not installed: that needs no rights, starts no service, and leaves the
//! machine as it was.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};

/// Folders of system programs, which an ordinary user's `PATH` may lack.
const SYSTEM: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"];

/// Puts the program at `dir/nginx`, and tries whether it runs.
pub(crate) fn install(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let program = match on_this_machine() {
        Some(program) => program,
        None => unpack(dir).context("nginx is missing and cannot be fetched; install it")?,
    };
    let copy = dir.join("nginx");
    fs::copy(&program, &copy).with_context(|| format!("cannot copy {}", program.display()))?;
    let tried = output(Command::new(copy).arg("-v"))?;
    ensure!(
        tried.status.success(),
        "nginx does not run here; install it: {}",
        said(&tried)
    );
    Ok(())
}

fn on_this_machine() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(SYSTEM.map(PathBuf::from))
        .map(|folder| folder.join("nginx"))
        .find(|program| program.is_file())
}

/// Fetches Debian's package and unpacks it in `dir`. Returns where the program is.
fn unpack(dir: &Path) -> Result<PathBuf> {
    if download(dir).is_err() {
        // A fresh machine has no list of packages, and an old list names files that are gone.
        done(Command::new("apt-get").args(["update", "-qq"]))?;
        download(dir)?;
    }
    done(Command::new("dpkg").arg("-x").arg(package(dir)?).arg(dir))?;
    Ok(dir.join("usr/sbin/nginx"))
}

fn download(dir: &Path) -> Result<()> {
    done(
        Command::new("apt-get")
            .args(["download", "-qq", "nginx"])
            .current_dir(dir),
    )
}

/// The package file, whose name has its version in it.
fn package(dir: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            return Ok(path);
        }
    }
    bail!("apt-get left no package in {}", dir.display())
}

/// Runs a program to its end; what it says is shown only if it fails.
fn done(command: &mut Command) -> Result<()> {
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

fn output(command: &mut Command) -> Result<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    command
        .output()
        .with_context(|| format!("cannot start {name}"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}
