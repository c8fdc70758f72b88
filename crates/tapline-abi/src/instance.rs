//! A connector opened with one configuration.

use abi_stable::sabi_trait;
use abi_stable::std_types::{RBox, RSlice, RStr};
use async_ffi::BorrowingFfiFuture;

use crate::{Answer, HostBox, Reply};

/// An open connector. Dropping a future cancels the call.
#[sabi_trait]
pub trait Instance: Send + Sync {
    /// Calls the hook with number `hook`: [`crate::message::hook`] says which messages it takes
    /// and gives.
    #[sabi(last_prefix_field)]
    fn call<'a>(
        &'a self,
        hook: u32,
        header: RStr<'a>,
        body: RSlice<'a, u8>,
        host: &'a HostBox,
    ) -> BorrowingFfiFuture<'a, Answer<Reply>>;
}

/// An [`Instance`] as it crosses the border.
pub type InstanceBox = Instance_TO<'static, RBox<()>>;
