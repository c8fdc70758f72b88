//! The macros that make a library of a connector.
//!
//! `abi_stable` has attributes for this, but they name `abi_stable`, which an author would have to
//! depend on. So the one exported symbol is written out here.

use abi_stable::library::{CheckTypeLayout, RootModuleResult};
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::RStr;
use tapline_abi::{Root, RootRef};

use crate::{Connector, bridge};

/// Makes the library of a connector without hooks: `export_spec!(include_str!("../spec.json"));`
#[macro_export]
macro_rules! export_spec {
    ($spec:expr) => {
        const _: () = {
            struct Spec;

            impl $crate::Connector for Spec {
                const SPEC: &'static str = $spec;

                fn open(_: $crate::Config) -> ::std::result::Result<Self, $crate::Error> {
                    ::std::result::Result::Ok(Self)
                }
            }

            $crate::export_connector!(Spec);
        };
    };
}

/// Makes the library of a [`Connector`]: `export_connector!(Shop);`
#[macro_export]
macro_rules! export_connector {
    ($connector:ty) => {
        #[cfg(panic = "abort")]
        ::std::compile_error!(
            "a connector has to be built with panic = \"unwind\": its panics become errors"
        );

        /// Where the runner finds the connector.
        #[unsafe(no_mangle)]
        pub static _1as_0lib_1header_0root_bmodule_bloader: $crate::__private::LibHeader =
            $crate::__private::header::<$connector>();
    };
}

/// What the macros expand to. No part of the public API.
pub mod private {
    pub use abi_stable::library::LibHeader;

    use super::{CheckTypeLayout, Connector, RootRef, loader};

    /// The header of `C`'s library.
    #[expect(unsafe_code, reason = "the constructor of a header is unsafe")]
    pub const fn header<C: Connector>() -> LibHeader {
        // SAFETY: `loader` returns the root module of the type named here.
        unsafe { LibHeader::from_constructor::<RootRef>(loader::<C>, CheckTypeLayout::Yes) }
    }
}

extern "C" fn loader<C: Connector>() -> RootModuleResult {
    abi_stable::library::__call_root_module_loader(root::<C>)
}

fn root<C: Connector>() -> RootRef {
    Root {
        abi: RStr::from_str(tapline_abi::VERSION),
        spec: spec::<C>,
        hooks: hooks::<C>,
        open: bridge::open::<C>,
    }
    .leak_into_prefix()
}

extern "C" fn spec<C: Connector>() -> RStr<'static> {
    RStr::from_str(C::SPEC)
}

extern "C" fn hooks<C: Connector>() -> u64 {
    C::HOOKS.bits()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_symbol_written_out_is_the_one_that_is_looked_for() {
        let written = "_1as_0lib_1header_0root_bmodule_bloader";
        assert_eq!(tapline_abi::ROOT_SYMBOL, written);
    }
}
