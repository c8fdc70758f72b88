//! No credentials.

use tapline_core::Request;

use super::Sign;

/// Adds nothing.
pub(super) struct None;

impl Sign for None {
    fn sign(&self, _request: &mut Request) {}
}
