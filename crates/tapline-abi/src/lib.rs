//! The FFI border between the runner and its connector plugins.
//!
//! A plugin is a shared library whose only exported symbol leads to a [`Root`]. Across the border
//! go text, bytes and futures, nothing else; what the text says is defined in [`message`]. Both
//! sides check the layout of these types when a plugin is loaded.
//!
//! # Rules
//!
//! Plugins built against any 1.x of this crate must load in every later 1.x runner, so:
//!
//! * Fields and methods are only appended, after `#[sabi(last_prefix_field)]`, which never moves.
//!   An appended method has a default body; an appended field has `#[sabi(missing_field(..))]`.
//! * [`Reply`] and [`PluginError`] are frozen. What has to grow goes into a JSON header.
//! * A new hook is a new number, not a new method.
//! * No type of another crate, but for those of `abi_stable` and `async-ffi`, is named here.
//!
//! A snapshot of the layout guards them: see `tests/layout.rs`.

#![expect(
    non_local_definitions,
    unsafe_code,
    reason = "`sabi_trait` expands to such code; none is written by hand here"
)]

mod host;
mod instance;
pub mod message;
mod root;
mod value;

pub use async_ffi::{BorrowingFfiFuture, FfiFuture};
pub use host::{Host, Host_TO, HostBox, level};
pub use instance::{Instance, Instance_TO, InstanceBox};
pub use root::{Root, RootRef};
pub use value::{Answer, PluginError, Reply, failure};

/// The version of this crate, and so of the border.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The symbol that `abi_stable` looks for in a plugin. The SDK has to write it out.
pub const ROOT_SYMBOL: &str = abi_stable::library::ROOT_MODULE_LOADER_NAME;
