//! What is installed once, and again when what is asked for changes.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Runs `install`, which makes `dir/folder`, unless that was made as it is `wanted`.
pub(crate) fn ensure(
    dir: &Path,
    folder: &str,
    wanted: &str,
    install: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let stamp = dir.join(format!("{folder}.installed"));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    eprintln!("xtask: installing {}", dir.join(folder).display());
    remove(&dir.join(folder))?;
    install()?;
    // Written last, so that an installation cut short is done again.
    fs::write(stamp, wanted).context("cannot note what is installed")
}

/// Only what was installed here is removed: the folder itself may be anybody's.
fn remove(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}
