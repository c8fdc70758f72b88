//! What a column holds, as the manifest says it.

use std::sync::Arc;

use arrow_schema::{DataType, Field, TimeUnit};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Result};

/// Field metadata that marks a text as JSON.
const EXTENSION: (&str, &str) = ("ARROW:extension:name", "arrow.json");

/// Kind of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Nothing but nulls so far.
    Null,
    Boolean,
    Int64,
    #[serde(rename = "uint64")]
    UInt64,
    Float64,
    Text,
    /// JSON kept as text.
    Json,
    Date,
    Binary,
    Decimal {
        precision: u8,
        scale: i8,
    },
    Timestamp {
        /// Digits of a second: 0, 3, 6 or 9.
        digits: u8,
        /// Whether it is an instant; else it is a time of day somewhere.
        utc: bool,
    },
}

impl Kind {
    /// What `field` holds.
    pub(crate) fn of(field: &Field) -> Result<Self> {
        let extension = field.metadata().get(EXTENSION.0);
        Ok(match field.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean,
            DataType::Int64 => Self::Int64,
            DataType::UInt64 => Self::UInt64,
            DataType::Float64 => Self::Float64,
            DataType::Utf8 | DataType::LargeUtf8 => {
                if extension.is_some_and(|name| name == EXTENSION.1) {
                    Self::Json
                } else {
                    Self::Text
                }
            }
            DataType::Date32 => Self::Date,
            DataType::Binary | DataType::LargeBinary => Self::Binary,
            DataType::Decimal128(precision, scale) => Self::Decimal {
                precision: *precision,
                scale: *scale,
            },
            DataType::Timestamp(unit, zone) => Self::Timestamp {
                digits: digits(*unit),
                utc: zone.is_some(),
            },
            other => {
                return Err(Failure::Refused(format!(
                    "column {:?} has the type {other}, which the files destination does not \
                     write; structs and lists go in as JSON text",
                    field.name()
                )));
            }
        })
    }

    /// The narrowest kind that loses no value of either.
    pub(crate) fn join(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Null, kind) | (kind, Self::Null) => kind,
            (Self::Int64, Self::Float64) | (Self::Float64, Self::Int64) => Self::Float64,
            _ => Self::Text,
        }
    }

    /// As what values of this kind go into a file of a table where the column is `table`.
    ///
    /// Integers stay integers where the column is of floats: no digit is lost, readers that
    /// unite files by name widen them, and should the column become text, so can they.
    pub(crate) fn stored(self, table: Self) -> Self {
        if (self, table) == (Self::Int64, Self::Float64) {
            self
        } else {
            table
        }
    }

    /// Whether readers can unite a file's column of this kind with `table`.
    pub(crate) fn unites(self, table: Self) -> bool {
        let is_text = |kind| matches!(kind, Self::Text | Self::Json);
        self == Self::Null || self.stored(table) == self || (is_text(self) && is_text(table))
    }

    /// The Arrow field `name` of this kind.
    pub(crate) fn field(self, name: &str) -> Field {
        let field = Field::new(name, self.data_type(), true);
        if self != Self::Json {
            return field;
        }
        field.with_metadata([(EXTENSION.0.to_owned(), EXTENSION.1.to_owned())].into())
    }

    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Null => DataType::Null,
            Self::Boolean => DataType::Boolean,
            Self::Int64 => DataType::Int64,
            Self::UInt64 => DataType::UInt64,
            Self::Float64 => DataType::Float64,
            Self::Text | Self::Json => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Binary => DataType::Binary,
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
            Self::Timestamp { digits, utc } => {
                DataType::Timestamp(unit(digits), utc.then(|| Arc::from("UTC")))
            }
        }
    }
}

fn digits(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

fn unit(digits: u8) -> TimeUnit {
    match digits {
        0 => TimeUnit::Second,
        3 => TimeUnit::Millisecond,
        9 => TimeUnit::Nanosecond,
        _ => TimeUnit::Microsecond,
    }
}

#[cfg(test)]
mod tests {
    use super::Kind::*;
    use super::*;

    const ALL: [Kind; 11] = [
        Null,
        Boolean,
        Int64,
        UInt64,
        Float64,
        Text,
        Json,
        Date,
        Binary,
        Decimal {
            precision: 20,
            scale: 2,
        },
        Timestamp {
            digits: 9,
            utc: true,
        },
    ];

    #[test]
    fn a_kind_comes_back_from_arrow_and_from_json() {
        for kind in ALL {
            assert_eq!(Kind::of(&kind.field("x")).unwrap(), kind);
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(serde_json::from_str::<Kind>(&json).unwrap(), kind, "{json}");
        }
        let list = Field::new_list("x", Field::new("item", DataType::Int64, true), true);
        assert!(Kind::of(&list).is_err());
    }

    #[test]
    fn widening_is_the_same_from_both_sides_and_never_goes_back() {
        for (a, b) in ALL.iter().flat_map(|a| ALL.map(|b| (*a, b))) {
            let joined = a.join(b);
            assert_eq!(joined, b.join(a));
            assert_eq!(joined.join(a), joined);
        }
        assert_eq!(Int64.join(Float64), Float64);
        assert_eq!(Int64.join(UInt64), Text);
        assert_eq!(Json.join(Text), Text);
    }

    #[test]
    fn only_what_readers_cannot_unite_is_written_again() {
        for kind in ALL {
            assert!(kind.unites(kind) && Null.unites(kind));
        }
        assert!(Int64.unites(Float64) && Json.unites(Text));
        assert!(!Int64.unites(Text) && !Float64.unites(Text) && !Float64.unites(Int64));
    }
}
