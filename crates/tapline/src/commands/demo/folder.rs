//! The folder of the demo: made by it, marked as its own, and the only thing it ever replaces.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// The folder, in the current one.
const FOLDER: &str = "tapline-demo";
/// Says that the folder is ours.
const MARKER: &str = ".made-by-tapline-demo";
/// What a demo leaves behind, and the next one replaces.
const OURS: [&str; 5] = [
    "tapline.yaml",
    "warehouse.db",
    "warehouse.db-wal",
    "warehouse.db-shm",
    ".tapline",
];

/// Where `name` of the demo is.
pub(super) fn file(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

/// Makes the folder, or empties it of what an earlier demo wrote.
///
/// # Errors
/// There is one that no demo made.
pub(super) fn prepare() -> Result<()> {
    prepare_at(Path::new(FOLDER))
}

fn prepare_at(folder: &Path) -> Result<()> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::create_dir(folder).map_err(|error| failed(folder, &error))?;
        }
        Err(error) => return Err(failed(folder, &error)),
        Ok(about) if about.is_dir() && is_ours(folder) => {
            for name in OURS {
                remove(&folder.join(name))?;
            }
        }
        Ok(_) => {
            return Err(Failure::usage(
                format!("{} is there already, and no demo made it", folder.display()),
                "move it away, or run the demo in another folder",
            ));
        }
    }
    let marker = folder.join(MARKER);
    let text = "tapline demo made this folder, and replaces its files when it runs again.\n";
    fs::write(&marker, text).map_err(|error| failed(&marker, &error))
}

/// An empty folder may be taken too.
fn is_ours(folder: &Path) -> bool {
    folder.join(MARKER).is_file() || folder.read_dir().is_ok_and(|mut dir| dir.next().is_none())
}

fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => return Ok(()),
    };
    removed.map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(
        format!("cannot prepare {}: {error}", path.display()),
        "run the demo in a folder that can be written",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_demo_made_is_replaced() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("tapline-demo");
        prepare_at(&folder).unwrap();
        fs::write(folder.join("warehouse.db"), "old").unwrap();
        fs::write(folder.join("notes.txt"), "mine").unwrap();
        prepare_at(&folder).unwrap();
        assert!(!folder.join("warehouse.db").exists());
        assert!(folder.join("notes.txt").exists());

        fs::remove_file(folder.join(MARKER)).unwrap();
        assert!(prepare_at(&folder).is_err());
        let file = place.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(prepare_at(&file).is_err());
    }
}
