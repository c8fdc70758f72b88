//! What was seen in a column, and the narrowest type that holds all of it.

use tapline_spec::ColumnKind;

use super::number::Numeric;
use super::scan::{Lexeme, Number};

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

/// A value: its text on the page, and what it is. Flat, because it is read field by field right
/// after it was made: one enum in another would be written and read in pieces of unlike size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    /// As received.
    pub(crate) raw: &'a str,
    /// Its form; nothing for null.
    pub(crate) seen: Seen,
    /// Whether a string must be unescaped.
    pub(crate) escaped: bool,
    /// An integer's value; 1 for true.
    pub(crate) integer: i64,
    /// A number's value, unless it is [`Seen::BIG`] or [`Seen::LONG`].
    pub(crate) float: f64,
}

impl<'a> Value<'a> {
    /// The value `raw`; `number` matters if it is one.
    #[inline(always)]
    pub(crate) fn new(raw: &'a str, lexeme: Lexeme, number: Number) -> Self {
        let value = |seen| Self {
            raw,
            seen,
            escaped: lexeme == Lexeme::Escaped,
            integer: i64::from(lexeme == Lexeme::True),
            float: 0.0,
        };
        match lexeme {
            Lexeme::Null => value(Seen::NOTHING),
            Lexeme::True | Lexeme::False => value(Seen::BOOL),
            Lexeme::Number => value(Seen::LONG).with_number(Numeric::of(raw, number)),
            Lexeme::Plain | Lexeme::Escaped => value(Seen::STRING),
            Lexeme::Nested => value(Seen::NESTED),
        }
    }

    #[inline]
    fn with_number(mut self, number: Numeric) -> Self {
        (self.seen, self.integer, self.float) = match number {
            Numeric::Integer(value) => (Seen::INTEGER, value, value as f64),
            Numeric::Big(value) => (Seen::BIG, value, 0.0),
            Numeric::Float(value) => (Seen::FLOAT, 0, value),
            Numeric::Text => (Seen::LONG, 0, 0.0),
        };
        self
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
