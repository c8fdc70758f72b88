//! nginx for the tests: a copy of this machine's, or of the one in its package.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, ensure};

use crate::command::{output, said};
use crate::debian;

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
    debian::fetch(&["download", "nginx"], dir)?;
    for package in debian::packages(dir, &["nginx"])? {
        debian::unpack(&package, &[], dir)?;
    }
    Ok(dir.join("usr/sbin/nginx"))
}
