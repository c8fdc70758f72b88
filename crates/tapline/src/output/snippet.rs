//! A diagnostic as compilers show it: what is wrong, the line it stands in, a caret below it, and
//! what to do.

use std::ops::Range;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use tapline_spec::{Diagnostic, Severity};

use super::clean;

/// Longest line that is shown: one of minified JSON would hide what is wrong with it.
const LONGEST: usize = 240;

/// `found` in words, with the line of `text` that it is about.
pub(crate) fn render(file: &Path, text: Option<&str>, found: &Diagnostic) -> String {
    let level = match found.severity {
        Severity::Error => Level::ERROR,
        Severity::Lint => Level::WARNING,
    };
    let (file, message) = (file.display().to_string(), clean(&found.message));
    let file = clean(&file);
    let title = level.primary_title(message.as_ref()).id(found.code);
    let span = text.and_then(|text| Some((text, span(text, found.line?, found.column?)?)));
    let place = place(&file, found);
    let group = match span {
        Some((text, span)) => Group::with_title(title).element(
            Snippet::source(text)
                .path(file.as_ref())
                .annotation(AnnotationKind::Primary.span(span)),
        ),
        None => Group::with_title(title).element(Origin::path(place.as_str())),
    };
    let hint = found.hint.as_deref().map(clean);
    let group = match &hint {
        Some(hint) => group.element(Level::HELP.with_name("hint").message(hint.as_ref())),
        None => group,
    };
    Renderer::styled().render(&[group])
}

/// `file:7:5`, or the JSON pointer where lines mean nothing.
fn place(file: &str, found: &Diagnostic) -> String {
    match (found.line, found.pointer.as_str()) {
        (Some(line), _) => format!("{file}:{line}:{}", found.column.unwrap_or(1)),
        (None, "") => file.to_owned(),
        (None, pointer) => format!("{file} at {}", clean(pointer)),
    }
}

/// The bytes of what stands at `line` and `column`, both from 1. `None` if that is not in `text`,
/// or in a line too long to show.
fn span(text: &str, line: u32, column: u32) -> Option<Range<usize>> {
    let index = usize::try_from(line.checked_sub(1)?).ok()?;
    let whole = text.split_inclusive('\n').nth(index)?;
    if whole.len() > LONGEST {
        return None;
    }
    let start = whole.as_ptr() as usize - text.as_ptr() as usize;
    let column = usize::try_from(column.checked_sub(1)?).ok()?;
    let rest = whole.char_indices().nth(column).map(|(at, _)| at)?;
    let first = whole[rest..].chars().next().map_or(0, char::len_utf8);
    let length = token(&whole[rest..]).max(first);
    Some(start + rest..start + rest + length)
}

/// The length of the word, number or quoted text that `rest` begins with.
fn token(rest: &str) -> usize {
    let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let end = rest.find(|c: char| c.is_whitespace() || ",:]}#".contains(c));
        return end.unwrap_or(rest.len());
    };
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return at,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, line: u32, column: u32, expected: Option<&str>) {
        assert_eq!(span(text, line, column).map(|span| &text[span]), expected);
    }

    #[test]
    fn the_caret_stands_below_the_whole_word() {
        check("a: 1\n  bee: cee # d\n", 2, 3, Some("bee"));
        check("a: 1\n  bee: cee # d\n", 2, 8, Some("cee"));
        check(r#"{"a \" b": [1]}"#, 1, 2, Some(r#""a \" b""#));
        check(r#"{"a": 12}"#, 1, 7, Some("12"));
        check("é: ü\n", 1, 4, Some("ü"));
        check("a: {", 1, 4, Some("{"));
        // A blank of three bytes.
        check("{\u{3000}}", 1, 2, Some("\u{3000}"));
        check("a: 1\n", 2, 1, None);
        check("a", 0, 1, None);
        check(&"a".repeat(LONGEST + 1), 1, 1, None);
    }
}
