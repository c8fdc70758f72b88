//! A text that is being taken apart: the page's content, or a record made of a part of it.

use super::kind::Value;
use super::scan::{Fault, Scanner};

/// A text, and how far it has been read.
#[derive(Debug)]
pub(crate) struct Input<'t> {
    pub(crate) text: &'t str,
    pub(crate) scan: Scanner<'t>,
}

impl<'t> Input<'t> {
    /// The start of `text`, of which `depth` levels of nesting are followed.
    pub(crate) fn new(text: &'t str, depth: usize) -> Self {
        Self {
            text,
            scan: Scanner::new(text.as_bytes(), 0, depth),
        }
    }

    /// Reads the value that starts here.
    #[inline(always)]
    pub(crate) fn value(&mut self) -> Result<Value<'t>, Fault> {
        let start = self.scan.pos();
        let lexeme = self.scan.value()?;
        let raw = &self.text[start..self.scan.pos()];
        Ok(Value::new(raw, lexeme, self.scan.number()))
    }
}
