//! What the runner does for a plugin: all the I/O it can have.

use abi_stable::sabi_trait;
use abi_stable::std_types::{RBox, ROption, RStr, RString, RVec};
use async_ffi::FfiFuture;

use crate::{Answer, Reply};

/// The runner's services. Keys of the state are private to the connector and its connection.
#[sabi_trait]
pub trait Host: Send + Sync {
    /// Sends a request ([`crate::message::RequestHead`] as JSON) under the connection's list of
    /// hosts and its rate budget; answers a [`crate::message::ResponseHead`] and the body.
    fn http(&self, head: RString, body: RVec<u8>) -> FfiFuture<Answer<Reply>>;

    /// Writes to the runner's log, at one of [`level`].
    fn log(&self, level: u8, message: RStr<'_>);

    /// Wall time in milliseconds since 1970 (UTC).
    fn now(&self) -> i64;

    /// The JSON text stored under `key`.
    fn state_get(&self, key: RString) -> FfiFuture<Answer<ROption<RString>>>;

    /// Stores JSON text under `key`; the last writer wins.
    #[sabi(last_prefix_field)]
    fn state_put(&self, key: RString, json: RString) -> FfiFuture<Answer<()>>;
}

/// A [`Host`] as it crosses the border.
pub type HostBox = Host_TO<'static, RBox<()>>;

/// The levels of [`Host::log`].
pub mod level {
    /// The connector cannot go on.
    pub const ERROR: u8 = 1;
    /// Something an operator should look at.
    pub const WARN: u8 = 2;
    /// Something an operator may want to know.
    pub const INFO: u8 = 3;
    /// For the connector's author.
    pub const DEBUG: u8 = 4;
}
