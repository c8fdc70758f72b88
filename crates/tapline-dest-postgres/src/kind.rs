//! What a column holds: its type, and the narrowest one that also holds something else.
//!
//! Types are declared by ourselves and only ever widen, and no value changes on the way: an integer
//! beside a float becomes `numeric`, which holds both as they are, where `double precision` would
//! round the integer. What has nothing else in common becomes text.

use arrow_schema::{DataType, Field, TimeUnit};
use tapline_core::{column, is_json};

use crate::failure::{Failure, Result};

/// Field metadata that marks a text as JSON.
const EXTENSION: (&str, &str) = ("ARROW:extension:name", "arrow.json");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Integer,
    Real,
    /// Any number with its digits as they are.
    Numeric,
    Text,
    /// JSON that can be searched and indexed. Numbers keep every digit; the order of members,
    /// their repetition and white space are not kept.
    Jsonb,
    /// JSON as it came, byte for byte: for what fits no column.
    Json,
    Instant,
    /// A time of day somewhere.
    Local,
    Date,
    Bytes,
}

/// As `format_type` of the server says them, too.
const NAMES: [(Kind, &str); 11] = [
    (Kind::Boolean, "boolean"),
    (Kind::Integer, "bigint"),
    (Kind::Real, "double precision"),
    (Kind::Numeric, "numeric"),
    (Kind::Text, "text"),
    (Kind::Jsonb, "jsonb"),
    (Kind::Json, "json"),
    (Kind::Instant, "timestamp with time zone"),
    (Kind::Local, "timestamp without time zone"),
    (Kind::Date, "date"),
    (Kind::Bytes, "bytea"),
];

impl Kind {
    /// What `field` asks for; `None` if it brings no values at all.
    pub(crate) fn of(field: &Field) -> Result<Option<Self>> {
        Ok(Some(match field.data_type() {
            DataType::Null => return Ok(None),
            DataType::Boolean => Self::Boolean,
            DataType::Int64 => Self::Integer,
            DataType::UInt64 | DataType::Decimal128(..) => Self::Numeric,
            DataType::Float64 => Self::Real,
            DataType::Utf8 | DataType::LargeUtf8 => match is_json(field) {
                false => Self::Text,
                true if field.name() == column::REST => Self::Json,
                true => Self::Jsonb,
            },
            // The server counts microseconds; a text has all nine digits.
            DataType::Timestamp(TimeUnit::Nanosecond, _) => Self::Text,
            DataType::Timestamp(_, Some(_)) => Self::Instant,
            DataType::Timestamp(_, None) => Self::Local,
            DataType::Date32 => Self::Date,
            DataType::Binary | DataType::LargeBinary => Self::Bytes,
            other => return Err(unsupported(field, other)),
        }))
    }

    /// The column `name` of this kind, as others see it.
    pub(crate) fn field(self, name: &str) -> Field {
        let micros = |zone| DataType::Timestamp(TimeUnit::Microsecond, zone);
        let data_type = match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Real => DataType::Float64,
            Self::Numeric => DataType::Decimal128(38, 0),
            Self::Text | Self::Jsonb | Self::Json => DataType::Utf8,
            Self::Instant => micros(Some("UTC".into())),
            Self::Local => micros(None),
            Self::Date => DataType::Date32,
            Self::Bytes => DataType::Binary,
        };
        let field = Field::new(name, data_type, true);
        match self {
            Self::Jsonb | Self::Json => {
                field.with_metadata([(EXTENSION.0.to_owned(), EXTENSION.1.to_owned())].into())
            }
            _ => field,
        }
    }

    /// As it stands in `CREATE TABLE`.
    pub(crate) fn sql(self) -> &'static str {
        let found = NAMES.iter().find(|(kind, _)| *kind == self);
        found.map_or("text", |(_, name)| name)
    }

    /// The kind that the server calls `name`, if tapline writes it.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let found = NAMES.iter().find(|(_, known)| *known == name);
        found.map(|(kind, _)| *kind)
    }

    /// The narrowest kind that holds the values of both as they are.
    pub(crate) fn join(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (a, b) if a.is_number() && b.is_number() => Self::Numeric,
            (Self::Json | Self::Jsonb, Self::Json | Self::Jsonb) => Self::Json,
            _ => Self::Text,
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Real | Self::Numeric)
    }

    /// What a value of the `column` becomes in one of the wider kind `to`. The texts are those that
    /// [`crate::cells`] makes of new values.
    pub(crate) fn converted(self, column: &str, to: Self) -> String {
        let iso = |of: &str, end: &str| {
            // Before our era there is no form that all agree on.
            format!(
                "CASE WHEN {of} < '0001-01-01' THEN {of}::text \
                 ELSE to_char({of}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"{end}\"') END"
            )
        };
        match (self, to) {
            // By way of the text, as a direct one keeps 15 digits.
            (Self::Real, Self::Numeric) => format!("{column}::text::numeric"),
            (Self::Instant, Self::Text) => iso(&format!("({column} AT TIME ZONE 'UTC')"), "Z"),
            (Self::Local, Self::Text) => iso(column, ""),
            (Self::Bytes, Self::Text) => format!("encode({column}, 'hex')"),
            _ => format!("{column}::{}", to.sql()),
        }
    }
}

fn unsupported(field: &Field, data_type: &DataType) -> Failure {
    let hint = match data_type {
        DataType::Struct(_) | DataType::List(_) | DataType::LargeList(_) | DataType::Map(..) => {
            "; nested values go to postgres as JSON"
        }
        _ => "",
    };
    Failure::Refused(format!(
        "column {:?} is {data_type}, which the postgres destination does not take{hint} (known: \
         Null, Boolean, Int64, UInt64, Float64, Utf8, LargeUtf8, Timestamp, Date32, Binary, \
         LargeBinary, Decimal128)",
        field.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_comes_back_from_its_name() {
        for (kind, name) in NAMES {
            assert_eq!(Kind::parse(name), Some(kind));
            assert_eq!(kind.sql(), name);
            let found = Kind::of(&kind.field("x")).unwrap();
            assert_eq!(
                found,
                Some(if kind == Kind::Json {
                    Kind::Jsonb
                } else {
                    kind
                })
            );
        }
        assert_eq!(Kind::parse("character varying(20)"), None);
    }

    #[test]
    fn widening_is_the_same_from_both_sides_and_never_goes_back() {
        for (a, _) in NAMES {
            for (b, _) in NAMES {
                let joined = a.join(b);
                assert_eq!(joined, b.join(a));
                assert_eq!(joined.join(a), joined);
            }
        }
        assert_eq!(Kind::Integer.join(Kind::Real), Kind::Numeric);
        assert_eq!(Kind::Boolean.join(Kind::Integer), Kind::Text);
        assert_eq!(Kind::Instant.join(Kind::Local), Kind::Text);
        assert_eq!(Kind::Jsonb.join(Kind::Text), Kind::Text);
    }

    #[test]
    fn nested_types_are_refused_with_a_way_out() {
        let field = Field::new("tags", DataType::new_list(DataType::Utf8, true), true);
        let message = Kind::of(&field).unwrap_err().to_string();
        assert!(message.contains("go to postgres as JSON"), "{message}");
    }
}
