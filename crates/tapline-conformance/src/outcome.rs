//! What a published case says, and how a suite reports it.

use std::fmt;

/// Why a case failed, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

/// What a case returns.
pub type Outcome = Result<(), Failure>;

impl From<tapline_core::Error> for Failure {
    fn from(error: tapline_core::Error) -> Self {
        Self(format!("unexpected error: {error}"))
    }
}

/// What became of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Passed,
    /// The subject does not claim the capability.
    Skipped,
    /// It does not hold.
    Failed(String),
}

/// The verdict on every case of a suite, in order.
#[derive(Clone, Debug, Default)]
pub struct SuiteReport {
    /// Name and verdict.
    pub cases: Vec<(&'static str, Verdict)>,
}

impl SuiteReport {
    pub(crate) fn add(&mut self, name: &'static str, outcome: Option<Outcome>) {
        let verdict = match outcome {
            None => Verdict::Skipped,
            Some(Ok(())) => Verdict::Passed,
            Some(Err(Failure(reason))) => Verdict::Failed(reason),
        };
        self.cases.push((name, verdict));
    }

    /// Whether no case failed.
    pub fn passed(&self) -> bool {
        let failed = |(_, verdict): &(_, Verdict)| matches!(verdict, Verdict::Failed(_));
        !self.cases.iter().any(failed)
    }
}

impl fmt::Display for SuiteReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, verdict) in &self.cases {
            match verdict {
                Verdict::Passed => writeln!(f, "ok       {name}")?,
                Verdict::Skipped => writeln!(f, "skipped  {name}")?,
                Verdict::Failed(reason) => writeln!(f, "FAILED   {name}: {reason}")?,
            }
        }
        Ok(())
    }
}

/// Fails unless `got` is `want`.
pub(crate) fn same<T: PartialEq + fmt::Debug>(what: &str, got: T, want: T) -> Outcome {
    if got == want {
        return Ok(());
    }
    Err(Failure(format!("{what}: got {got:?}, expected {want:?}")))
}

/// Fails unless `result` is an error of `kind`.
pub(crate) fn refused<T>(
    what: &str,
    result: tapline_core::Result<T>,
    kind: tapline_core::ErrorKind,
) -> Outcome {
    match result {
        Err(error) => same(what, error.kind(), kind),
        Ok(_) => Err(Failure(format!("{what}: accepted, expected {kind:?}"))),
    }
}
