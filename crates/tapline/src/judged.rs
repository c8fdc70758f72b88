//! A file and what is wrong with it: `tapline.yaml:7:5: error[E-unknown-key]: ...`.

use std::fmt;
use std::path::{Path, PathBuf};

use owo_colors::OwoColorize;
use serde_json::{Value, json};
use tapline_spec::{Diagnostic, Severity};

use crate::output::clean;
use crate::output::numbers::plural;

/// Diagnostics, each with the file it is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judged {
    found: Vec<(PathBuf, Diagnostic)>,
}

impl Judged {
    /// The diagnostics of one file.
    pub(crate) fn of(file: &Path, diagnostics: impl IntoIterator<Item = Diagnostic>) -> Self {
        let found = diagnostics.into_iter().map(|d| (file.to_owned(), d));
        Self {
            found: found.collect(),
        }
    }

    /// Adds those of another file.
    pub(crate) fn extend(&mut self, other: Self) {
        self.found.extend(other.found);
    }

    /// How many errors there are.
    pub(crate) fn errors(&self) -> usize {
        self.found.iter().filter(|(_, d)| d.is_error()).count()
    }

    /// How many warnings there are.
    pub(crate) fn warnings(&self) -> usize {
        self.found.len() - self.errors()
    }

    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// `2 errors, 1 warning`.
    pub(crate) fn summary(&self) -> String {
        let errors = plural(self.errors() as u64, "error");
        match self.warnings() as u64 {
            0 => errors,
            warnings => format!("{errors}, {}", plural(warnings, "warning")),
        }
    }

    /// The diagnostics for `--output json`.
    pub(crate) fn documents(&self) -> Vec<Value> {
        self.found
            .iter()
            .map(|(file, d)| document(file, d))
            .collect()
    }
}

fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity {
        Severity::Error => "error",
        Severity::Lint => "warning",
    }
}

fn document(file: &Path, diagnostic: &Diagnostic) -> Value {
    json!({
        "file": file.display().to_string(),
        "line": diagnostic.line,
        "column": diagnostic.column,
        "severity": severity(diagnostic),
        "code": diagnostic.code,
        "pointer": diagnostic.pointer,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
    })
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (file, diagnostic)) in self.found.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write_one(f, file, diagnostic)?;
        }
        Ok(())
    }
}

fn write_one(f: &mut fmt::Formatter<'_>, file: &Path, found: &Diagnostic) -> fmt::Result {
    write!(f, "{}", clean(&file.display().to_string()).bold())?;
    if let Some(line) = found.line {
        write!(f, ":{line}:{}", found.column.unwrap_or(1))?;
    }
    let severity = format!("{}[{}]", severity(found), found.code);
    match found.severity {
        Severity::Error => write!(f, ": {}", severity.red().bold())?,
        Severity::Lint => write!(f, ": {}", severity.yellow().bold())?,
    }
    if found.line.is_none() && !found.pointer.is_empty() {
        write!(f, " at {}", clean(&found.pointer))?;
    }
    write!(f, ": {}", clean(&found.message))?;
    match &found.hint {
        Some(hint) => write!(f, "\n  hint: {}", clean(hint)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_diagnostic_says_file_line_and_what_to_do() {
        let mut spelled =
            Diagnostic::error("E-unknown-key", "/pipelines/a/sink", "unknown key `sink`")
                .with_hint("did you mean `source`?");
        spelled.line = Some(7);
        spelled.column = Some(5);
        let vague = Diagnostic::lint("L-old", "/paginationParams", "an old\u{1b}[2J spelling");
        let mut judged = Judged::of(Path::new("tapline.yaml"), [spelled]);
        judged.extend(Judged::of(Path::new("specs/a.json"), [vague]));
        let shown = anstream::adapter::strip_str(&judged.to_string()).to_string();
        insta::assert_snapshot!(shown, @r"
        tapline.yaml:7:5: error[E-unknown-key]: unknown key `sink`
          hint: did you mean `source`?
        specs/a.json: warning[L-old] at /paginationParams: an old[2J spelling
        ");
        assert_eq!(judged.summary(), "1 error, 1 warning");
    }
}
