//! The cells of one Arrow column, ready to be bound.
//!
//! The type is looked at once per batch; per cell there is one `match` and no allocation. Times
//! become text in a buffer that the caller lends.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt64Type,
};
use arrow_array::{
    Array, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    LargeBinaryArray, LargeStringArray, StringArray, UInt64Array,
};
use arrow_schema::{DataType, TimeUnit};
use jiff::fmt::temporal::DateTimePrinter;
use jiff::{Span, Timestamp, civil::Date};
use rusqlite::Statement;
use rusqlite::types::{ToSqlOutput, ValueRef};

/// Always as many digits, so that times sort as text.
const MICROS: DateTimePrinter = DateTimePrinter::new().precision(Some(6));
const NANOS: DateTimePrinter = DateTimePrinter::new().precision(Some(9));
const EPOCH: Date = Date::constant(1970, 1, 1);

pub(crate) struct Cells<'a> {
    array: &'a dyn Array,
    values: Values<'a>,
}

enum Values<'a> {
    Null,
    Boolean(&'a BooleanArray),
    Integer(&'a Int64Array),
    Unsigned(&'a UInt64Array),
    Real(&'a Float64Array),
    Text(&'a StringArray),
    LargeText(&'a LargeStringArray),
    Blob(&'a BinaryArray),
    LargeBlob(&'a LargeBinaryArray),
    Date(&'a Date32Array),
    Decimal(&'a Decimal128Array),
    Instant {
        ticks: &'a [i64],
        unit: TimeUnit,
        utc: bool,
    },
}

impl<'a> Cells<'a> {
    /// `None` for a type that [`crate::declared`] refuses.
    pub(crate) fn new(array: &'a dyn Array) -> Option<Self> {
        let values = match array.data_type() {
            DataType::Null => Values::Null,
            DataType::Boolean => Values::Boolean(array.as_boolean()),
            DataType::Int64 => Values::Integer(array.as_primitive::<Int64Type>()),
            DataType::UInt64 => Values::Unsigned(array.as_primitive::<UInt64Type>()),
            DataType::Float64 => Values::Real(array.as_primitive::<Float64Type>()),
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::LargeUtf8 => Values::LargeText(array.as_string()),
            DataType::Binary => Values::Blob(array.as_binary()),
            DataType::LargeBinary => Values::LargeBlob(array.as_binary()),
            DataType::Date32 => Values::Date(array.as_primitive::<Date32Type>()),
            DataType::Decimal128(..) => Values::Decimal(array.as_primitive::<Decimal128Type>()),
            DataType::Timestamp(unit, zone) => Values::Instant {
                ticks: ticks(array, *unit),
                unit: *unit,
                utc: zone.is_some(),
            },
            _ => return None,
        };
        Some(Self { array, values })
    }

    /// Binds the cell of `row` to the parameter `index` (from 1).
    pub(crate) fn bind(
        &self,
        row: usize,
        statement: &mut Statement<'_>,
        index: usize,
        scratch: &mut String,
    ) -> rusqlite::Result<()> {
        let value = if self.array.is_null(row) {
            ValueRef::Null
        } else {
            self.value(row, scratch)
        };
        statement.raw_bind_parameter(index, ToSqlOutput::Borrowed(value))
    }

    fn value<'b>(&'b self, row: usize, scratch: &'b mut String) -> ValueRef<'b> {
        match &self.values {
            Values::Null => ValueRef::Null,
            Values::Boolean(array) => ValueRef::Integer(array.value(row).into()),
            Values::Integer(array) => ValueRef::Integer(array.value(row)),
            Values::Unsigned(array) => unsigned(array.value(row), scratch),
            Values::Real(array) => real(array.value(row)),
            Values::Text(array) => ValueRef::Text(array.value(row).as_bytes()),
            Values::LargeText(array) => ValueRef::Text(array.value(row).as_bytes()),
            Values::Blob(array) => ValueRef::Blob(array.value(row)),
            Values::LargeBlob(array) => ValueRef::Blob(array.value(row)),
            Values::Date(array) => date(array.value(row), scratch),
            Values::Decimal(array) => {
                *scratch = array.value_as_string(row);
                ValueRef::Text(scratch.as_bytes())
            }
            Values::Instant { ticks, unit, utc } => instant(ticks[row], *unit, *utc, scratch),
        }
    }
}

fn ticks(array: &dyn Array, unit: TimeUnit) -> &[i64] {
    match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().values(),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().values(),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().values(),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().values(),
    }
}

/// SQLite has no integer above `i64::MAX`; the digits are kept as text.
fn unsigned(value: u64, scratch: &mut String) -> ValueRef<'_> {
    match i64::try_from(value) {
        Ok(value) => ValueRef::Integer(value),
        Err(_) => {
            *scratch = value.to_string();
            ValueRef::Text(scratch.as_bytes())
        }
    }
}

/// SQLite stores NaN as NULL, which would lose it.
fn real(value: f64) -> ValueRef<'static> {
    if value.is_nan() {
        ValueRef::Text(b"NaN")
    } else {
        ValueRef::Real(value)
    }
}

/// A date that the calendar does not reach is kept as the number it came as.
fn date(days: i32, scratch: &mut String) -> ValueRef<'_> {
    let Ok(date) = Span::new()
        .try_days(days)
        .and_then(|span| EPOCH.checked_add(span))
    else {
        return ValueRef::Integer(days.into());
    };
    scratch.clear();
    match MICROS.print_date(&date, &mut *scratch) {
        Ok(()) => ValueRef::Text(scratch.as_bytes()),
        Err(_) => ValueRef::Integer(days.into()),
    }
}

/// ISO 8601; with `Z` if the column knows its zone, which Arrow always counts in UTC.
fn instant(ticks: i64, unit: TimeUnit, utc: bool, scratch: &mut String) -> ValueRef<'_> {
    let (time, printer) = match unit {
        TimeUnit::Second => (Timestamp::from_second(ticks), &MICROS),
        TimeUnit::Millisecond => (Timestamp::from_millisecond(ticks), &MICROS),
        TimeUnit::Microsecond => (Timestamp::from_microsecond(ticks), &MICROS),
        TimeUnit::Nanosecond => (Timestamp::from_nanosecond(ticks.into()), &NANOS),
    };
    scratch.clear();
    match time.and_then(|time| printer.print_timestamp(&time, &mut *scratch)) {
        Ok(()) if !utc => ValueRef::Text(scratch.trim_end_matches('Z').as_bytes()),
        Ok(()) => ValueRef::Text(scratch.as_bytes()),
        Err(_) => ValueRef::Integer(ticks),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_fixed_width_and_never_lost() {
        let check = |ticks: i64, unit: TimeUnit, utc: bool, expected: &str| {
            let mut scratch = String::new();
            let text = match instant(ticks, unit, utc, &mut scratch) {
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                other => format!("{other:?}"),
            };
            assert_eq!(text, expected);
        };
        check(0, TimeUnit::Second, true, "1970-01-01T00:00:00.000000Z");
        check(
            1_500,
            TimeUnit::Millisecond,
            true,
            "1970-01-01T00:00:01.500000Z",
        );
        check(
            -1,
            TimeUnit::Microsecond,
            true,
            "1969-12-31T23:59:59.999999Z",
        );
        check(
            7,
            TimeUnit::Nanosecond,
            true,
            "1970-01-01T00:00:00.000000007Z",
        );
        check(0, TimeUnit::Second, false, "1970-01-01T00:00:00.000000");
        check(
            i64::MAX,
            TimeUnit::Second,
            true,
            "Integer(9223372036854775807)",
        );
    }

    #[test]
    fn what_sqlite_cannot_hold_becomes_text() {
        let mut scratch = String::new();
        assert_eq!(unsigned(7, &mut scratch), ValueRef::Integer(7));
        assert_eq!(
            unsigned(u64::MAX, &mut scratch),
            ValueRef::Text(b"18446744073709551615")
        );
        assert_eq!(real(f64::NAN), ValueRef::Text(b"NaN"));
        assert_eq!(date(19_000, &mut scratch), ValueRef::Text(b"2022-01-08"));
        assert_eq!(
            date(i32::MAX, &mut scratch),
            ValueRef::Integer(2_147_483_647)
        );
    }
}
