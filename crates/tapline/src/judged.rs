//! Files and what is wrong with them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tapline_spec::{Diagnostic, Severity};

use crate::output::numbers::plural;
use crate::output::snippet;

/// Diagnostics, each with the file it is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judged {
    found: Vec<Found>,
}

/// Something wrong with a file.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The file, as it was named.
    pub(crate) file: PathBuf,
    /// What is wrong.
    pub(crate) diagnostic: Diagnostic,
    /// What the file says, if that may be shown.
    text: Option<Arc<str>>,
}

impl Judged {
    /// The diagnostics of one file. `text` is what it says, if that may be shown.
    pub(crate) fn of(
        file: &Path,
        text: Option<&str>,
        diagnostics: impl IntoIterator<Item = Diagnostic>,
    ) -> Self {
        let text: Option<Arc<str>> = text.map(Arc::from);
        let found = diagnostics.into_iter().map(|diagnostic| Found {
            file: file.to_owned(),
            diagnostic,
            text: text.clone(),
        });
        Self {
            found: found.collect(),
        }
    }

    /// All of them, in the order they were found.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Found> {
        self.found.iter()
    }

    /// Adds those of another file.
    pub(crate) fn extend(&mut self, other: Self) {
        self.found.extend(other.found);
    }

    /// How many errors there are.
    pub(crate) fn errors(&self) -> usize {
        self.found
            .iter()
            .filter(|found| found.diagnostic.is_error())
            .count()
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
        self.found.iter().map(document).collect()
    }
}

fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity {
        Severity::Error => "error",
        Severity::Lint => "warning",
    }
}

fn document(found: &Found) -> Value {
    let diagnostic = &found.diagnostic;
    json!({
        "file": found.file.display().to_string(),
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
        for (index, found) in self.found.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            let text = found.text.as_deref();
            f.write_str(&snippet::render(&found.file, text, &found.diagnostic))?;
        }
        Ok(())
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
        spelled.line = Some(2);
        spelled.column = Some(3);
        let vague = Diagnostic::lint("L-old", "/paginationParams", "an old\u{1b}[2J spelling");
        let text = "a:\n  sink: \u{1b}[2Jx\n";
        let mut judged = Judged::of(Path::new("tapline.yaml"), Some(text), [spelled]);
        judged.extend(Judged::of(Path::new("specs/a.json"), None, [vague]));
        let shown = anstream::adapter::strip_str(&judged.to_string()).to_string();
        insta::assert_snapshot!(shown, @r"
        error[E-unknown-key]: unknown key `sink`
         --> tapline.yaml:2:3
          |
        2 |   sink: ␛[2Jx
          |   ^^^^
          |
          = hint: did you mean `source`?

        warning[L-old]: an old[2J spelling
        --> specs/a.json at /paginationParams
        ");
        assert_eq!(judged.summary(), "1 error, 1 warning");
    }
}
