//! What a column holds, as the manifest says it.

use std::sync::Arc;

use arrow_schema::{DataType, Field, TimeUnit};
use serde::{Deserialize, Serialize};
use tapline_core::is_json;

use crate::columns::Columns;
use crate::failure::{Failure, Result};

/// Field metadata that marks a text as JSON.
const EXTENSION: (&str, &str) = ("ARROW:extension:name", "arrow.json");

/// Places in nested values that a column keeps apart at most. What has more is a map whose keys are data.
const PLACES: usize = 2000;

/// Kind of a column, or of a place in nested values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Objects, with what their members hold. As long as they have none, files hold JSON: Parquet has no
    /// struct without members.
    Struct(Columns),
    /// Arrays, with what their items hold.
    List(Box<Kind>),
}

impl Kind {
    /// What `field` holds.
    pub(crate) fn of(field: &Field) -> Result<Self> {
        Ok(match field.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean,
            DataType::Int64 => Self::Int64,
            DataType::UInt64 => Self::UInt64,
            DataType::Float64 => Self::Float64,
            DataType::Utf8 | DataType::LargeUtf8 => {
                if is_json(field) {
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
            DataType::Struct(fields) => Self::Struct(Columns::of_members(fields)?),
            DataType::List(item) => Self::List(Box::new(Self::within(item)?)),
            _ => return Err(unwritten(field)),
        })
    }

    /// What `field`, a member or an item, holds: anything that JSON is made of.
    pub(crate) fn within(field: &Field) -> Result<Self> {
        match field.data_type() {
            DataType::Null
            | DataType::Boolean
            | DataType::Int64
            | DataType::Float64
            | DataType::Utf8
            | DataType::Struct(_)
            | DataType::List(_) => Self::of(field),
            _ => Err(unwritten(field)),
        }
    }

    /// The narrowest kind that loses no value of either.
    pub(crate) fn join(&self, other: &Self) -> Self {
        let is_json = |kind: &Self| *kind == Self::Null || kind.is_nested();
        match self.join_within(other) {
            Self::Json if !is_json(self) || !is_json(other) => Self::Text,
            joined if joined.places() > PLACES => Self::Json,
            joined => joined,
        }
    }

    /// The same of a place in nested values, where a text must stay apart from a number: only as JSON it
    /// does.
    pub(crate) fn join_within(&self, other: &Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a.clone(),
            (Self::Null, kind) | (kind, Self::Null) => kind.clone(),
            (Self::Int64, Self::Float64) | (Self::Float64, Self::Int64) => Self::Float64,
            (Self::Struct(a), Self::Struct(b)) => Self::Struct(a.join_members(b)),
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.join_within(b))),
            _ => Self::Json,
        }
    }

    /// As what values of this kind go into a file of a table where the column is `table`.
    ///
    /// Integers stay integers where the column is of floats: no digit is lost, readers that
    /// unite files by name widen them, and should the column become text, so can they.
    pub(crate) fn stored(&self, table: &Self) -> Self {
        match (self, table) {
            (Self::Int64, Self::Float64) => Self::Int64,
            (Self::Struct(own), Self::Struct(table)) => Self::Struct(table.stored(own)),
            (Self::List(own), Self::List(table)) => Self::List(Box::new(own.stored(table))),
            _ => table.clone(),
        }
    }

    /// Whether readers can unite a file's column of this kind with `table`.
    pub(crate) fn unites(&self, table: &Self) -> bool {
        let is_text = |kind: &Self| matches!(kind, Self::Text | Self::Json);
        self.unites_within(table) || (is_text(self) && is_text(table))
    }

    /// The same of a place in nested values. Readers fill in members that a file lacks.
    pub(crate) fn unites_within(&self, table: &Self) -> bool {
        match (self, table) {
            (Self::Null, _) | (Self::Int64, Self::Float64) => true,
            (Self::Json, table) => table.is_json_text(),
            (Self::Struct(own), Self::Struct(table)) => {
                own.0.is_empty() == table.0.is_empty() && own.unite_members(table)
            }
            (Self::List(own), Self::List(table)) => own.unites_within(table),
            _ => self == table,
        }
    }

    /// Whether its values are objects or arrays.
    pub(crate) fn is_nested(&self) -> bool {
        matches!(self, Self::Json | Self::Struct(_) | Self::List(_))
    }

    /// Whether it is a struct or a list, which only Parquet has.
    pub(crate) fn is_typed_nested(&self) -> bool {
        matches!(self, Self::Struct(_) | Self::List(_))
    }

    /// Whether files hold its values as JSON.
    pub(crate) fn is_json_text(&self) -> bool {
        match self {
            Self::Json => true,
            Self::Struct(members) => members.0.is_empty(),
            _ => false,
        }
    }

    fn places(&self) -> usize {
        match self {
            Self::Struct(members) => {
                let within = members.0.iter().map(|member| member.kind.places());
                within.sum()
            }
            Self::List(item) => item.places(),
            _ => 1,
        }
    }

    /// The Arrow field `name` of this kind.
    pub(crate) fn field(&self, name: &str) -> Field {
        let field = Field::new(name, self.data_type(), true);
        if !self.is_json_text() {
            return field;
        }
        field.with_metadata([(EXTENSION.0.to_owned(), EXTENSION.1.to_owned())].into())
    }

    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Null => DataType::Null,
            Self::Boolean => DataType::Boolean,
            Self::Int64 => DataType::Int64,
            Self::UInt64 => DataType::UInt64,
            Self::Float64 => DataType::Float64,
            Self::Text | Self::Json => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Binary => DataType::Binary,
            Self::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
            Self::Timestamp { digits, utc } => {
                DataType::Timestamp(unit(*digits), utc.then(|| Arc::from("UTC")))
            }
            Self::Struct(members) if members.0.is_empty() => DataType::Utf8,
            Self::Struct(members) => DataType::Struct(members.fields().collect()),
            Self::List(item) => {
                DataType::List(Arc::new(item.field(Field::LIST_FIELD_DEFAULT_NAME)))
            }
        }
    }
}

fn unwritten(field: &Field) -> Failure {
    let (name, data_type) = (field.name(), field.data_type());
    Failure::Refused(format!(
        "column {name:?} has the type {data_type}, which the files destination does not write; \
         JSON goes in as text"
    ))
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

    fn structs(members: &[(&str, Kind)]) -> Kind {
        let column = |(name, kind): &(&str, Kind)| crate::columns::Column {
            name: (*name).to_owned(),
            kind: kind.clone(),
        };
        Struct(Columns(members.iter().map(column).collect()))
    }

    fn lists(item: Kind) -> Kind {
        List(Box::new(item))
    }

    fn all() -> Vec<Kind> {
        let decimal = Decimal {
            precision: 20,
            scale: 2,
        };
        let instant = Timestamp {
            digits: 9,
            utc: true,
        };
        let plain = [
            Null, Boolean, Int64, UInt64, Float64, Text, Json, Date, Binary, decimal, instant,
        ];
        let nested = [
            structs(&[("a", Int64)]),
            structs(&[("a", Text)]),
            structs(&[("a", lists(structs(&[("x", Json)])))]),
            lists(Null),
            lists(Float64),
        ];
        plain.into_iter().chain(nested).collect()
    }

    #[test]
    fn a_kind_comes_back_from_arrow_and_from_json() {
        for kind in all() {
            assert_eq!(Kind::of(&kind.field("x")).unwrap(), kind);
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(serde_json::from_str::<Kind>(&json).unwrap(), kind, "{json}");
        }
        let written = serde_json::to_string(&structs(&[("a", lists(Int64))])).unwrap();
        let expected = r#"{"struct":[{"name":"a","type":{"list":"int64"}}]}"#;
        assert_eq!(written, expected);
        let list = Field::new_list("x", Field::new("item", DataType::Date32, true), true);
        assert!(Kind::of(&list).is_err());
    }

    #[test]
    fn widening_is_the_same_from_both_sides_and_never_goes_back() {
        let all = all();
        for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (a, b))) {
            let joined = a.join(b);
            assert_eq!(joined, b.join(a));
            assert_eq!(joined.join(a), joined);
        }
        assert_eq!(Int64.join(&Float64), Float64);
        assert_eq!(Int64.join(&UInt64), Text);
        assert_eq!(Json.join(&Text), Text);
    }

    #[test]
    fn members_come_and_what_has_nothing_in_common_becomes_json_there() {
        let one = structs(&[
            ("a", Int64),
            ("b", lists(Int64)),
            ("c", structs(&[("x", Text)])),
        ]);
        let other = structs(&[
            ("b", lists(Float64)),
            ("c", Text),
            ("d", Boolean),
            ("a", Text),
        ]);
        let expected = [
            ("a", Json),
            ("b", lists(Float64)),
            ("c", Json),
            ("d", Boolean),
        ];
        assert_eq!(one.join(&other), structs(&expected));
        assert_eq!(one.join(&lists(Int64)), Json);
        assert_eq!(one.join(&Json), Json);
        assert_eq!(one.join(&Text), Text);
        assert_eq!(one.join(&Int64), Text);
        let names: Vec<String> = (0..PLACES).map(|id| id.to_string()).collect();
        let map: Vec<_> = names.iter().map(|id| (id.as_str(), Int64)).collect();
        assert_eq!(structs(&map).join(&structs(&[("more", Int64)])), Json);
    }

    #[test]
    fn only_what_readers_cannot_unite_is_written_again() {
        for kind in all() {
            assert!(kind.unites(&kind) && Null.unites(&kind));
        }
        assert!(Int64.unites(&Float64) && Json.unites(&Text));
        assert!(!Int64.unites(&Text) && !Float64.unites(&Text) && !Float64.unites(&Int64));
        let table = structs(&[("a", Float64), ("b", Json), ("c", lists(Text))]);
        assert!(structs(&[("a", Int64)]).unites(&table));
        assert!(structs(&[("c", lists(Null)), ("b", Null)]).unites(&table));
        assert!(!structs(&[("b", Text)]).unites(&table), "a text is no JSON");
        assert!(!structs(&[("b", lists(Int64))]).unites(&table));
        // Objects of which none has a member are JSON in a file, until one has.
        let empty = structs(&[]);
        assert_eq!(Kind::of(&empty.field("x")).unwrap(), Json);
        assert_eq!(empty.join(&table), table);
        assert!(Json.unites(&empty) && !empty.unites(&table) && !Json.unites(&table));
        // No digit is lost in a file, and it has what the table has.
        let expected = structs(&[("a", Int64), ("b", Json), ("c", lists(Text))]);
        assert_eq!(structs(&[("a", Int64)]).stored(&table), expected);
    }
}
