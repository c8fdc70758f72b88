//! Remembers which values came, so that none is read twice; in bounded memory.
//!
//! A parent's pages overlap where records are added while they are read, so a value that comes
//! twice comes soon again. The last 65,536 different values are remembered, each by a hash of 16
//! bytes, so that no two are taken for one; an older one is read again.

use std::collections::{HashSet, VecDeque};

use xxhash_rust::xxh3::xxh3_128;

/// Values remembered.
const REMEMBERED: usize = 65_536;

/// The values of a partition that came last.
#[derive(Default)]
pub(super) struct Recent {
    known: HashSet<u128>,
    order: VecDeque<u128>,
}

impl Recent {
    /// Takes note of `value`; false if it came before.
    pub(super) fn is_new(&mut self, value: &str) -> bool {
        let hash = xxh3_128(value.as_bytes());
        if !self.known.insert(hash) {
            return false;
        }
        self.order.push_back(hash);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_new_once_for_a_long_time() {
        let mut recent = Recent::default();
        let numbers = 0..100_000;
        assert!(
            numbers
                .clone()
                .all(|number| recent.is_new(&number.to_string()))
        );
        assert!(!recent.is_new("99999"));
        assert!(!recent.is_new(&(100_000 - REMEMBERED).to_string()));
        assert!(recent.is_new("0"), "it came long ago");
        assert_eq!(recent.known.len(), REMEMBERED);
        assert_eq!(recent.order.len(), REMEMBERED);
    }
}
