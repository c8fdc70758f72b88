//! The rewritings that several keys share.

use serde_json::{Map, Value};

use crate::Diagnostic;

/// What was rewritten so far.
#[derive(Default)]
pub(super) struct Rewrite {
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Where something is now, and where it stood.
    pub(super) moves: Vec<(String, String)>,
}

impl Rewrite {
    pub(super) fn lint(&mut self, code: &'static str, at: String, message: String) {
        self.diagnostics.push(Diagnostic::lint(code, at, message));
    }

    pub(super) fn lint_with(
        &mut self,
        code: &'static str,
        at: String,
        message: String,
        hint: String,
    ) {
        self.diagnostics
            .push(Diagnostic::lint(code, at, message).with_hint(hint));
    }

    pub(super) fn error(&mut self, code: &'static str, at: String, message: String, hint: &str) {
        self.diagnostics
            .push(Diagnostic::error(code, at, message).with_hint(hint));
    }

    /// `old` becomes `new`, unless both are there.
    pub(super) fn rename(
        &mut self,
        object: &mut Map<String, Value>,
        at: &str,
        (old, new): (&str, &str),
        code: &'static str,
    ) {
        let Some(value) = object.shift_remove(old) else {
            return;
        };
        let from = format!("{at}/{old}");
        if object.contains_key(new) {
            let message = format!("`{old}` and `{new}` are two spellings of one key");
            let hint = format!("keep `{new}`");
            return self.error("E-both-spellings", from, message, &hint);
        }
        self.lint(code, from.clone(), format!("`{old}` is written `{new}`"));
        object.insert(new.to_owned(), value);
        self.moves.push((format!("{at}/{new}"), from));
    }

    /// A text of digits becomes a number.
    pub(super) fn number(&mut self, object: &mut Map<String, Value>, key: &str, at: &str) {
        let Some(place @ Value::String(_)) = object.get_mut(key) else {
            return;
        };
        let digits = place.as_str().unwrap_or_default().trim();
        if let Ok(number) = digits.parse::<u64>() {
            let message = format!("`{key}` is a number, written without quotes: {number}");
            self.lint("L-digit-string", format!("{at}/{key}"), message);
            *place = number.into();
        }
    }

    /// A word becomes upper case.
    pub(super) fn upper_case(&mut self, object: &mut Map<String, Value>, key: &str, at: &str) {
        let Some(Value::String(word)) = object.get_mut(key) else {
            return;
        };
        let upper = word.to_uppercase();
        if *word != upper {
            let message = format!("`{word}` is written `{upper}`");
            self.lint("L-case", format!("{at}/{key}"), message);
            *word = upper;
        }
    }

    /// A path gets its `$.`, unless it names a header.
    pub(super) fn rooted(&mut self, object: &mut Map<String, Value>, key: &str, at: &str) {
        let Some(Value::String(path)) = object.get_mut(key) else {
            return;
        };
        let is_header = path.starts_with("headers.") || path.starts_with("Headers.");
        if path.is_empty() || is_header || path.starts_with(['$', '[']) {
            return;
        }
        let rooted = format!("$.{path}");
        let message = format!("the path `{path}` is written `{rooted}`");
        self.lint("L-path-root", format!("{at}/{key}"), message);
        *path = rooted;
    }
}
