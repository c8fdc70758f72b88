//! What a trial found, and how it is remembered: as one line of JSON beside the copy.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::fault::Fault;

/// What a trial found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// It loads, and says what it is.
    Good,
    /// It is no plugin.
    Bad(Fault),
}

/// The line. Its key tells it from whatever else a library prints.
#[derive(Serialize, Deserialize)]
struct Line {
    tapline_plugin: Verdict,
}

impl Verdict {
    /// The verdict as a line.
    pub(crate) fn line(&self) -> String {
        let tapline_plugin = self.clone();
        serde_json::to_string(&Line { tapline_plugin }).expect("it has text and numbers only")
    }

    /// The last line of `text` that is a verdict.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines().rev();
        lines
            .find_map(|line| serde_json::from_str(line).ok())
            .map(|line: Line| line.tapline_plugin)
    }

    /// What was found about `copy` by this tapline; another one may judge otherwise.
    pub(crate) fn remembered(copy: &Path) -> Option<Self> {
        Self::read(&std::fs::read_to_string(file(copy)).ok()?)
    }

    /// Keeps the verdict about `copy`, unless the next trial may find another one.
    pub(crate) fn remember(&self, copy: &Path) -> io::Result<()> {
        if matches!(self, Self::Bad(fault) if fault.is_passing()) {
            return Ok(());
        }
        let file = file(copy);
        let dir = file.parent().unwrap_or(Path::new("."));
        let mut draft = NamedTempFile::new_in(dir)?;
        writeln!(draft, "{}", self.line())?;
        draft.persist(&file)?;
        Ok(())
    }
}

/// Where the verdict about `copy`, whose name is its hash, is kept.
fn file(copy: &Path) -> PathBuf {
    let (tapline, abi) = (env!("CARGO_PKG_VERSION"), tapline_abi::VERSION);
    copy.with_extension(format!("tapline-{tapline}-abi-{abi}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_found_among_other_lines() {
        let seconds = 10;
        let slow = Verdict::Bad(Fault::Slow { seconds });
        let check = |text: &str, expected: Option<&Verdict>| {
            assert_eq!(Verdict::read(text).as_ref(), expected, "{text}");
        };
        check(&slow.line(), Some(&slow));
        let good = Verdict::Good.line();
        assert_eq!(good, r#"{"tapline_plugin":"good"}"#);
        check(&format!("noise\n{good}\nnoise"), Some(&Verdict::Good));
        check("\"good\"", None);
        check("", None);
    }

    #[test]
    fn what_may_pass_is_not_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("abc.so");
        let check = |verdict: Verdict, kept: bool| {
            verdict.remember(&copy).unwrap();
            assert_eq!(Verdict::remembered(&copy), kept.then_some(verdict));
        };
        check(Verdict::Bad(Fault::Slow { seconds: 10 }), false);
        check(Verdict::Bad(Fault::NoConnector), true);
        check(Verdict::Good, true);
    }
}
