//! A strict cursor over JSON text that builds nothing.
//!
//! It says where a token ends and what it is, and refuses whatever RFC 8259 refuses. Nesting is
//! followed with a stack on the heap, so that no body can overflow the thread's own. Whether the
//! text is UTF-8 is the caller's business.

use std::ops::Range;

/// Why a scan stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The text is not JSON.
    Malformed {
        /// Where.
        at: usize,
        /// What would have been allowed there.
        expected: &'static str,
    },
    /// Nested deeper than the limit.
    TooDeep {
        /// Where.
        at: usize,
    },
}

/// What a value is, as far as its first byte and its form tell. One byte without fields: a larger
/// one travels through memory, which shows in the time of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lexeme {
    /// `null`
    Null,
    /// `true`
    True,
    /// `false`
    False,
    /// A number; [`Scanner::number`] has its form.
    Number,
    /// A string without a backslash.
    Plain,
    /// A string that must be unescaped.
    Escaped,
    /// An object or an array.
    Nested,
}

/// The form of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Number {
    /// Whether a minus sign stands in front.
    pub(crate) negative: bool,
    /// Whether there is neither fraction nor exponent.
    pub(crate) whole: bool,
    /// Digits of fraction and whole part, without leading zeros.
    pub(crate) digits: u32,
    /// The digits as a number; meaningless beyond 19 of them.
    pub(crate) magnitude: u64,
}

/// A string token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// Where it is, quotes included.
    pub(crate) span: Range<usize>,
    /// Whether a backslash is in it.
    pub(crate) escaped: bool,
}

/// The cursor.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    pos: usize,
    depth: usize,
    open: Vec<u8>,
    number: Number,
}

impl<'a> Scanner<'a> {
    /// A cursor at `pos` of `bytes` that follows at most `depth` levels of nesting.
    pub(crate) fn new(bytes: &'a [u8], pos: usize, depth: usize) -> Self {
        Self {
            bytes,
            pos,
            depth,
            open: Vec::new(),
            number: Number::default(),
        }
    }

    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    pub(crate) fn seek(&mut self, pos: usize) {
        self.pos = pos;
    }

    /// The form of the last number.
    #[inline]
    pub(crate) fn number(&self) -> Number {
        self.number
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.pos..).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    /// Moves on by `count` bytes, which the caller has looked at.
    pub(crate) fn advance(&mut self, count: usize) {
        self.pos += count;
    }

    /// Moves past white space.
    #[inline]
    pub(crate) fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.pos += 1;
        }
    }

    /// Moves past `byte` if it comes next.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.pos += usize::from(found);
        found
    }

    /// Moves past the colon between key and value, and the space around it.
    #[inline]
    pub(crate) fn colon(&mut self) -> Result<(), Fault> {
        self.space();
        if !self.eat(b':') {
            return Err(self.malformed("`:`"));
        }
        self.space();
        Ok(())
    }

    pub(crate) fn malformed(&self, expected: &'static str) -> Fault {
        Fault::Malformed {
            at: self.pos,
            expected,
        }
    }

    /// Reads a key and the colon after it.
    pub(crate) fn key(&mut self) -> Result<Token, Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.malformed("a key in quotes"));
        }
        let start = self.pos;
        let escaped = self.string()?;
        let span = start..self.pos;
        self.colon()?;
        Ok(Token { span, escaped })
    }

    /// Moves past the value that starts here. Inlined where members are read, so that what it
    /// finds stays in registers: passed through memory it costs more than finding it.
    #[inline(always)]
    pub(crate) fn value(&mut self) -> Result<Lexeme, Fault> {
        match self.peek() {
            Some(b'{' | b'[') => self.nested().map(|()| Lexeme::Nested),
            _ => self.scalar(),
        }
    }

    #[inline(always)]
    fn scalar(&mut self) -> Result<Lexeme, Fault> {
        match self.peek() {
            Some(b'"') if self.string()? => Ok(Lexeme::Escaped),
            Some(b'"') => Ok(Lexeme::Plain),
            Some(b'-' | b'0'..=b'9') => self.read_number(),
            _ => self.literal(),
        }
    }

    fn literal(&mut self) -> Result<Lexeme, Fault> {
        let known: [(&[u8], Lexeme); 3] = [
            (b"null", Lexeme::Null),
            (b"true", Lexeme::True),
            (b"false", Lexeme::False),
        ];
        for (text, lexeme) in known {
            if self.rest().starts_with(text) {
                self.pos += text.len();
                return Ok(lexeme);
            }
        }
        Err(self.malformed("a value"))
    }

    /// Moves past the string that starts here; whether there is a backslash in it.
    #[inline(always)]
    fn string(&mut self) -> Result<bool, Fault> {
        let mut escaped = false;
        self.pos += 1;
        loop {
            self.pos += plain_len(self.rest());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.malformed("no control character in a string")),
                None => return Err(self.malformed("the end of the string")),
            }
        }
        self.pos += 1;
        Ok(escaped)
    }

    fn escape(&mut self) -> Result<(), Fault> {
        let length = match self.rest() {
            [
                _,
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                ..,
            ] => 2,
            [_, b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|d| d.is_ascii_hexdigit()) => 6,
            _ => return Err(self.malformed("an escape sequence")),
        };
        self.pos += length;
        Ok(())
    }

    /// Moves past the number that starts here.
    #[inline(always)]
    fn read_number(&mut self) -> Result<Lexeme, Fault> {
        self.number = Number {
            negative: self.eat(b'-'),
            whole: true,
            ..Number::default()
        };
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || (leading_zero && whole > 1) {
            return Err(self.malformed("a number without leading zeros"));
        }
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            self.fraction()?;
        }
        Ok(Lexeme::Number)
    }

    fn fraction(&mut self) -> Result<(), Fault> {
        self.number.whole = false;
        if self.eat(b'.') && self.digits() == 0 {
            return Err(self.malformed("a digit after the decimal point"));
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _sign = self.eat(b'+') || self.eat(b'-');
            let exponent = self.rest().iter().take_while(|b| b.is_ascii_digit());
            let length = exponent.count();
            if length == 0 {
                return Err(self.malformed("a digit in the exponent"));
            }
            self.pos += length;
        }
        Ok(())
    }

    /// Takes digits into the number and says how many there were.
    #[inline]
    fn digits(&mut self) -> usize {
        let start = self.pos;
        let mut number = self.number;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            let magnitude = number.magnitude.wrapping_mul(10);
            number.magnitude = magnitude.wrapping_add(u64::from(digit - b'0'));
            number.digits += u32::from(number.digits > 0 || digit != b'0');
            self.pos += 1;
        }
        self.number = number;
        self.pos - start
    }

    /// Moves past the object or array that starts here.
    fn nested(&mut self) -> Result<(), Fault> {
        self.open.clear();
        loop {
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    if self.enter(bracket)? {
                        continue;
                    }
                }
                _ => {
                    self.scalar()?;
                }
            }
            if !self.next_nested()? {
                return Ok(());
            }
        }
    }

    /// Goes into an object or array; `true` if a value comes next, `false` at its closing bracket.
    fn enter(&mut self, bracket: u8) -> Result<bool, Fault> {
        if self.open.len() == self.depth {
            return Err(Fault::TooDeep { at: self.pos });
        }
        // In ASCII the closing bracket stands two places after the opening one.
        let closing = bracket + 2;
        self.open.push(closing);
        self.pos += 1;
        self.space();
        if self.peek() == Some(closing) {
            return Ok(false);
        }
        if closing == b'}' {
            self.key()?;
        }
        Ok(true)
    }

    /// Goes on to the next value; `false` after the bracket that closes the outermost one.
    fn next_nested(&mut self) -> Result<bool, Fault> {
        while let Some(&closing) = self.open.last() {
            self.space();
            if self.eat(b',') {
                self.space();
                if closing == b'}' {
                    self.key()?;
                }
                return Ok(true);
            }
            if !self.eat(closing) {
                return Err(self.malformed("`,` or a closing bracket"));
            }
            self.open.pop();
        }
        Ok(false)
    }
}

/// Length of the stretch at the start of `bytes` without a quote, backslash or control character.
#[inline]
fn plain_len(bytes: &[u8]) -> usize {
    let mut length = 0;
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        let stops = stops(u64::from_le_bytes(*word));
        if stops != 0 {
            return length + (stops.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    let tail = bytes.get(length..).unwrap_or_default();
    let plain = tail
        .iter()
        .take_while(|b| **b >= b' ' && **b != b'"' && **b != b'\\');
    length + plain.count()
}

/// Sets the high bit of every byte of `word` that ends a plain stretch; exact up to the first.
#[inline]
fn stops(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let control = word.wrapping_sub(ONES * b' ' as u64) & !word;
    let is_quote = quote.wrapping_sub(ONES) & !quote;
    let is_backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | is_quote | is_backslash) & HIGH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn end(text: &str, depth: usize) -> Result<usize, Fault> {
        let mut scanner = Scanner::new(text.as_bytes(), 0, depth);
        scanner.value().map(|_| scanner.pos())
    }

    #[track_caller]
    fn refused(text: &str, at: usize) {
        match end(text, 8) {
            Err(Fault::Malformed { at: found, .. }) => assert_eq!(found, at, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_value_ends_where_the_next_byte_is_not_its_own() {
        for text in [
            "null",
            "true",
            "-0.5e+10",
            "0",
            r#""a\"b\\""#,
            r#"{"a" : [ 1 , {} , [] , {"b":"]}"} ] }"#,
        ] {
            assert_eq!(end(&format!("{text},"), 8), Ok(text.len()), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        refused("", 0);
        refused("NaN", 0);
        refused("-", 1);
        refused("01", 2);
        refused("1.", 2);
        refused("1e", 2);
        refused("[1 2]", 3);
        refused("[1,]", 3);
        refused("[1}", 2);
        refused("{\"a\":1,}", 7);
        refused("{a:1}", 1);
        refused("\"long enough to be a word\n\"", 25);
        refused("\"abc", 4);
        refused(r#""\x""#, 1);
        refused(r#""\u12G4""#, 1);
    }

    #[test]
    fn depth_is_bounded_and_never_overflows_the_stack() {
        assert_eq!(end("[[]]", 2), Ok(4));
        assert_eq!(end("[[[]]]", 2), Err(Fault::TooDeep { at: 2 }));
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert_eq!(end(&deep, usize::MAX), Ok(deep.len()));
        assert_eq!(end(&deep, 128), Err(Fault::TooDeep { at: 128 }));
    }

    proptest! {
        #[test]
        fn stops_are_found_wherever_they_are(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let slow = bytes.iter().take_while(|b| **b >= b' ' && **b != b'"' && **b != b'\\');
            prop_assert_eq!(plain_len(&bytes), slow.count());
        }

        #[test]
        fn agrees_with_serde_json(text in r#"[\[\]{}:,"\\au01.eE+\- tn]{0,24}"#) {
            let mut scanner = Scanner::new(text.as_bytes(), 0, 128);
            scanner.space();
            let ours = scanner.value().is_ok() && { scanner.space(); scanner.peek().is_none() };
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(ours, theirs, "{}", text);
        }
    }
}
