//! Debian's packages, unpacked instead of installed: that starts no service, and leaves the
//! machine as it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::command::{done, output, said};

/// Runs `apt-get` in `dir`, which fetches packages into it.
pub(crate) fn fetch(arguments: &[&str], dir: &Path) -> Result<()> {
    let fetch = || {
        let mut command = Command::new("apt-get");
        done(command.arg("-qq").args(arguments).current_dir(dir))
    };
    if fetch().is_ok() {
        return Ok(());
    }
    // A fresh machine has no list of packages, and an old list names files that are gone.
    done(Command::new("apt-get").args(["update", "-qq"]))?;
    fetch()
}

/// The packages in `dir` that come from one of these: `php` means `php8.2-cli`, too.
pub(crate) fn packages(dir: &Path, prefixes: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".deb") && prefixes.iter().any(|prefix| name.starts_with(prefix)) {
            found.push(entry.path());
        }
    }
    if found.is_empty() {
        bail!("apt-get left no package in {}", dir.display());
    }
    Ok(found)
}

/// Unpacks a package in `dir`, except for the paths that one of the patterns fits.
pub(crate) fn unpack(package: &Path, except: &[&str], dir: &Path) -> Result<()> {
    let mut tar = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start dpkg-deb")?;
    let files = tar.stdout.take().context("dpkg-deb has no output")?;
    let except = except.iter().map(|pattern| format!("--exclude={pattern}"));
    let unpacked = output(
        Command::new("tar")
            .args(["-x", "-C"])
            .arg(dir)
            .args(except)
            .stdin(files),
    )?;
    let is_read = tar.wait()?.success();
    ensure!(
        is_read && unpacked.status.success(),
        "cannot unpack {}: {}",
        package.display(),
        said(&unpacked)
    );
    Ok(())
}
