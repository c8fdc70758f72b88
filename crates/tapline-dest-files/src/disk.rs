//! Everything that changes the disk, in steps that a power cut may fall between.
//!
//! A file appears under its name only when all of it is on the disk: it is written under another
//! name, fsync'd, and then renamed or linked; the folder is fsync'd after that.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// Begins the name of a file that is not whole yet.
const DRAFT: &str = ".draft-";
/// What is gathered before the system is called.
const BUFFER: usize = 64 * 1024;

/// Puts a file at `path`, in place of the one that may be there. Returns its size.
pub(crate) fn put(path: &Path, write: impl FnOnce(&mut Draft) -> Result<()>) -> Result<u64> {
    let mut draft = Draft::create(path)?;
    write(&mut draft)?;
    draft.finish()?.put()
}

/// Puts a file at `path` if there is none. `false` if there is.
pub(crate) fn put_if_absent(
    path: &Path,
    write: impl FnOnce(&mut Draft) -> Result<()>,
) -> Result<bool> {
    let mut draft = Draft::create(path)?;
    write(&mut draft)?;
    let Whole { place, .. } = draft.finish()?;
    step("link", path)?;
    let linked = fs::hard_link(&place, path);
    fs::remove_file(&place).map_err(Failure::io("remove", &place))?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        linked => linked.map_err(Failure::io("link", path))?,
    }
    sync_folder(folder_of(path))?;
    Ok(true)
}

/// A file that is being written, beside the place where it will appear. If it is dropped it stays
/// there until [`remove_drafts`], as after a crash.
pub(crate) struct Draft {
    /// Where it will appear.
    path: PathBuf,
    /// Where it is.
    place: PathBuf,
    file: BufWriter<File>,
}

impl Draft {
    /// Begins the file that will appear at `path`.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let place = path.with_file_name(format!("{DRAFT}{name}"));
        step("write", path)?;
        let file = File::create(&place).map_err(Failure::io("create", &place))?;
        Ok(Self {
            path: path.to_owned(),
            place,
            file: BufWriter::with_capacity(BUFFER, file),
        })
    }

    /// Brings all of it down to the disk.
    pub(crate) fn finish(mut self) -> Result<Whole> {
        let finished = self.file.flush().and_then(|()| {
            let file = self.file.get_ref();
            file.sync_all()?;
            Ok(file.metadata()?.len())
        });
        Ok(Whole {
            bytes: finished.map_err(Failure::io("write", &self.place))?,
            path: self.path,
            place: self.place,
        })
    }
}

/// A file that is on the disk, but has not appeared yet.
pub(crate) struct Whole {
    path: PathBuf,
    place: PathBuf,
    bytes: u64,
}

impl Whole {
    /// Lets the file appear, in place of the one that may be there. Returns its size.
    pub(crate) fn put(self) -> Result<u64> {
        step("rename", &self.path)?;
        fs::rename(&self.place, &self.path).map_err(Failure::io("rename", &self.place))?;
        sync_folder(folder_of(&self.path))?;
        Ok(self.bytes)
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Makes `folder` and those above it that are missing, each on the disk when this returns.
pub(crate) fn create_folder(folder: &Path) -> Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    create_folder(folder_of(folder))?;
    step("create", folder)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        created => created.map_err(Failure::io("create", folder))?,
    }
    sync_folder(folder_of(folder))
}

/// Removes the folder and what is in it; none is as good.
pub(crate) fn remove_folder(folder: &Path) -> Result<()> {
    step("remove", folder)?;
    absent_is_fine(fs::remove_dir_all(folder)).map_err(Failure::io("remove", folder))
}

/// Removes the file; none is as good.
pub(crate) fn remove_file(path: &Path) -> Result<()> {
    step("remove", path)?;
    absent_is_fine(fs::remove_file(path)).map_err(Failure::io("remove", path))
}

/// Removes files in `folder` that were never whole.
pub(crate) fn remove_drafts(folder: &Path) -> Result<()> {
    let drafts = names(folder)?.into_iter();
    drafts
        .filter(|name| name.starts_with(DRAFT))
        .try_for_each(|name| remove_file(&folder.join(name)))
}

/// The names in `folder`, sorted; none if there is no such folder.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let list = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            names.extend(entry?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    };
    match list() {
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        listed => listed.map_err(Failure::io("list", folder)),
    }
}

/// Reads the file; `None` if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if is_absent(&error) => Ok(None),
        read => read.map(Some).map_err(Failure::io("read", path)),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// Only on Unix can a folder be opened and fsync'd; elsewhere its entries are the system's care.
fn sync_folder(folder: &Path) -> Result<()> {
    step("sync", folder)?;
    if cfg!(unix) {
        let here = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let synced = File::open(here).and_then(|folder| folder.sync_all());
        synced.map_err(Failure::io("sync", here))?;
    }
    Ok(())
}

/// Where a test lets the power fail.
#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "tests let it fail")]
fn step(_: &'static str, _: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
pub(crate) use cut::{power, step};

#[cfg(test)]
mod cut {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    /// From now on this thread takes `steps` steps; all later ones fail.
    pub(crate) fn power(steps: usize) {
        LEFT.set(steps);
    }

    pub(crate) fn step(doing: &'static str, path: &Path) -> Result<()> {
        match LEFT.get() {
            0 => Err(Failure::io(doing, path)(io::Error::other("power cut"))),
            left => {
                LEFT.set(left - 1);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_put_only_where_none_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("000001.json");
        let text = |text: &'static str| {
            move |file: &mut Draft| {
                file.write_all(text.as_bytes())
                    .map_err(Failure::io("write", Path::new("x")))
            }
        };
        assert!(put_if_absent(&path, text("one")).unwrap());
        assert!(!put_if_absent(&path, text("two")).unwrap());
        assert_eq!(read(&path).unwrap().unwrap(), b"one");
        assert_eq!(put(&path, text("three")).unwrap(), 5);
        assert_eq!(read(&path).unwrap().unwrap(), b"three");
        assert_eq!(names(folder.path()).unwrap(), ["000001.json"]);
    }
}
