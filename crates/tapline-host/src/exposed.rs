//! Who else could have written a plugin: a file that anybody can change is nobody's.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

/// What any user of this machine could change or replace: the file itself, described by `about`,
/// its folder, or one above it. Group members are trusted, as the system's defaults do.
#[cfg(unix)]
pub(crate) fn exposed(path: &Path, about: &Metadata) -> io::Result<Option<PathBuf>> {
    // Whoever can change the program itself gains nothing by changing a plugin. There are file
    // systems on which everything looks like that.
    if is_open(&std::env::current_exe()?.metadata()?) {
        return Ok(None);
    }
    if is_open(about) {
        return Ok(Some(path.to_owned()));
    }
    let real = path.canonicalize()?;
    for folder in [path.parent(), real.parent()].into_iter().flatten() {
        if let Some(open) = open_folder(folder)? {
            return Ok(Some(open));
        }
    }
    Ok(None)
}

/// On Windows programs stand where only administrators add files, or in the user's profile.
#[cfg(not(unix))]
pub(crate) fn exposed(_: &Path, _: &Metadata) -> io::Result<Option<PathBuf>> {
    Ok(None)
}

/// `folder` or one above it, if others can put another thing in the place of what is in it. In a
/// sticky folder above, such as that for temporary files, they cannot.
#[cfg(unix)]
fn open_folder(folder: &Path) -> io::Result<Option<PathBuf>> {
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let folder = folder.canonicalize()?;
    for above in folder.ancestors() {
        let about = above.metadata()?;
        if is_open(&about) && (above == folder || !is_sticky(&about)) {
            return Ok(Some(above.to_owned()));
        }
    }
    Ok(None)
}

#[cfg(unix)]
fn is_open(about: &Metadata) -> bool {
    mode(about) & 0o002 != 0
}

#[cfg(unix)]
fn is_sticky(about: &Metadata) -> bool {
    mode(about) & 0o1000 != 0
}

#[cfg(unix)]
fn mode(about: &Metadata) -> u32 {
    use std::os::unix::fs::MetadataExt;

    about.mode()
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_others_can_change_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        let (outer, inner) = (top.join("outer"), top.join("outer/inner"));
        let (file, link) = (inner.join("file"), top.join("link"));
        fs::create_dir_all(&inner).unwrap();
        fs::write(&file, "").unwrap();
        symlink(&file, &link).unwrap();
        let check = |changed: &Path, mode: u32, expected: Option<&Path>| {
            let before = changed.metadata().unwrap().permissions();
            fs::set_permissions(changed, Permissions::from_mode(mode)).unwrap();
            for path in [&file, &link] {
                let found = exposed(path, &path.metadata().unwrap()).unwrap();
                let found = found.map(|found| found.canonicalize().unwrap());
                assert_eq!(found.as_deref(), expected, "{changed:?} {mode:o}");
            }
            fs::set_permissions(changed, before).unwrap();
        };
        check(&file, 0o664, None);
        check(&file, 0o646, Some(&file));
        check(&inner, 0o775, None);
        check(&inner, 0o777, Some(&inner));
        check(&inner, 0o1777, Some(&inner));
        check(&outer, 0o777, Some(&outer));
        check(&outer, 0o1777, None);
        fs::set_permissions(&top, Permissions::from_mode(0o777)).unwrap();
        let found = exposed(&link, &link.metadata().unwrap()).unwrap();
        assert_eq!(found, Some(top), "the folder of the link");
    }
}
