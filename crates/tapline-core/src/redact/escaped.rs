//! Recognises a text in whatever way it is escaped: each character may stand for itself, be
//! percent-encoded, or be escaped as in JSON, and its letters may be of the other case.

/// Bytes that an escape takes at most for one byte: `\u0041`.
pub(super) const LONGEST: usize = 6;

/// How many bytes of `text` are `wanted`, if it begins with that.
pub(super) fn prefix(text: &[u8], wanted: &str) -> Option<usize> {
    // An escape may also stand for itself, if the text is not escaped at all.
    let wanted = wanted.as_bytes();
    matched(text, wanted, unescaped).or_else(|| matched(text, wanted, |_| None))
}

/// A character that is written as an escape, in UTF-8, and the length of the escape.
type Escape = ([u8; 4], usize, usize);

fn matched(
    text: &[u8],
    mut wanted: &[u8],
    unescape: impl Fn(&[u8]) -> Option<Escape>,
) -> Option<usize> {
    let mut at = 0;
    while let Some(first) = wanted.first() {
        let rest = &text[at..];
        if let Some((bytes, length, escape)) = unescape(rest)
            && let Some(left) = without(wanted, &bytes[..length])
        {
            wanted = left;
            at += escape;
        } else if rest.first()?.eq_ignore_ascii_case(first) {
            wanted = &wanted[1..];
            at += 1;
        } else {
            return None;
        }
    }
    Some(at)
}

/// `text` after `start`, if it begins with that.
fn without<'a>(text: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    let (begin, rest) = text.split_at_checked(start.len())?;
    begin.eq_ignore_ascii_case(start).then_some(rest)
}

fn unescaped(text: &[u8]) -> Option<Escape> {
    let byte = |byte, escape| Some(([byte, 0, 0, 0], 1, escape));
    match text {
        [b'%', high, low, ..] => byte(u8::try_from(hex(&[*high, *low])?).ok()?, 3),
        [b'+', ..] => byte(b' ', 1),
        [b'\\', b'u', rest @ ..] => character(rest),
        [b'\\', b'n', ..] => byte(b'\n', 2),
        [b'\\', b'r', ..] => byte(b'\r', 2),
        [b'\\', b't', ..] => byte(b'\t', 2),
        [b'\\', b'b', ..] => byte(8, 2),
        [b'\\', b'f', ..] => byte(12, 2),
        [b'\\', sign @ (b'"' | b'\\' | b'/'), ..] => byte(*sign, 2),
        _ => None,
    }
}

/// The character of `00e1`, or of a pair such as `d834\udd1e`; `\u` went before.
fn character(text: &[u8]) -> Option<Escape> {
    let first = hex(text.get(..4)?)?;
    let second = match text.get(4..10) {
        Some([b'\\', b'u', digits @ ..]) => hex(digits),
        _ => None,
    };
    let pair = [first, second.unwrap_or(0)].map(|unit| unit as u16);
    let found = char::decode_utf16(pair).next()?.ok()?;
    let mut bytes = [0; 4];
    let length = found.encode_utf8(&mut bytes).len();
    Some((bytes, length, if found.len_utf16() == 2 { 12 } else { 6 }))
}

/// The number that `digits` are.
fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| {
        Some(number * 16 + char::from(*digit).to_digit(16)?)
    })
}
