//! Places in JSON text.
//!
//! `serde_json` reads the value and reports what is no JSON; this scanner then walks the same,
//! valid text for places, and for keys that are written twice.

use std::collections::HashMap;

use serde_json::Value;

use crate::Diagnostic;
use crate::locate::{At, Inner, Member, Tree};
use crate::pointer;

/// Reads `text` into a value and the places of its parts.
pub(crate) fn read(text: &str) -> Result<(Value, Tree), Diagnostic> {
    let value = serde_json::from_str(text).map_err(|error| syntax(text, &error))?;
    let mut scanner = Scanner::new(text);
    let tree = scanner.value().map_err(Twice::diagnostic)?;
    Ok((value, tree))
}

fn syntax(text: &str, error: &serde_json::Error) -> Diagnostic {
    let full = error.to_string();
    let message = full.split(" at line ").next().unwrap_or(&full);
    let message = match message.strip_prefix("EOF while parsing ") {
        Some(what) => format!("the text ends in the middle of {what}"),
        None => message.to_owned(),
    };
    let mut diagnostic = Diagnostic::error("E-syntax", "", message);
    diagnostic.hint = match diagnostic.message.as_str() {
        "trailing comma" => Some("remove the comma before it".to_owned()),
        "expected `,` or `}`" | "expected `,` or `]`" => {
            Some("a comma is missing before it".to_owned())
        }
        _ => None,
    };
    let line = text.lines().nth(error.line().saturating_sub(1));
    let before = line.and_then(|line| line.get(..error.column().saturating_sub(1)));
    let column = before.map_or(error.column().max(1), |before| before.chars().count() + 1);
    diagnostic.line = u32::try_from(error.line()).ok();
    diagnostic.column = u32::try_from(column).ok();
    diagnostic
}

/// A key that its object already has.
struct Twice {
    at: At,
    /// The way to it, innermost first.
    steps: Vec<String>,
}

impl Twice {
    fn inside(mut self, step: String) -> Self {
        self.steps.push(step);
        self
    }

    fn diagnostic(self) -> Diagnostic {
        let name = self.steps.first().cloned().unwrap_or_default();
        let pointer = self
            .steps
            .iter()
            .rev()
            .fold(String::new(), |pointer, step| pointer::join(&pointer, step));
        let message = format!("`{name}` is written twice");
        let mut diagnostic = Diagnostic::error("E-duplicate-key", pointer, message);
        (diagnostic.line, diagnostic.column) = (Some(self.at.line), Some(self.at.column));
        diagnostic
    }
}

/// Walks text that is known to be JSON.
struct Scanner<'a> {
    text: &'a str,
    offset: usize,
    at: At,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        let at = At { line: 1, column: 1 };
        Self {
            text,
            offset: 0,
            at,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    fn bump(&mut self) {
        match self.peek() {
            Some(b'\n') => {
                self.at.line += 1;
                self.at.column = 1;
            }
            // The bytes after the first of a character do not count.
            Some(byte) if byte & 0xC0 != 0x80 => self.at.column += 1,
            _ => {}
        }
        self.offset += 1;
    }

    /// Skips what stands between values.
    fn skip(&mut self) {
        while self
            .peek()
            .is_some_and(|b| b.is_ascii_whitespace() || matches!(b, b',' | b':'))
        {
            self.bump();
        }
    }

    fn value(&mut self) -> Result<Tree, Twice> {
        self.skip();
        let (at, start) = (self.at, self.offset);
        let inner = match self.peek() {
            Some(b'{') => self.object()?,
            Some(b'[') => self.array()?,
            Some(b'"') => {
                self.string();
                Inner::Scalar
            }
            _ => {
                while self
                    .peek()
                    .is_some_and(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
                {
                    self.bump();
                }
                Inner::Scalar
            }
        };
        let span = start..self.offset;
        Ok(Tree { at, span, inner })
    }

    /// The string with its quotes.
    fn string(&mut self) -> &'a str {
        let start = self.offset;
        self.bump();
        while let Some(byte) = self.peek().filter(|b| *b != b'"') {
            self.bump();
            if byte == b'\\' {
                self.bump();
            }
        }
        self.bump();
        &self.text[start..self.offset.min(self.text.len())]
    }

    fn array(&mut self) -> Result<Inner, Twice> {
        self.bump();
        let mut items = Vec::new();
        loop {
            self.skip();
            if matches!(self.peek(), None | Some(b']')) {
                self.bump();
                return Ok(Inner::List(items));
            }
            let item = self.value();
            items.push(item.map_err(|twice| twice.inside(items.len().to_string()))?);
        }
    }

    fn object(&mut self) -> Result<Inner, Twice> {
        self.bump();
        let mut members = HashMap::new();
        loop {
            self.skip();
            if self.peek() != Some(b'"') {
                self.bump();
                return Ok(Inner::Map(members));
            }
            let (at, start) = (self.at, self.offset);
            let key: String = serde_json::from_str(self.string()).unwrap_or_default();
            if members.contains_key(&key) {
                let steps = vec![key];
                return Err(Twice { at, steps });
            }
            let key_span = start..self.offset;
            let value = self.value().map_err(|twice| twice.inside(key.clone()))?;
            let member = Member {
                key: at,
                key_span,
                value,
            };
            members.insert(key, member);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::Part;

    #[track_caller]
    fn check(text: &str, pointer: &str, part: Part, line: u32, column: u32) {
        let (_, tree) = read(text).unwrap();
        assert_eq!(tree.find(pointer, part), At { line, column });
    }

    #[test]
    fn every_value_has_a_place() {
        let text = "{\n  \"ä\\\"\": [1, {\"b\": \"é\", \"c\": -1.5e3}],\n  \"d/e\": null\n}";
        check(text, "", Part::Value, 1, 1);
        check(text, "/ä\"", Part::Key, 2, 3);
        check(text, "/ä\"/1", Part::Value, 2, 14);
        check(text, "/ä\"/1/c", Part::Key, 2, 25);
        check(text, "/ä\"/1/c/nothing", Part::Value, 2, 30);
        check(text, "/d~1e", Part::Value, 3, 10);
    }

    #[test]
    fn what_is_wrong_has_a_line_and_a_column() {
        let cases = [
            (
                "{\n  \"a\": 1,\n}",
                "error[E-syntax] at 3:1: trailing comma; remove the comma before it",
            ),
            (
                "{\"a\": 1 \"b\": 2}",
                "error[E-syntax] at 1:9: expected `,` or `}`; a comma is missing before it",
            ),
            (
                "{\"a\": {\"b\": 1,\n \"b\": 2}}",
                "error[E-duplicate-key] at /a/b (2:2): `b` is written twice",
            ),
            (
                "{\"a\": [1,\n",
                "error[E-syntax] at 2:1: the text ends in the middle of a value",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).unwrap_err().to_string(), expected);
        }
    }
}
