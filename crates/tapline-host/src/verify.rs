//! What is checked before the system's loader may touch a plugin.
//!
//! The loader trusts its input: a truncated library ends the process with SIGBUS, and one that is
//! overwritten while it is loaded crashes it later. So the file is read once; these bytes are
//! checked, hashed and copied to a directory that only this user can write; the copy is what is
//! loaded. Its name is its hash, so a new version of a plugin is a new file.

use std::env::consts::{ARCH, DLL_SUFFIX};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use object::{Architecture, BinaryFormat, Object, ObjectKind, ObjectSection, ObjectSegment};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::LoadError;
use crate::exposed::exposed;

/// The file is read as a whole.
const LARGEST: u64 = 1 << 30;

/// A private copy, ready to be loaded.
#[derive(Debug)]
pub(crate) struct Verified {
    /// The copy.
    pub(crate) copy: PathBuf,
    /// Hash of its bytes, in hexadecimal.
    pub(crate) sha256: String,
}

/// Checks the file `path` and copies it to `cache_dir`.
pub(crate) fn verify(path: &Path, cache_dir: &Path) -> Result<Verified, LoadError> {
    let bytes = read(path)?;
    check_header(&bytes).map_err(|reason| LoadError::Header {
        path: path.to_owned(),
        reason,
    })?;
    let sha256 = hash(&bytes);
    let cache_dir = &private(cache_dir).map_err(io_error("use", cache_dir))?;
    let copy = cache_dir.join(format!("{sha256}{DLL_SUFFIX}"));
    if !is_copy(&copy, &sha256) {
        write_copy(&copy, &bytes, cache_dir).map_err(io_error("write", &copy))?;
        if !is_copy(&copy, &sha256) {
            return Err(LoadError::Copy { path: copy });
        }
    }
    Ok(Verified { copy, sha256 })
}

/// The bytes of the file `path`, which only those may have written who are trusted. What is
/// judged is the file that is open: its name may lead to another one a moment later.
fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let mut file = File::open(path).map_err(io_error("read", path))?;
    let about = file.metadata().map_err(io_error("read", path))?;
    if let Some(open) = exposed(path, &about).map_err(io_error("read", path))? {
        let path = path.to_owned();
        return Err(LoadError::Exposed { path, open });
    }
    if about.len() > LARGEST {
        return Err(LoadError::TooLarge {
            path: path.to_owned(),
            bytes: about.len(),
            limit: LARGEST,
        });
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(io_error("read", path))?;
    Ok(bytes)
}

/// Whether `bytes` are a whole shared library for this machine.
fn check_header(bytes: &[u8]) -> Result<(), String> {
    let file = object::File::parse(bytes).map_err(|error| error.to_string())?;
    if format(&file) != BinaryFormat::native_object() {
        return Err(format!("it has the format {:?}", file.format()));
    }
    if file.architecture() != native_architecture() {
        let machine = file.architecture();
        return Err(format!("it is for {machine:?}, this machine is {ARCH}"));
    }
    if file.kind() != ObjectKind::Dynamic {
        return Err(format!("it is no shared library but {:?}", file.kind()));
    }
    let segments = file.segments().map(|segment| segment.file_range());
    let sections = file.sections().filter_map(|section| section.file_range());
    let end = segments
        .chain(sections)
        .map(|(start, size)| start.saturating_add(size))
        .max();
    match end {
        Some(end) if end <= bytes.len() as u64 => Ok(()),
        Some(end) => Err(format!("it has {} of {end} bytes", bytes.len())),
        None => Err("it is empty".to_owned()),
    }
}

/// Windows libraries are PE, objects are COFF; one name serves for both here.
fn format(file: &object::File<'_>) -> BinaryFormat {
    match file.format() {
        BinaryFormat::Pe => BinaryFormat::Coff,
        other => other,
    }
}

fn native_architecture() -> Architecture {
    match ARCH {
        "x86_64" => Architecture::X86_64,
        "x86" => Architecture::I386,
        "aarch64" => Architecture::Aarch64,
        "arm" => Architecture::Arm,
        "powerpc64" => Architecture::PowerPc64,
        "riscv64" => Architecture::Riscv64,
        "s390x" => Architecture::S390x,
        _ => Architecture::Unknown,
    }
}

fn hash(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("a String takes everything");
    }
    text
}

/// Whether `copy` is there and has this hash.
fn is_copy(copy: &Path, sha256: &str) -> bool {
    fs::read(copy).is_ok_and(|bytes| hash(&bytes) == sha256)
}

/// Writes beside `copy` and renames, so that no half-written library ever has its name.
fn write_copy(copy: &Path, bytes: &[u8], cache_dir: &Path) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(cache_dir)?;
    file.write_all(bytes)?;
    file.persist(copy)?;
    Ok(())
}

/// Makes `dir` for this user alone. One that is there already must not be open to others; it is
/// not closed here, since it may be theirs for a reason. Its real path is what is used from here
/// on: a link could lead elsewhere a moment later.
#[cfg(unix)]
fn private(dir: &Path) -> io::Result<PathBuf> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};

    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let dir = dir.canonicalize()?;
    let about = dir.metadata()?;
    if about.permissions().mode() & 0o022 != 0 {
        return Err(io::Error::other("other users can write to it"));
    }
    if about.uid() != ROOT && about.uid() != owner_of_new_files(&dir)? {
        return Err(io::Error::other("it belongs to another user"));
    }
    Ok(dir)
}

/// Whoever this is can change every file anyway.
#[cfg(unix)]
const ROOT: u32 = 0;

/// The user that this process is, as the file system of `dir` sees it.
#[cfg(unix)]
fn owner_of_new_files(dir: &Path) -> io::Result<u32> {
    use std::os::unix::fs::MetadataExt;

    let file = tempfile::tempfile_in(dir)?;
    Ok(file.metadata()?.uid())
}

/// Makes `dir`. On Windows a directory in the user's profile is closed to other users.
#[cfg(not(unix))]
fn private(dir: &Path) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).create(dir)?;
    Ok(dir.to_owned())
}

pub(crate) fn io_error(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> LoadError {
    let path = path.to_owned();
    move |source| LoadError::Io {
        operation,
        path,
        source,
    }
}
