//! Which hooks a connector has.

use tapline_abi::message::hook;

/// A set of hooks. A hook that is not in [`Connector::HOOKS`](crate::Connector::HOOKS) is never
/// called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hooks(u64);

impl Hooks {
    /// None: the document says everything.
    pub const NONE: Self = Self(0);
    /// [`prepare_request`](crate::Connector::prepare_request).
    pub const PREPARE_REQUEST: Self = Self::one(hook::PREPARE_REQUEST);
    /// [`next_position`](crate::Connector::next_position).
    pub const NEXT_POSITION: Self = Self::one(hook::NEXT_POSITION);
    /// [`transform_page`](crate::Connector::transform_page).
    pub const TRANSFORM_PAGE: Self = Self::one(hook::TRANSFORM_PAGE);
    /// [`partitions`](crate::Connector::partitions).
    pub const PARTITIONS: Self = Self::one(hook::PARTITIONS);
    /// [`check`](crate::Connector::check).
    pub const CHECK: Self = Self::one(hook::CHECK);

    const fn one(number: u32) -> Self {
        Self(1 << number)
    }

    /// These and `other`.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// As it crosses the border.
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }
}
