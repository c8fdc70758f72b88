//! Numbers that look random and are the same in every run (splitmix64).

use std::fmt::Write as _;

/// A generator for one record.
pub struct Random(u64);

impl Random {
    /// The generator of the record `index` of the stream `stream`.
    pub fn new(seed: u64, stream: u64, index: u64) -> Self {
        let mut start = Self(seed ^ stream.rotate_left(32));
        let mixed = start.number();
        Self(mixed ^ index.wrapping_mul(0xd1b5_4a32_d192_ed03))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit.max(1)
    }

    /// True in `percent` of all cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A number between 0 and 1 with four digits.
    pub fn ratio(&mut self) -> f64 {
        self.below(10_000) as f64 / 10_000.0
    }

    /// One of the choices.
    pub fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let index = self.below(choices.len() as u64);
        choices.get(index as usize).copied().unwrap_or_default()
    }

    /// `digits` hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits + 16);
        while text.len() < digits {
            // Writing to a string cannot fail.
            let _ = write!(text, "{:016x}", self.number());
        }
        text.truncate(digits);
        text
    }

    /// An address of the range set aside for documentation.
    pub fn ip(&mut self) -> String {
        format!("198.51.100.{}", self.below(256))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_in_every_run() {
        assert_eq!(Random::new(1, 2, 3).hex(20), Random::new(1, 2, 3).hex(20));
        assert_ne!(Random::new(1, 2, 3).hex(20), Random::new(1, 2, 4).hex(20));
        assert_ne!(Random::new(1, 2, 3).hex(20), Random::new(2, 2, 3).hex(20));
    }
}
