//! Which calls count, which of them fail, and the trace.

use std::env;
use std::ffi::{CStr, CString};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use libc::{AT_FDCWD, c_char, c_int};
use serde_json::Value;

/// What a process was told about its disk.
pub(crate) struct Shim {
    root: String,
    fail: Option<Fail>,
    /// The trace's file; calls have their effects one after the other, in its order.
    trace: Option<c_int>,
    calls: Mutex<u64>,
}

/// A call that fails.
struct Fail {
    number: u64,
    errno: c_int,
    /// So do all later ones.
    goes_on: bool,
}

/// The shim of this process; `None` if it was told nothing.
pub(crate) fn shim() -> Option<&'static Shim> {
    static SHIM: OnceLock<Option<Shim>> = OnceLock::new();
    SHIM.get_or_init(Shim::of_environment).as_ref()
}

/// At the end of the process a thread may still be in a call: it ends before the process does, or
/// else the call would have its effect and not be in the trace. Nobody begins another one.
extern "C" fn finish() {
    if let Some(shim) = shim() {
        std::mem::forget(shim.calls.lock());
    }
}

impl Shim {
    fn of_environment() -> Option<Self> {
        let fail = env::var("TAPLINE_DISK_FAIL").ok().and_then(|text| {
            let mut parts = text.split(':');
            Some(Fail {
                number: parts.next()?.parse().ok()?,
                errno: parts.next()?.parse().ok()?,
                goes_on: parts.next() == Some("on"),
            })
        });
        let root = env::var("TAPLINE_DISK_ROOT").ok()?;
        // SAFETY: the handler is a function of this library, which is never unloaded.
        unsafe { libc::atexit(finish) };
        Some(Self {
            root,
            fail,
            trace: env::var("TAPLINE_DISK_TRACE").ok().and_then(open_trace),
            calls: Mutex::new(0),
        })
    }

    /// `path` below the root, without it; nothing is left of the root itself.
    pub(crate) fn below(&self, path: &str) -> Option<String> {
        match path.strip_prefix(&self.root)? {
            "" => Some(String::new()),
            rest => rest.strip_prefix('/').map(str::to_owned),
        }
    }

    /// Begins a call, which ends when the guard is dropped; the errno if it is to fail.
    pub(crate) fn begin(&self) -> (MutexGuard<'_, u64>, Option<c_int>) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls += 1;
        let number = *calls;
        let fail = self.fail.as_ref().filter(|fail| match fail.goes_on {
            true => number >= fail.number,
            false => number == fail.number,
        });
        (calls, fail.map(|fail| fail.errno))
    }

    /// Writes a line of the trace.
    pub(crate) fn trace(&self, line: &Value) {
        let Some(trace) = self.trace else { return };
        let line = format!("{line}\n");
        let write: unsafe extern "C" fn(c_int, *const libc::c_void, usize) -> isize =
            next(c"write");
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            // SAFETY: the pointer and the length are those of `rest`.
            let written = unsafe { write(trace, rest.as_ptr().cast(), rest.len()) };
            let Ok(written) = usize::try_from(written) else {
                return;
            };
            rest = rest.get(written..).unwrap_or_default();
        }
    }
}

fn open_trace(path: String) -> Option<c_int> {
    let path = CString::new(path).ok()?;
    let open: unsafe extern "C" fn(*const c_char, c_int, c_int) -> c_int = next(c"open64");
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
    // SAFETY: the path ends with a zero byte.
    let opened = unsafe { open(path.as_ptr(), flags, 0o600) };
    (opened >= 0).then_some(opened)
}

/// The function `name` that this library stands before. `F` is its type.
pub(crate) fn next<F: Copy>(name: &CStr) -> F {
    const { assert!(size_of::<F>() == size_of::<*mut libc::c_void>()) };
    // SAFETY: the name ends with a zero byte.
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    assert!(!found.is_null(), "the C library has no {name:?}");
    // SAFETY: pointers to functions are pointers here, and callers give the type that the C library
    // declares.
    unsafe { std::mem::transmute_copy(&found) }
}

/// The absolute form of `path`, which starts at the folder `folder`.
///
/// # Safety
/// `path` must end with a zero byte.
pub(crate) unsafe fn absolute(folder: c_int, path: *const c_char) -> Option<String> {
    // SAFETY: as the caller promises.
    let path = unsafe { CStr::from_ptr(path) }.to_str().ok()?;
    if path.starts_with('/') {
        return Some(path.to_owned());
    }
    let path = path.strip_prefix("./").unwrap_or(path);
    let folder = match folder {
        AT_FDCWD => link(c"/proc/self/cwd")?,
        open => path_of(open)?,
    };
    Some(format!("{folder}/{path}"))
}

/// Where the open file is.
pub(crate) fn path_of(file: c_int) -> Option<String> {
    link(&CString::new(format!("/proc/self/fd/{file}")).ok()?)
}

fn link(path: &CStr) -> Option<String> {
    let mut target = vec![0_u8; libc::PATH_MAX as usize];
    // SAFETY: the path ends with a zero byte; the buffer has the length that is given.
    let length = unsafe { libc::readlink(path.as_ptr(), target.as_mut_ptr().cast(), target.len()) };
    target.truncate(usize::try_from(length).ok()?);
    String::from_utf8(target).ok()
}

/// The inode and the size of the open file.
pub(crate) fn inode(file: c_int) -> (u64, u64) {
    // SAFETY: all zeros is a value of it.
    let mut stat: libc::stat64 = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is valid for a write.
    match unsafe { libc::fstat64(file, &raw mut stat) } {
        0 => (stat.st_ino, stat.st_size.cast_unsigned()),
        _ => (0, 0),
    }
}

/// Lets a call fail.
pub(crate) fn fail(errno: c_int) -> c_int {
    // SAFETY: it is this thread's.
    unsafe { *libc::__errno_location() = errno };
    -1
}
