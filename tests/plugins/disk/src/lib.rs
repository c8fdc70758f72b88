//! Stands between a process and its disk (`LD_PRELOAD`), for calls that concern a path below
//! `TAPLINE_DISK_ROOT`:
//!
//! * `TAPLINE_DISK_TRACE=FILE` writes down what each of them changes, in the order of their effects:
//!   one JSON object a line for each call, as `calls` makes them. Paths are relative to the root; a file is known by
//!   its inode, so that what is written to it is known to be its own after a new name.
//! * `TAPLINE_DISK_FAIL=NUMBER:ERRNO` lets the call with that number, from 1, fail without an effect;
//!   `NUMBER:ERRNO:on` all later ones, too. With a trace the failure is written there.
//!
//! What a process changes by mapped memory is not seen. SQLite does that with `-shm` files only, and
//! makes them anew after a crash.

#![cfg(target_os = "linux")]
#![expect(
    unsafe_code,
    reason = "it takes the place of functions of the C library"
)]

mod calls;
mod shim;
