//! What comes back from a call. These structs are frozen.

use abi_stable::StableAbi;
use abi_stable::std_types::{RResult, RString, RVec};

/// The outcome of a call.
pub type Answer<T = Reply> = RResult<T, PluginError>;

/// The answer to a hook or to a request: a JSON header and a body.
#[repr(C)]
#[derive(Debug, StableAbi)]
pub struct Reply {
    /// JSON; which type of [`crate::message`], the call says.
    pub header: RString,
    /// Bytes, where the call has any.
    pub body: RVec<u8>,
}

/// Why a call failed, on either side of the border.
#[repr(C)]
#[derive(Debug, StableAbi)]
pub struct PluginError {
    /// One of [`failure`]; an unknown number counts as [`failure::OTHER`].
    pub kind: u32,
    /// One line for people, without secrets.
    pub message: RString,
}

/// The kinds of failure.
pub mod failure {
    /// The connector, or the host, says what failed.
    pub const OTHER: u32 = 0;
    /// The connector panicked.
    pub const PANIC: u32 = 1;
    /// A header is not the message that the call needs.
    pub const MESSAGE: u32 = 2;
    /// The connector has no such hook.
    pub const HOOK: u32 = 3;
    /// The connector cannot work with its configuration.
    pub const CONFIG: u32 = 4;
}
