//! Which type a column is declared with, and why SQLite then never converts a value.
//!
//! A declared type gives a column an affinity, and an affinity converts: a column declared
//! `INTEGER` turns the text `007` into 7, one declared `TEXT` cuts a float to 15 digits. So a
//! column has a declared type only while all its values are of that one type, which its affinity
//! leaves alone. A column that has held several types is declared without any: SQLite then keeps
//! each value as it was bound, an integer beside a text.

use arrow_schema::{DataType, Field, TimeUnit};
use tapline_core::is_json;

use crate::failure::{Failure, Result};

/// Field metadata that marks a text as JSON.
const EXTENSION: (&str, &str) = ("ARROW:extension:name", "arrow.json");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    /// No type, no affinity: anything is kept as it is.
    Any,
    /// Affinity NUMERIC; holds only 0 and 1.
    Boolean,
    /// Affinity INTEGER.
    Integer,
    /// Affinity REAL.
    Real,
    /// Affinity TEXT.
    Text,
    /// JSON as text. Declared in two words: `JSON` alone would have affinity NUMERIC.
    Json,
    /// Affinity NUMERIC, but no ISO 8601 text looks like a number.
    Timestamp,
    /// As [`Declared::Timestamp`].
    Date,
    /// Affinity BLOB.
    Blob,
}

const NAMES: [(Declared, &str); 9] = [
    (Declared::Any, ""),
    (Declared::Boolean, "BOOLEAN"),
    (Declared::Integer, "INTEGER"),
    (Declared::Real, "REAL"),
    (Declared::Text, "TEXT"),
    (Declared::Json, "JSON TEXT"),
    (Declared::Timestamp, "TIMESTAMP"),
    (Declared::Date, "DATE"),
    (Declared::Blob, "BLOB"),
];

impl Declared {
    /// What `field` asks for; `None` if it brings no values at all.
    pub(crate) fn of(field: &Field) -> Result<Option<Self>> {
        Ok(Some(match field.data_type() {
            DataType::Null => return Ok(None),
            DataType::Boolean => Self::Boolean,
            DataType::Int64 => Self::Integer,
            // Above the largest integer of SQLite the value is kept as text.
            DataType::UInt64 => Self::Any,
            DataType::Float64 => Self::Real,
            DataType::Utf8 | DataType::LargeUtf8 if is_json(field) => Self::Json,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Decimal128(..) => Self::Text,
            DataType::Timestamp(..) => Self::Timestamp,
            DataType::Date32 => Self::Date,
            DataType::Binary | DataType::LargeBinary => Self::Blob,
            other => return Err(unsupported(field, other)),
        }))
    }

    /// As it stands in `CREATE TABLE`.
    pub(crate) fn sql(self) -> &'static str {
        let found = NAMES.iter().find(|(declared, _)| *declared == self);
        found.map_or("", |(_, name)| name)
    }

    /// The column `name` of this type, as others see it; `Null` where it takes anything.
    pub(crate) fn field(self, name: &str) -> Field {
        let data_type = match self {
            Self::Any => DataType::Null,
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Real => DataType::Float64,
            Self::Text | Self::Json => DataType::Utf8,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Date => DataType::Date32,
            Self::Blob => DataType::Binary,
        };
        let field = Field::new(name, data_type, true);
        match self {
            Self::Json => {
                field.with_metadata([(EXTENSION.0.to_owned(), EXTENSION.1.to_owned())].into())
            }
            _ => field,
        }
    }

    /// The type that `sql` declares, if tapline wrote it.
    pub(crate) fn parse(sql: &str) -> Option<Self> {
        let found = NAMES.iter().find(|(_, name)| *name == sql);
        found.map(|(declared, _)| *declared)
    }

    /// The narrowest type whose affinity leaves the values of both alone.
    pub(crate) fn join(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (a, b) if a.is_text() && b.is_text() => Self::Text,
            _ => Self::Any,
        }
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Json | Self::Timestamp | Self::Date)
    }
}

fn unsupported(field: &Field, data_type: &DataType) -> Failure {
    let hint = match data_type {
        DataType::Struct(_) | DataType::List(_) | DataType::LargeList(_) | DataType::Map(..) => {
            "; nested values go to sqlite as JSON text"
        }
        _ => "",
    };
    Failure::Refused(format!(
        "column {:?} is {data_type}, which sqlite does not take{hint} (known: Null, Boolean, \
         Int64, UInt64, Float64, Utf8, LargeUtf8, Timestamp, Date32, Binary, LargeBinary, \
         Decimal128)",
        field.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_two_types_loses_its_type_unless_both_are_text() {
        let check = |a: Declared, b: Declared, expected: Declared| {
            assert_eq!(a.join(b), expected, "{a:?} {b:?}");
            assert_eq!(b.join(a), expected, "{b:?} {a:?}");
        };
        check(Declared::Integer, Declared::Integer, Declared::Integer);
        check(Declared::Integer, Declared::Real, Declared::Any);
        check(Declared::Real, Declared::Text, Declared::Any);
        check(Declared::Timestamp, Declared::Text, Declared::Text);
        check(Declared::Json, Declared::Date, Declared::Text);
        check(Declared::Any, Declared::Text, Declared::Any);
    }

    #[test]
    fn declared_types_are_read_back() {
        for (declared, name) in NAMES {
            assert_eq!(Declared::parse(name), Some(declared));
            assert_eq!(declared.sql(), name);
            let field = declared.field("x");
            let expected = (declared != Declared::Any).then_some(declared);
            assert_eq!(Declared::of(&field).unwrap(), expected);
        }
        assert_eq!(Declared::parse("VARCHAR(20)"), None);
    }

    #[test]
    fn nested_types_are_refused_with_a_way_out() {
        let field = Field::new("tags", DataType::new_list(DataType::Utf8, true), true);
        let message = Declared::of(&field).unwrap_err().to_string();
        assert!(
            message.contains("nested values go to sqlite as JSON text"),
            "{message}"
        );
    }
}
