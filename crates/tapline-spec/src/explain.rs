//! What each code of a diagnostic means, for `validate --explain CODE`.
//!
//! A code never changes its meaning, and none is used that does not stand here.

mod errors;
mod lints;
mod project;
mod reading;

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The code: `E-...` for errors, `L-...` for lints.
    pub code: &'static str,
    /// The finding in a few words.
    pub title: &'static str,
    /// What is wrong, and why it matters.
    pub text: &'static str,
    /// What leads to it.
    pub example_bad: &'static str,
    /// What to write instead.
    pub example_good: &'static str,
}

impl Explanation {
    /// Whether [`crate::fix`] writes it the way it is meant.
    pub fn is_fixable(&self) -> bool {
        reading::ALL.contains(self)
    }
}

fn all() -> impl Iterator<Item = &'static Explanation> {
    [reading::ALL, errors::ALL, lints::ALL, project::ALL]
        .into_iter()
        .flatten()
}

/// What `code` means, however it is cased.
pub fn explain(code: &str) -> Option<&'static Explanation> {
    all().find(|known| known.code.eq_ignore_ascii_case(code.trim()))
}

/// Every code there is.
pub fn codes() -> impl Iterator<Item = &'static str> {
    all().map(|known| known.code)
}
