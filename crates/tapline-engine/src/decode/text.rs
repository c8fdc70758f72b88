//! Text of JSON strings: unescaping, quoting.

/// Appends the text between the quotes of `quoted` to `out`. `None` if there is a lone surrogate:
/// no text holds it, and `out` is left as it was.
pub(crate) fn unescape(quoted: &str, out: &mut Vec<u8>) -> Option<()> {
    let before = out.len();
    let mut rest = inner(quoted);
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        match escape(&rest[at + 1..]) {
            Some((decoded, length)) => {
                let mut utf8 = [0; 4];
                out.extend_from_slice(decoded.encode_utf8(&mut utf8).as_bytes());
                rest = &rest[at + 1 + length..];
            }
            None => {
                out.truncate(before);
                return None;
            }
        }
    }
    out.extend_from_slice(rest.as_bytes());
    Some(())
}

/// What stands between the quotes.
#[inline]
pub(crate) fn inner(quoted: &str) -> &str {
    quoted.get(1..quoted.len() - 1).unwrap_or_default()
}

/// The unescaped text of `quoted`, unless there is a lone surrogate.
pub(crate) fn unescaped(quoted: &str) -> Option<String> {
    let mut text = Vec::with_capacity(quoted.len());
    unescape(quoted, &mut text)?;
    String::from_utf8(text).ok()
}

/// Decodes the escape sequence after a backslash: the character, and the length it was read from.
fn escape(sequence: &str) -> Option<(char, usize)> {
    let simple = |decoded| Some((decoded, 1));
    match sequence.as_bytes().first()? {
        b'b' => simple('\u{8}'),
        b'f' => simple('\u{c}'),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'u' => unicode(sequence),
        other => simple(char::from(*other)),
    }
}

fn unicode(sequence: &str) -> Option<(char, usize)> {
    let unit = |at| u16::from_str_radix(sequence.get(at..at + 4)?, 16).ok();
    let first = unit(1)?;
    let second = match sequence.get(5..7) {
        Some("\\u") => unit(7),
        _ => None,
    };
    let mut decoded = char::decode_utf16([Some(first), second].into_iter().flatten());
    let decoded = decoded.next()?.ok()?;
    Some((decoded, 5 + 6 * (decoded.len_utf16() - 1)))
}

/// `text` as a JSON string, quotes included.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_characters() {
        let cases = [
            (r#""plain""#, Some("plain")),
            (r#""""#, Some("")),
            (r#""\"\\\/\b\f\n\r\t""#, Some("\"\\/\u{8}\u{c}\n\r\t")),
            (r#""\u00e9\u20AC é""#, Some("é€ é")),
            (r#""\ud83d\ude00!""#, Some("😀!")),
            (r#""\u0000""#, Some("\0")),
            (r#""\ud83d""#, None),
            (r#""\ude00\ud83d""#, None),
            (r#""\ud83d\u0041""#, None),
            (r#""\ud83dxx""#, None),
        ];
        for (quoted, expected) in cases {
            assert_eq!(unescaped(quoted).as_deref(), expected, "{quoted}");
        }
    }
}
