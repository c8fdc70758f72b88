//! MediaWiki for the tests, and the PHP that it runs on, from Debian's packages.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command::{done, output, said};
use crate::debian;

/// What of the packages is used: not the web server they ask for. Libraries are only fetched
/// where the machine lacks them.
const UNPACKED: [&str; 3] = ["mediawiki", "php", "lib"];

/// Left packed: links into folders of an installed MediaWiki, and what its API works without,
/// which is two thirds.
const LEFT_OUT: [&str; 14] = [
    "./etc",
    "./var",
    "./usr/lib/apache2",
    "./usr/share/doc",
    "./usr/share/lintian",
    "./usr/share/man",
    "./usr/share/mediawiki/LocalSettings.php",
    "./usr/share/mediawiki/config",
    "./usr/share/mediawiki/extensions*",
    "./usr/share/mediawiki/images",
    "./usr/share/mediawiki/languages/i18n/[!e]*",
    "./usr/share/mediawiki/mw-config",
    "./usr/share/mediawiki/resources",
    "./usr/share/mediawiki/skins",
];

/// The parts of PHP that MediaWiki needs and Debian keeps apart.
const EXTENSIONS: [&str; 12] = [
    "ctype",
    "dom",
    "fileinfo",
    "iconv",
    "intl",
    "mbstring",
    "pdo",
    "pdo_sqlite",
    "simplexml",
    "tokenizer",
    "xml",
    "xmlreader",
];

/// Puts PHP at `dir/php`, and MediaWiki at `dir/usr/share/mediawiki`.
pub(crate) fn install(dir: &Path) -> Result<()> {
    let packages = dir.join("packages");
    // apt-get does not make the folder `partial` itself.
    let partial = packages.join("partial");
    fs::create_dir_all(&partial).with_context(|| format!("cannot make {}", partial.display()))?;
    fetch(&packages).context("MediaWiki cannot be fetched from Debian's packages")?;
    for package in debian::packages(&packages, &UNPACKED)? {
        debian::unpack(&package, &LEFT_OUT, dir)?;
    }
    fs::remove_dir_all(&packages)?;
    for looked_for in ["extensions", "skins"] {
        fs::create_dir_all(dir.join("usr/share/mediawiki").join(looked_for))?;
    }
    let version = version()?;
    fs::write(dir.join("php.ini"), configuration(dir)?)?;
    fs::write(dir.join("php"), script(&version))?;
    done(Command::new("chmod").arg("+x").arg(dir.join("php")))?;
    try_out(&dir.join("php"))
}

/// Fetches everything that is not installed, and PHP even if it is.
fn fetch(packages: &Path) -> Result<()> {
    let archives = format!("Dir::Cache::archives={}", packages.display());
    let options = ["install", "--download-only", "--no-install-recommends"];
    // Nothing is installed, so there is nothing to lock.
    let more = ["--reinstall", "-y", "-o", "Debug::NoLocking=1", "-o"];
    let mut arguments = [&options[..], &more, &[&archives]].concat();
    // A fresh machine does not know PHP's version before it has a list of packages.
    debian::fetch(&["download", "--print-uris", "php-cli"], packages)?;
    let version = version()?;
    let parts = ["cli", "common", "intl", "mbstring", "sqlite3", "xml"];
    let parts: Vec<String> = parts.map(|part| format!("{version}-{part}")).into();
    arguments.extend(["mediawiki", "mediawiki-classes"]);
    arguments.extend(parts.iter().map(String::as_str));
    debian::fetch(&arguments, packages)
}

/// Which PHP this Debian has: `php8.2`.
fn version() -> Result<String> {
    let depends = output(Command::new("apt-cache").args(["depends", "php-cli"]))?;
    let depends = String::from_utf8_lossy(&depends.stdout);
    let name = depends
        .split_whitespace()
        .find_map(|word| word.strip_suffix("-cli").filter(|name| *name != "php"));
    Ok(name.context("`php-cli` depends on no PHP")?.to_owned())
}

fn configuration(dir: &Path) -> Result<String> {
    let modules = dir.join("usr/lib/php");
    let folder = fs::read_dir(&modules)?
        .flatten()
        .find(|entry| entry.path().join("intl.so").exists());
    let folder = folder.context("the package of PHP has no modules")?.path();
    let mut text = format!("extension_dir={}\n", folder.display());
    for extension in EXTENSIONS {
        text.push_str(&format!("extension={extension}\n"));
    }
    Ok(text)
}

/// Starts PHP with its own libraries, modules and configuration, not the machine's.
fn script(version: &str) -> String {
    format!(
        r#"#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
for libraries in "$here"/usr/lib/*-linux-* "$here"/lib/*-linux-*; do
    LD_LIBRARY_PATH=$libraries:$LD_LIBRARY_PATH
done
export LD_LIBRARY_PATH PHP_INI_SCAN_DIR=
exec "$here/usr/bin/{version}" -c "$here/php.ini" "$@"
"#
    )
}

fn try_out(php: &Path) -> Result<()> {
    let tried = output(Command::new(php).arg("-m"))?;
    let loaded = String::from_utf8_lossy(&tried.stdout).to_lowercase();
    for extension in EXTENSIONS {
        ensure!(
            loaded.lines().any(|line| line == extension),
            "PHP does not run here: no {extension}: {loaded}{}",
            said(&tried)
        );
    }
    Ok(())
}
