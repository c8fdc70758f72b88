//! The functions that change a disk.
//!
//! Each is asked for by its name in the C library. On Linux a function that takes further arguments
//! only sometimes (`open`) is called as one that always does.

use std::ffi::CStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libc::{AT_FDCWD, AT_REMOVEDIR, SEEK_CUR, c_char, c_int, c_uint, c_void, off64_t};
use serde_json::{Value, json};

use crate::shim::{Shim, absolute, fail, inode, next, path_of, shim};

/// Makes a call that concerns `path`, and writes down what it has changed.
fn on_path(
    path: Option<String>,
    real: impl Fn() -> c_int,
    change: impl FnOnce(&Shim, &str, c_int) -> Value,
) -> c_int {
    let Some((shim, path)) = shim().and_then(|shim| Some((shim, shim.below(&path?)?))) else {
        return real();
    };
    let (_call, errno) = shim.begin();
    if let Some(errno) = errno {
        shim.trace(&json!({ "op": "failed", "path": path, "errno": errno }));
        return fail(errno);
    }
    let done = real();
    shim.trace(&match done >= 0 {
        true => change(shim, &path, done),
        false => json!({ "op": "none" }),
    });
    done
}

/// Makes a call that concerns the open file `file`, and writes down what it has changed.
fn on_file(
    file: c_int,
    what: &str,
    real: impl Fn() -> isize,
    change: impl FnOnce(u64, isize) -> Value,
) -> isize {
    let known = shim().and_then(|shim| Some((shim, shim.below(&path_of(file)?)?)));
    let Some((shim, path)) = known else {
        return real();
    };
    let (_call, errno) = shim.begin();
    let (inode, _) = inode(file);
    if let Some(errno) = errno {
        let failed =
            json!({ "op": "failed", "call": what, "path": path, "ino": inode, "errno": errno });
        shim.trace(&failed);
        return fail(errno) as isize;
    }
    let done = real();
    shim.trace(&match done >= 0 {
        true => change(inode, done),
        false => json!({ "op": "none" }),
    });
    done
}

fn written(inode: u64, at: u64, bytes: *const c_void, count: isize) -> Value {
    // SAFETY: the system has read that many bytes from there.
    let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), count.unsigned_abs()) };
    json!({ "op": "write", "ino": inode, "at": at, "data": STANDARD.encode(bytes) })
}

type Open = unsafe extern "C" fn(*const c_char, c_int, c_uint) -> c_int;

unsafe fn opened(name: &CStr, path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    let real: Open = next(name);
    // SAFETY: callers of `open` give a path.
    let at = unsafe { absolute(AT_FDCWD, path) };
    // SAFETY: the path is the caller's.
    let exists = || unsafe { libc::access(path, libc::F_OK) } == 0;
    let is_new = flags & libc::O_CREAT != 0 && !exists();
    let is_cut = flags & libc::O_TRUNC != 0;
    on_path(
        at,
        // SAFETY: the arguments are the caller's.
        || unsafe { real(path, flags, mode) },
        |_, path, file| {
            let (inode, _) = inode(file);
            let op = match (is_new, is_cut) {
                (true, _) => "create",
                (_, true) => "cut",
                _ => "none",
            };
            json!({ "op": op, "ino": inode, "path": path, "size": 0 })
        },
    )
}

#[unsafe(no_mangle)]
unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: the arguments are the caller's.
    unsafe { opened(c"open", path, flags, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: the arguments are the caller's.
    unsafe { opened(c"open64", path, flags, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn write(file: c_int, bytes: *const c_void, count: usize) -> isize {
    let real: unsafe extern "C" fn(c_int, *const c_void, usize) -> isize = next(c"write");
    // SAFETY: moves nothing.
    let position = unsafe { libc::lseek64(file, 0, SEEK_CUR) };
    // SAFETY: asks only.
    let flags = unsafe { libc::fcntl(file, libc::F_GETFL) };
    let at = match flags & libc::O_APPEND {
        0 => position.unsigned_abs(),
        _ => inode(file).1,
    };
    // SAFETY: the arguments are the caller's.
    let real = || unsafe { real(file, bytes, count) };
    on_file(file, "write", real, |inode, done| {
        written(inode, at, bytes, done)
    })
}

type Pwrite = unsafe extern "C" fn(c_int, *const c_void, usize, off64_t) -> isize;

unsafe fn put(name: &CStr, file: c_int, bytes: *const c_void, count: usize, at: off64_t) -> isize {
    let real: Pwrite = next(name);
    // SAFETY: the arguments are the caller's.
    let real = || unsafe { real(file, bytes, count, at) };
    on_file(file, "write", real, |inode, done| {
        written(inode, at.unsigned_abs(), bytes, done)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite(file: c_int, bytes: *const c_void, count: usize, at: off64_t) -> isize {
    // SAFETY: the arguments are the caller's.
    unsafe { put(c"pwrite", file, bytes, count, at) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite64(
    file: c_int,
    bytes: *const c_void,
    count: usize,
    at: off64_t,
) -> isize {
    // SAFETY: the arguments are the caller's.
    unsafe { put(c"pwrite64", file, bytes, count, at) }
}

unsafe fn cut(name: &CStr, file: c_int, size: off64_t) -> c_int {
    let real: unsafe extern "C" fn(c_int, off64_t) -> c_int = next(name);
    // SAFETY: the arguments are the caller's.
    let real = || unsafe { real(file, size) } as isize;
    let change = |inode, _| json!({ "op": "cut", "ino": inode, "size": size });
    on_file(file, "ftruncate", real, change) as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ftruncate(file: c_int, size: off64_t) -> c_int {
    // SAFETY: the arguments are the caller's.
    unsafe { cut(c"ftruncate", file, size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ftruncate64(file: c_int, size: off64_t) -> c_int {
    // SAFETY: the arguments are the caller's.
    unsafe { cut(c"ftruncate64", file, size) }
}

unsafe fn synced(name: &CStr, file: c_int) -> c_int {
    let real: unsafe extern "C" fn(c_int) -> c_int = next(name);
    // SAFETY: the arguments are the caller's.
    let real = || unsafe { real(file) } as isize;
    let folder = shim().and_then(|shim| shim.below(&path_of(file)?));
    let folder = folder.filter(|_| is_folder(file));
    on_file(file, "fsync", real, |inode, _| match folder {
        Some(folder) => json!({ "op": "sync", "folder": folder }),
        None => json!({ "op": "sync", "ino": inode }),
    }) as c_int
}

fn is_folder(file: c_int) -> bool {
    // SAFETY: all zeros is a value of it.
    let mut stat: libc::stat64 = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is valid for a write.
    let known = unsafe { libc::fstat64(file, &raw mut stat) } == 0;
    known && stat.st_mode & libc::S_IFMT == libc::S_IFDIR
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fsync(file: c_int) -> c_int {
    // SAFETY: the arguments are the caller's.
    unsafe { synced(c"fsync", file) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fdatasync(file: c_int) -> c_int {
    // SAFETY: the arguments are the caller's.
    unsafe { synced(c"fdatasync", file) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rename(old: *const c_char, new: *const c_char) -> c_int {
    let real: unsafe extern "C" fn(*const c_char, *const c_char) -> c_int = next(c"rename");
    // SAFETY: callers of `rename` give paths.
    let (from, to) = unsafe { (absolute(AT_FDCWD, old), absolute(AT_FDCWD, new)) };
    on_path(
        from,
        // SAFETY: the arguments are the caller's.
        || unsafe { real(old, new) },
        |shim, path, _| moved(shim, "rename", path, to),
    )
}

fn moved(shim: &Shim, op: &str, path: &str, to: Option<String>) -> Value {
    let to = to.and_then(|to| shim.below(&to));
    json!({ "op": op, "path": path, "to": to })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn linkat(
    old_folder: c_int,
    old: *const c_char,
    new_folder: c_int,
    new: *const c_char,
    flags: c_int,
) -> c_int {
    type LinkAt = unsafe extern "C" fn(c_int, *const c_char, c_int, *const c_char, c_int) -> c_int;
    let real: LinkAt = next(c"linkat");
    // SAFETY: callers of `linkat` give paths.
    let (from, to) = unsafe { (absolute(old_folder, old), absolute(new_folder, new)) };
    on_path(
        from,
        // SAFETY: the arguments are the caller's.
        || unsafe { real(old_folder, old, new_folder, new, flags) },
        |shim, path, _| moved(shim, "link", path, to),
    )
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    let real: unsafe extern "C" fn(*const c_char) -> c_int = next(c"unlink");
    // SAFETY: callers of `unlink` give a path.
    let at = unsafe { absolute(AT_FDCWD, path) };
    // SAFETY: the argument is the caller's.
    on_path(
        at,
        || unsafe { real(path) },
        |_, path, _| json!({ "op": "remove", "path": path }),
    )
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlinkat(folder: c_int, path: *const c_char, flags: c_int) -> c_int {
    let real: unsafe extern "C" fn(c_int, *const c_char, c_int) -> c_int = next(c"unlinkat");
    // SAFETY: callers of `unlinkat` give a path.
    let at = unsafe { absolute(folder, path) };
    let op = if flags & AT_REMOVEDIR == 0 {
        "remove"
    } else {
        "rmdir"
    };
    on_path(
        at,
        // SAFETY: the arguments are the caller's.
        || unsafe { real(folder, path, flags) },
        |_, path, _| json!({ "op": op, "path": path }),
    )
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    let real: unsafe extern "C" fn(*const c_char) -> c_int = next(c"rmdir");
    // SAFETY: callers of `rmdir` give a path.
    let at = unsafe { absolute(AT_FDCWD, path) };
    // SAFETY: the argument is the caller's.
    on_path(
        at,
        || unsafe { real(path) },
        |_, path, _| json!({ "op": "rmdir", "path": path }),
    )
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdir(path: *const c_char, mode: c_uint) -> c_int {
    let real: unsafe extern "C" fn(*const c_char, c_uint) -> c_int = next(c"mkdir");
    // SAFETY: callers of `mkdir` give a path.
    let at = unsafe { absolute(AT_FDCWD, path) };
    on_path(
        at,
        // SAFETY: the arguments are the caller's.
        || unsafe { real(path, mode) },
        |_, path, _| json!({ "op": "mkdir", "path": path }),
    )
}
