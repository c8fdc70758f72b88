//! What was seen in a column, and the narrowest type that holds all of it.

use tapline_spec::ColumnKind;

use super::number::Numeric;
use super::scan::Lexeme;

/// A set of forms of values. A column's type follows from the set alone, so it does not matter in
/// which order the values came, or on which page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen(u8);

impl Seen {
    pub(crate) const NOTHING: Self = Self(0);
    pub(crate) const BOOL: Self = Self(1);
    pub(crate) const INTEGER: Self = Self(2);
    /// An integer that no `f64` holds.
    pub(crate) const BIG: Self = Self(4);
    pub(crate) const FLOAT: Self = Self(8);
    /// A number that only text holds.
    pub(crate) const LONG: Self = Self(16);
    pub(crate) const STRING: Self = Self(32);
    pub(crate) const NESTED: Self = Self(64);

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The narrowest type that holds everything seen; `None` as long as there was nothing.
    pub(crate) fn kind(self) -> Option<ColumnKind> {
        let within = |set: Self| set.contains(self);
        if self == Self::NOTHING {
            None
        } else if within(Self::BOOL) {
            Some(ColumnKind::Boolean)
        } else if within(Self::INTEGER.with(Self::BIG)) {
            Some(ColumnKind::Integer)
        } else if within(Self::INTEGER.with(Self::FLOAT)) {
            Some(ColumnKind::Number)
        } else if within(Self::NESTED) {
            Some(ColumnKind::Json)
        } else {
            Some(ColumnKind::String)
        }
    }

    /// Everything that a declared column of `kind` takes.
    pub(crate) const fn fitting(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Boolean => Self::BOOL,
            ColumnKind::Integer => Self::INTEGER.with(Self::BIG),
            ColumnKind::Number => Self::INTEGER.with(Self::FLOAT),
            ColumnKind::String | ColumnKind::Json => Self(u8::MAX),
        }
    }
}

/// A value: its text on the page, and what it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    /// As received.
    pub(crate) raw: &'a str,
    /// What it is.
    pub(crate) form: Form,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    Null,
    Bool(bool),
    Number(Numeric),
    String { escaped: bool },
    Nested,
}

impl<'a> Value<'a> {
    #[inline]
    pub(crate) fn new(raw: &'a str, lexeme: Lexeme) -> Self {
        let form = match lexeme {
            Lexeme::Null => Form::Null,
            Lexeme::Bool(value) => Form::Bool(value),
            Lexeme::Number(number) => Form::Number(Numeric::of(raw, number)),
            Lexeme::String { escaped } => Form::String { escaped },
            Lexeme::Nested => Form::Nested,
        };
        Self { raw, form }
    }

    #[inline]
    pub(crate) fn seen(&self) -> Seen {
        match self.form {
            Form::Null => Seen::NOTHING,
            Form::Bool(_) => Seen::BOOL,
            Form::Number(Numeric::Integer(_)) => Seen::INTEGER,
            Form::Number(Numeric::Big(_)) => Seen::BIG,
            Form::Number(Numeric::Float(_)) => Seen::FLOAT,
            Form::Number(Numeric::Text) => Seen::LONG,
            Form::String { .. } => Seen::STRING,
            Form::Nested => Seen::NESTED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_follows_from_what_was_seen() {
        use ColumnKind::{Boolean, Integer, Json, Number, String};
        let cases: &[(&[Seen], Option<ColumnKind>)] = &[
            (&[], None),
            (&[Seen::BOOL], Some(Boolean)),
            (&[Seen::INTEGER], Some(Integer)),
            (&[Seen::INTEGER, Seen::BIG], Some(Integer)),
            (&[Seen::INTEGER, Seen::FLOAT], Some(Number)),
            (&[Seen::BIG, Seen::FLOAT], Some(String)),
            (&[Seen::LONG], Some(String)),
            (&[Seen::BOOL, Seen::INTEGER], Some(String)),
            (&[Seen::STRING, Seen::NESTED], Some(String)),
            (&[Seen::BOOL, Seen::NESTED], Some(String)),
            (&[Seen::NESTED], Some(Json)),
        ];
        for (seen, kind) in cases {
            let all = seen.iter().fold(Seen::NOTHING, |all, one| all.with(*one));
            assert_eq!(all.kind(), *kind, "{seen:?}");
        }
    }
}
