//! What the tests need besides Rust: real servers, and the rows they serve.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, thread};

use anyhow::{Context, Result};

use crate::command::run;
use crate::nginx;

/// Tells the tests where the environment is; if set, it is installed there.
pub(crate) const VARIABLE: &str = "TAPLINE_TEST_ENV";

/// What is installed, pinned. Both are in `tests/`.
const MANIFESTS: [&str; 2] = ["requirements.txt", "package.json"];

/// Written last, so that an installation cut short is done again.
const STAMP: &str = "installed";

/// Installs the environment, unless what is there is up to date. Returns its folder.
pub(crate) fn install() -> Result<PathBuf> {
    let dir = folder()?;
    let wanted = manifests()?;
    if fs::read_to_string(dir.join(STAMP)).is_ok_and(|installed| installed == wanted) {
        return Ok(dir);
    }
    eprintln!(
        "xtask: installing the test environment in {}",
        dir.display()
    );
    for old in ["venv", "node_modules", "nginx"] {
        remove(&dir.join(old))?;
    }
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    // Each waits for its registry most of the time.
    thread::scope(|scope| {
        let python = scope.spawn(|| install_python(&dir));
        install_node(&dir)?;
        nginx::install(&dir.join("nginx"))?;
        python.join().expect("it returns its errors")
    })?;
    fs::write(dir.join(STAMP), wanted).context("cannot note what is installed")?;
    Ok(dir)
}

/// Only what was installed here is removed: the folder itself may be anybody's.
fn remove(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

/// An absolute path: the tests run in other folders.
fn folder() -> Result<PathBuf> {
    let chosen = env::var_os(VARIABLE).map(PathBuf::from);
    let dir = chosen.unwrap_or_else(|| crate::root().join("target/test-env"));
    std::path::absolute(&dir).with_context(|| format!("{VARIABLE} is not a path"))
}

/// The text of all manifests: what the stamp is compared with.
fn manifests() -> Result<String> {
    MANIFESTS
        .into_iter()
        .map(|name| {
            fs::read_to_string(manifest(name)).with_context(|| format!("cannot read tests/{name}"))
        })
        .collect()
}

fn manifest(name: &str) -> PathBuf {
    crate::root().join("tests").join(name)
}

fn install_python(dir: &Path) -> Result<()> {
    let venv = dir.join("venv");
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    run(Command::new(venv.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(manifest("requirements.txt")))
}

/// The packages need no set-up of their own, so none may run any.
fn install_node(dir: &Path) -> Result<()> {
    fs::copy(manifest("package.json"), dir.join("package.json"))
        .context("cannot copy tests/package.json")?;
    run(Command::new("npm")
        .args(["install", "--silent", "--no-audit", "--no-fund"])
        .args(["--no-package-lock", "--ignore-scripts", "--prefix"])
        .arg(dir))
}
