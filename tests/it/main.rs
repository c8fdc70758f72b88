//! tapline tried as it is used: the installed binary, real plugins, real servers.

mod datasette;
mod demo;
mod full_load;
mod mistakes;
mod signer;
mod support;
mod three_ways;
