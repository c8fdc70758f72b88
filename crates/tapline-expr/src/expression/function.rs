//! The functions there are.

use super::node::Kind;

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Function {
    And,
    Coalesce,
    Concat,
    Empty,
    Equals,
    FormatDateTime,
    If,
    Not,
    Or,
    UtcNow,
}

/// A function as it is written.
pub(super) struct Signature {
    /// Its name; functions are found in any case.
    pub(super) name: &'static str,
    pub(super) function: Function,
    /// How many arguments it takes at least.
    pub(super) least: usize,
    /// How many arguments it takes at most.
    pub(super) most: usize,
}

const fn signature(name: &'static str, function: Function, least: usize, most: usize) -> Signature {
    Signature {
        name,
        function,
        least,
        most,
    }
}

/// All of them, by name.
pub(super) const FUNCTIONS: [Signature; 10] = [
    signature("and", Function::And, 2, 2),
    signature("coalesce", Function::Coalesce, 1, usize::MAX),
    signature("concat", Function::Concat, 1, usize::MAX),
    signature("empty", Function::Empty, 1, 1),
    signature("equals", Function::Equals, 2, 2),
    signature("formatDateTime", Function::FormatDateTime, 1, 2),
    signature("if", Function::If, 3, 3),
    signature("not", Function::Not, 1, 1),
    signature("or", Function::Or, 2, 2),
    signature("utcNow", Function::UtcNow, 0, 1),
];

/// What is no function, but written like one.
pub(super) const ROOTS: [&str; 2] = ["pipeline", "response"];

/// A name is taken for another one if it differs by no more than a third of its letters.
const LIKENESS: usize = 3;

impl Function {
    /// The type of what it gives, where that does not depend on its arguments.
    pub(super) fn kind(self) -> Option<Kind> {
        match self {
            Self::And | Self::Empty | Self::Equals | Self::Not | Self::Or => Some(Kind::Bool),
            Self::Concat | Self::FormatDateTime | Self::UtcNow => Some(Kind::Text),
            Self::Coalesce | Self::If => None,
        }
    }
}

impl Signature {
    /// The function called `name`.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        FUNCTIONS
            .iter()
            .find(|signature| signature.name.eq_ignore_ascii_case(name))
    }

    /// Why it cannot be called with `count` arguments.
    pub(super) fn refusal(&self, count: usize) -> Option<String> {
        if (self.least..=self.most).contains(&count) {
            return None;
        }
        let wanted = match (self.least, self.most) {
            (1, 1) => "one argument".to_owned(),
            (least, usize::MAX) => format!("at least {least}"),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) => format!("{least} to {most} arguments"),
        };
        Some(format!("`{}` takes {wanted}, not {count}", self.name))
    }
}

/// What to say about `name`, which is no function.
pub(super) fn unknown(name: &str) -> String {
    let names = || FUNCTIONS.iter().map(|s| s.name).chain(ROOTS);
    let distance = |known: &str| strsim::osa_distance(&name.to_lowercase(), &known.to_lowercase());
    let nearest = names().min_by_key(|known| distance(known));
    let allowed = (name.chars().count() / LIKENESS).max(1);
    let meant = nearest.filter(|known| distance(known) <= allowed);
    let meant = meant.map_or_else(String::new, |known| format!("did you mean `{known}`? "));
    let known: Vec<&str> = names().collect();
    format!(
        "there is no function `{name}`; {meant}known: {}",
        known.join(", ")
    )
}
