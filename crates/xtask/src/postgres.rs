//! PostgreSQL for the tests: this machine's, or the one in Debian's packages.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, ensure};

use crate::command::{done, output, said};
use crate::debian;

/// What of the packages is used. Libraries are only fetched where the machine lacks them.
const UNPACKED: [&str; 2] = ["postgresql-", "lib"];

/// Left packed: what runs at installation, what is read by people, other languages, and the
/// compiler of queries, which is larger than all the rest.
const LEFT_OUT: [&str; 8] = [
    "./etc",
    "./lib/systemd",
    "./usr/lib/*/libLLVM*",
    "./usr/lib/llvm*",
    "./usr/lib/postgresql/*/lib/bitcode",
    "./usr/share/doc",
    "./usr/share/locale",
    "./usr/share/man",
];

/// Makes `dir/run`, which runs one of the server's programs: `run initdb ...`.
pub(crate) fn install(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let script = match on_this_machine() {
        Some(programs) => format!(
            "#!/bin/sh\nprogram=$1\nshift\nexec \"{}/$program\" \"$@\"\n",
            programs.display()
        ),
        None => {
            unpack(dir).context("PostgreSQL is missing and cannot be fetched; install it")?;
            UNPACKED_SCRIPT.to_owned()
        }
    };
    let run = dir.join("run");
    fs::write(&run, script)?;
    done(Command::new("chmod").arg("+x").arg(&run))?;
    for program in ["initdb", "postgres"] {
        let tried = output(Command::new(&run).args([program, "--version"]))?;
        ensure!(
            tried.status.success(),
            "{program} does not run here; install PostgreSQL: {}",
            said(&tried)
        );
    }
    Ok(())
}

/// Starts a program with its own libraries, not the machine's.
const UNPACKED_SCRIPT: &str = r#"#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
for libraries in "$here"/usr/lib/*-linux-* "$here"/lib/*-linux-*; do
    LD_LIBRARY_PATH=$libraries:$LD_LIBRARY_PATH
done
export LD_LIBRARY_PATH
program=$1
shift
exec "$here"/usr/lib/postgresql/*/bin/"$program" "$@"
"#;

/// The folder of the newest server that is installed. Debian keeps each version in its own.
fn on_this_machine() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut folders: Vec<PathBuf> = versions.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    let path = env::var_os("PATH").unwrap_or_default();
    let debian = folders.into_iter().rev().map(|folder| folder.join("bin"));
    let is_there = |folder: &PathBuf| {
        let programs = ["initdb", "postgres"];
        programs.iter().all(|name| folder.join(name).is_file())
    };
    debian.chain(env::split_paths(&path)).find(is_there)
}

/// Fetches Debian's packages and unpacks them in `dir`.
fn unpack(dir: &Path) -> Result<()> {
    let packages = dir.join("packages");
    // apt-get does not make the folder `partial` itself.
    fs::create_dir_all(packages.join("partial"))?;
    let archives = format!("Dir::Cache::archives={}", packages.display());
    // A fresh machine does not know the version before it has a list of packages.
    debian::fetch(&["download", "--print-uris", "postgresql"], &packages)?;
    let server = server()?;
    let options = ["install", "--download-only", "--no-install-recommends"];
    // Nothing is installed, so there is nothing to lock.
    let more = ["--reinstall", "-y", "-o", "Debug::NoLocking=1", "-o"];
    let arguments = [&options[..], &more, &[&archives, &server, "libpq5"]].concat();
    debian::fetch(&arguments, &packages)?;
    for package in debian::packages(&packages, &UNPACKED)? {
        debian::unpack(&package, &LEFT_OUT, dir)?;
    }
    fs::remove_dir_all(&packages).context("cannot remove the packages")
}

/// The package of this Debian's server: `postgresql-15`.
fn server() -> Result<String> {
    let depends = output(Command::new("apt-cache").args(["depends", "postgresql"]))?;
    let depends = String::from_utf8_lossy(&depends.stdout);
    let name = depends
        .split_whitespace()
        .find(|word| word.starts_with("postgresql-"));
    Ok(name
        .context("`postgresql` depends on no server")?
        .to_owned())
}
