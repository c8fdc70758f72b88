//! Catches servers that go in circles, in constant memory.
//!
//! A token that leads back to itself (A to A), or to an earlier one (A to B to A), would page for
//! ever; so would a server that ignores its offset and sends the same records again. The last
//! few hashes are remembered one by one, so that short circles are caught at once; one older hash
//! is kept and renewed at every power of two, so that a circle of any length is caught in the end
//! (Brent's method).

use std::collections::VecDeque;

use tapline_core::Position;
use xxhash_rust::xxh3::xxh3_64;

/// Hashes remembered one by one.
const RECENT: usize = 64;

/// Watches the pages of one slice.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    positions: Cycle,
    contents: Cycle,
}

impl Guard {
    /// Takes note of where a request starts; true if another one started there.
    pub(crate) fn repeats_position(&mut self, position: &Position) -> bool {
        self.positions.repeats(match position {
            Position::Start => 0,
            Position::Offset(number) | Position::Page(number) => xxh3_64(&number.to_le_bytes()),
            Position::Url(text) | Position::Token(text) | Position::Custom(text) => {
                xxh3_64(text.as_bytes())
            }
            Position::Tokens(texts) => xxh3_64(texts.join("\u{1f}").as_bytes()),
        })
    }

    /// Takes note of the hash of a page's records; true if another page had the same.
    pub(crate) fn repeats_content(&mut self, hash: u64) -> bool {
        self.contents.repeats(hash)
    }
}

#[derive(Debug, Default)]
struct Cycle {
    recent: VecDeque<u64>,
    mark: Option<u64>,
    seen: u64,
}

impl Cycle {
    fn repeats(&mut self, hash: u64) -> bool {
        let known = self.mark == Some(hash) || self.recent.contains(&hash);
        self.seen += 1;
        if self.seen.is_power_of_two() {
            self.mark = Some(hash);
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(hash);
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_of_any_length_is_caught_and_never_too_early() {
        for length in [1, 2, 3, 64, 65, 1000] {
            let mut guard = Guard::default();
            let caught = (0..4 * length + 2)
                .find(|n| guard.repeats_position(&Position::Token(format!("t{}", n % length))))
                .expect("a circle");
            assert!(caught >= length, "{length}: a false alarm at {caught}");
        }
    }

    #[test]
    fn what_never_repeats_is_never_caught() {
        let mut guard = Guard::default();
        for number in 0..10_000 {
            assert!(!guard.repeats_position(&Position::Offset(number * 100)));
            assert!(!guard.repeats_content(number));
        }
        assert!(guard.repeats_content(9_999));
    }
}
