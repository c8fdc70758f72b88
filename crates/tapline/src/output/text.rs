//! Text from elsewhere, made safe for a terminal.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `text` without anything that could steer a terminal: control characters are removed, except
/// that a line break or a tab becomes a space. Marks that turn the direction of text go too.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().filter_map(|c| match c {
        '\n' | '\t' => Some(' '),
        c if steers(c) => None,
        c => Some(c),
    });
    Cow::Owned(shown.collect())
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// Columns `text` takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// `text` cut to `columns`, the last of which then is `…`.
pub(crate) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let mut kept = String::new();
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used >= columns {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    Cow::Owned(kept)
}

/// `names` as a list in words: `a, b and c`.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The known name closest to `wanted`, if one is close.
pub(crate) fn closest<'a>(
    wanted: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(wanted, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.chars().count().min(wanted.len()) / 4)
        .min()
        .map(|(_, name)| name)
}

/// What to say about a name that is not known: the closest one, and all of them.
pub(crate) fn hint<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let all = list(known.clone());
    match closest(wanted, known) {
        Some(name) => format!("did you mean `{name}`? known: {all}"),
        None => format!("known: {all}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
        let cases = [
            ("plain", "plain"),
            ("Zoë 日本", "Zoë 日本"),
            ("a\u{1b}[31mred\u{1b}[0m", "a[31mred[0m"),
            ("line\r\nnext\tcell", "line next cell"),
            ("bell\u{7}\u{9b}2J\u{7f}", "bell2J"),
            ("abc\u{202e}txt.exe", "abctxt.exe"),
        ];
        for (text, expected) in cases {
            assert_eq!(clean(text), expected);
        }
    }

    #[test]
    fn cutting_counts_columns_not_letters() {
        let cases = [
            ("short", 5, "short"),
            ("longer", 5, "long…"),
            ("日本語", 5, "日本…"),
        ];
        for (text, columns, expected) in cases {
            assert_eq!(cut(text, columns), expected);
            assert!(width(&cut(text, columns)) <= columns);
        }
    }

    #[test]
    fn unknown_names_get_the_closest() {
        let known = ["members", "users", "tickets"];
        assert_eq!(
            hint("mebmers", known),
            "did you mean `members`? known: members, users and tickets"
        );
        assert_eq!(hint("zzz", known), "known: members, users and tickets");
        assert_eq!(hint("x", []), "known: none");
    }
}
