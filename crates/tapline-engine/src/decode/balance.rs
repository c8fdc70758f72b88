//! Finds where an object or array ends by counting brackets outside strings.
//!
//! Locating needs only the end of the content array, which is nearly the whole page, and decoding
//! checks every byte of it soon after. So this pass looks at 64 bytes at a time, without a branch
//! per token, and promises nothing about text that is not JSON, except to stay inside it.

/// Length of the object or array that starts `bytes`; `None` if it never ends.
pub(crate) fn balanced_len(bytes: &[u8]) -> Option<usize> {
    let mut state = State::default();
    let (blocks, tail) = bytes.as_chunks::<64>();
    for (index, block) in blocks.iter().enumerate() {
        if let Some(end) = state.block(block) {
            return Some(index * 64 + end);
        }
    }
    let mut last = [b' '; 64];
    last[..tail.len()].copy_from_slice(tail);
    state.block(&last).map(|end| blocks.len() * 64 + end)
}

/// What one block must know of those before it.
#[derive(Default)]
struct State {
    /// Brackets open.
    depth: u32,
    /// All ones inside a string, else zero.
    in_string: u64,
    /// 1 if the next byte is escaped.
    escaped: u64,
}

impl State {
    /// Takes a block; the length up to and with the closing bracket, if it is here.
    #[inline]
    fn block(&mut self, block: &[u8; 64]) -> Option<usize> {
        let quotes = mask(block, |b| b == b'"') & !self.escapes(mask(block, |b| b == b'\\'));
        let inside = prefix_xor(quotes) ^ self.in_string;
        self.in_string = if inside >> 63 == 1 { u64::MAX } else { 0 };
        // Bit 5 is all that tells `[` from `{` and `]` from `}`.
        let opening = mask(block, |b| b | 0x20 == b'{') & !inside;
        let closing = mask(block, |b| b | 0x20 == b'}') & !inside;
        let closed = closing.count_ones();
        if self.depth > closed {
            self.depth = self.depth + opening.count_ones() - closed;
            return None;
        }
        self.end(opening, closing)
    }

    /// Counts bracket by bracket, in a block that may hold the end.
    fn end(&mut self, opening: u64, closing: u64) -> Option<usize> {
        let mut brackets = opening | closing;
        while brackets != 0 {
            let at = brackets.trailing_zeros();
            brackets &= brackets - 1;
            if opening >> at & 1 == 1 {
                self.depth += 1;
                continue;
            }
            self.depth = self.depth.saturating_sub(1);
            if self.depth == 0 {
                return Some(at as usize + 1);
            }
        }
        None
    }

    /// The bytes that a backslash before them escapes.
    #[inline]
    fn escapes(&mut self, backslashes: u64) -> u64 {
        let mut escaped = self.escaped;
        self.escaped = 0;
        let mut left = backslashes & !escaped;
        while left != 0 {
            let at = left.trailing_zeros();
            let next = 1_u64.checked_shl(at + 1).unwrap_or(0);
            self.escaped = u64::from(next == 0);
            escaped |= next;
            left &= !(next | 1 << at);
        }
        escaped
    }
}

/// A bit for each byte that `is` holds for.
#[inline]
fn mask(block: &[u8; 64], is: impl Fn(u8) -> bool) -> u64 {
    // Eight bytes of 0 or 1, multiplied by this, leave their bits in the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let flags = block.map(|b| u8::from(is(b)));
    let (words, _) = flags.as_chunks::<8>();
    words.iter().enumerate().fold(0, |bits, (index, word)| {
        let byte = u64::from_le_bytes(*word).wrapping_mul(GATHER) >> 56;
        bits | byte << (index * 8)
    })
}

/// Bit `n` of the result is the parity of the bits up to and with `n`.
#[inline]
fn prefix_xor(bits: u64) -> u64 {
    [1, 2, 4, 8, 16, 32]
        .iter()
        .fold(bits, |bits, shift| bits ^ bits << shift)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, byte by byte.
    fn slow(bytes: &[u8]) -> Option<usize> {
        let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
        for (at, byte) in bytes.iter().enumerate() {
            let plain = !std::mem::take(&mut escaped);
            match byte {
                b'\\' if plain => escaped = true,
                b'"' if plain => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }

    #[test]
    fn deep_nesting_only_counts() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(balanced_len(deep.as_bytes()), Some(deep.len()));
        assert_eq!(balanced_len(&deep.as_bytes()[1..]), Some(deep.len() - 2));
        assert_eq!(balanced_len(&deep.as_bytes()[..deep.len() - 1]), None);
    }

    proptest! {
        #[test]
        fn agrees_with_counting_byte_by_byte(
            bytes in prop::collection::vec(
                prop::sample::select(br#"[[[[{{]}""\\ a{}[]"#.to_vec()), 0..400)
        ) {
            prop_assert_eq!(balanced_len(&bytes), slow(&bytes));
        }
    }
}
