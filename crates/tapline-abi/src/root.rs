//! The root of a plugin: what its one exported symbol leads to.

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::package_version_strings;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::RStr;

use crate::{Answer, HostBox, InstanceBox};

/// The functions of a plugin.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = RootRef)))]
#[sabi(missing_field(panic))]
pub struct Root {
    /// The [`crate::VERSION`] that the plugin was built against.
    pub abi: RStr<'static>,
    /// The connector document, as JSON.
    pub spec: extern "C" fn() -> RStr<'static>,
    /// Bit `n` says that the connector has the hook with number `n`. It is known before a
    /// connector is opened, because it decides whether its configuration may hold secrets.
    pub hooks: extern "C" fn() -> u64,
    /// Opens the connector with a JSON object of parameters.
    #[sabi(last_prefix_field)]
    pub open: extern "C" fn(config: RStr<'_>, host: &HostBox) -> Answer<InstanceBox>,
}

impl RootModule for RootRef {
    abi_stable::declare_root_module_statics! {RootRef}

    const BASE_NAME: &'static str = "tapline_connector";
    const NAME: &'static str = "tapline connector";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}
