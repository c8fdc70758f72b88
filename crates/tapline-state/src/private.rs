//! Files and folders that only their owner may read: state holds cursors, tokens and names.

use std::fs::{self, File, OpenOptions};
use std::path::Path;

use crate::failure::{Failure, Result};

/// Opens `path` for reading and writing; creates it with mode 0600, and its folder with 0700.
pub(crate) fn open(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        create_folder(folder)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let what = format!("cannot open {}", path.display());
    options.open(path).map_err(Failure::io(what))
}

/// Reads a small file, and refuses one that others may read.
pub(crate) fn read(path: &Path) -> Result<String> {
    let what = || format!("cannot read {}", path.display());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let found = fs::metadata(path).map_err(Failure::io(what()))?;
        let mode = found.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let path = path.display();
            return Err(Failure::Key(format!(
                "{path} has mode {mode:04o}: others can read it; set it to 0600"
            )));
        }
    }
    fs::read_to_string(path).map_err(Failure::io(what()))
}

fn create_folder(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let what = format!("cannot create {}", folder.display());
    builder.create(folder).map_err(Failure::io(what))
}
