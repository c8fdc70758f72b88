//! Texts as they are kept: PostgreSQL takes no U+0000 in a text.

use std::borrow::Cow;

/// `text` as it is kept. Order and prefixes stay the same.
pub fn kept(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', '\u{1}']) {
        return text.into();
    }
    let text = text.replace('\u{1}', "\u{1}1");
    text.replace('\0', "\u{1}0").into()
}

/// The text that was kept as `text`.
pub fn given(text: String) -> String {
    if !text.contains('\u{1}') {
        return text;
    }
    text.replace("\u{1}0", "\0").replace("\u{1}1", "\u{1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_and_keep_their_order() {
        let texts = [
            "", "\0", "\0\0", "\0\u{1}", "\u{1}", "\u{1}\0", "\u{1}\0a", "\u{1}0", "\u{1}1",
            "\u{2}", "a\0", "a\u{1}1",
        ];
        for pair in texts.windows(2) {
            assert!(
                pair[0] < pair[1] && kept(pair[0]) < kept(pair[1]),
                "{pair:?}"
            );
        }
        for text in texts {
            let kept = kept(text);
            assert!(!kept.contains('\0'));
            assert_eq!(given(kept.into_owned()), text);
        }
    }
}
