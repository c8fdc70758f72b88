//! What is wrong with a document, or merely old-fashioned: one line for a person.

use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The document cannot be used.
    Error,
    /// The document can be used; it says something in an outdated or doubtful way.
    Lint,
}

/// Something wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Short name, `E-...` for errors and `L-...` for lints; it never changes its meaning.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// JSON pointer into the document as written; empty for the whole document.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Line, from 1, if known.
    pub line: Option<u32>,
    /// Column in characters, from 1, if known.
    pub column: Option<u32>,
}

impl Diagnostic {
    /// An error at `pointer`.
    pub fn error(
        code: &'static str,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity: Severity::Error,
            pointer: pointer.into(),
            message: message.into(),
            hint: None,
            line: None,
            column: None,
        }
    }

    /// A lint at `pointer`.
    pub fn lint(
        code: &'static str,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Lint,
            ..Self::error(code, pointer, message)
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether the document cannot be used.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Lint => "lint",
        };
        write!(f, "{severity}[{}]", self.code)?;
        match (self.pointer.as_str(), self.line, self.column) {
            ("", None, _) => {}
            ("", Some(line), Some(column)) => write!(f, " at {line}:{column}")?,
            ("", Some(line), None) => write!(f, " at line {line}")?,
            (pointer, None, _) => write!(f, " at {pointer}")?,
            (pointer, Some(line), column) => {
                write!(f, " at {pointer} ({line}:{})", column.unwrap_or(1))?;
            }
        }
        write!(f, ": {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}
