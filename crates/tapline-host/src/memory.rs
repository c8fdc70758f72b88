//! What the process keeps of the memory that it has freed.
//!
//! The allocator of the GNU system maps a large block on its own and gives it back when it is
//! freed; but from then on it takes blocks of that size from its heaps, one per thread, and those
//! keep what was freed in their middle. After a few large pages a run holds several times what it
//! needs, so the size is fixed instead. Other allocators do not learn in this way.
//!
//! There is one heap, too: a page is built by one thread and written by another, and what one of them
//! has freed is to be there for the other. A batch is a few hundred blocks however many rows it has, so
//! threads hardly ever wait for each other.
//!
//! `docs/benchmarks.md` compares this with other allocators.

/// Has the process keep little of what it frees. To be called once, before there are threads.
pub fn keep_little() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    gnu::set_up();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the allocator is set up in C")]
mod gnu {
    use std::ffi::c_int;

    /// Size from which a freed block goes back, in bytes: above that of an ordinary page, for which
    /// a mapping of its own would be slow.
    const LARGE: c_int = 4 << 20;

    /// As in `malloc.h`.
    const M_TRIM_THRESHOLD: c_int = -1;
    const M_MMAP_THRESHOLD: c_int = -3;
    const M_ARENA_MAX: c_int = -8;

    unsafe extern "C" {
        fn mallopt(param: c_int, value: c_int) -> c_int;
    }

    pub(super) fn set_up() {
        // What a heap keeps at its end is fixed with the other: 128 kB would be taken and given
        // back with every page.
        let settings = [
            (M_MMAP_THRESHOLD, LARGE),
            (M_TRIM_THRESHOLD, LARGE),
            (M_ARENA_MAX, 1),
        ];
        for (param, value) in settings {
            // SAFETY: this is how `malloc.h` declares it. It takes numbers only, may be called at
            // any time, and locks the allocator while it works. If it refuses, nothing changes.
            let _ = unsafe { mallopt(param, value) };
        }
    }
}
