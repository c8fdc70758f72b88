//! What the tests need besides Rust: real servers, and the rows they serve.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, thread};

use anyhow::{Context, Result};

use crate::command::run;
use crate::{installed, mediawiki, nginx, postgres, valgrind};

/// Tells the tests where the environment is; if set, it is installed there.
pub(crate) const VARIABLE: &str = "TAPLINE_TEST_ENV";

/// Something that is installed in a folder of its own.
struct Part {
    folder: &'static str,
    /// What is installed: it is done again when this changes.
    recipe: Recipe,
    install: fn(&Path) -> Result<()>,
}

enum Recipe {
    /// A file in `tests/` that pins versions.
    Manifest(&'static str),
    /// A number to raise when the code that installs it does something else.
    Edition(u32),
}

const PYTHON: Part = Part {
    folder: "venv",
    recipe: Recipe::Manifest("requirements.txt"),
    install: install_python,
};
const NODE: Part = Part {
    folder: "node_modules",
    recipe: Recipe::Manifest("package.json"),
    install: install_node,
};
const NGINX: Part = Part {
    folder: "nginx",
    recipe: Recipe::Edition(1),
    install: |dir| nginx::install(&dir.join("nginx")),
};
const VALGRIND: Part = Part {
    folder: "valgrind",
    recipe: Recipe::Edition(1),
    install: |dir| valgrind::install(&dir.join("valgrind")),
};
const POSTGRES: Part = Part {
    folder: "postgres",
    recipe: Recipe::Edition(1),
    install: |dir| postgres::install(&dir.join("postgres")),
};
const MEDIAWIKI: Part = Part {
    folder: "mediawiki",
    recipe: Recipe::Edition(1),
    install: |dir| mediawiki::install(&dir.join("mediawiki")),
};

/// Installs what of the environment is missing or out of date. Returns its folder.
pub(crate) fn install() -> Result<PathBuf> {
    let dir = folder()?;
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    // Each waits for its registry most of the time; the last three share theirs.
    thread::scope(|scope| {
        let python = scope.spawn(|| PYTHON.ensure(&dir));
        let node = scope.spawn(|| NODE.ensure(&dir));
        NGINX.ensure(&dir)?;
        for (part, name) in [(POSTGRES, "PostgreSQL"), (MEDIAWIKI, "MediaWiki")] {
            if let Err(error) = part.ensure(&dir) {
                // All other tests run on a machine that is no Debian.
                eprintln!("xtask: {error:#}; the tests of {name} will fail");
            }
        }
        python.join().expect("it returns its errors")?;
        node.join().expect("it returns its errors")
    })?;
    Ok(dir)
}

/// Installs nginx alone. Returns the program.
pub(crate) fn install_nginx() -> Result<PathBuf> {
    let dir = folder()?;
    NGINX.ensure(&dir)?;
    Ok(dir.join("nginx/nginx"))
}

/// Installs valgrind alone. Returns the script that runs it.
pub(crate) fn install_valgrind() -> Result<PathBuf> {
    let dir = folder()?;
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    VALGRIND.ensure(&dir)?;
    Ok(dir.join("valgrind/run"))
}

impl Part {
    fn ensure(&self, dir: &Path) -> Result<()> {
        let wanted = self.recipe.text()?;
        installed::ensure(dir, self.folder, &wanted, || (self.install)(dir))
    }
}

impl Recipe {
    fn text(&self) -> Result<String> {
        match self {
            Self::Manifest(name) => fs::read_to_string(manifest(name))
                .with_context(|| format!("cannot read tests/{name}")),
            Self::Edition(number) => Ok(number.to_string()),
        }
    }
}

/// An absolute path: the tests run in other folders.
fn folder() -> Result<PathBuf> {
    let chosen = env::var_os(VARIABLE).map(PathBuf::from);
    let dir = chosen.unwrap_or_else(|| crate::root().join("target/test-env"));
    std::path::absolute(&dir).with_context(|| format!("{VARIABLE} is not a path"))
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
