//! The cells of one Arrow column as text: for columns that have become text or any number, and for
//! rows that are kept as JSON.
//!
//! Whole numbers are digits, floats their shortest form, instants ISO 8601 in UTC, bytes
//! lower-case hexadecimal; texts, decimals and JSON are what they are.

use std::fmt::Write;

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
    Bytes(&'a BinaryArray),
    LargeBytes(&'a LargeBinaryArray),
    Date(&'a Date32Array),
    Decimal(&'a Decimal128Array),
    Instant {
        ticks: &'a [i64],
        unit: TimeUnit,
        utc: bool,
    },
}

impl<'a> Cells<'a> {
    /// `None` for a type that [`crate::kind`] refuses.
    pub(crate) fn new(array: &'a dyn Array) -> Option<Self> {
        let values = match array.data_type() {
            DataType::Null => Values::Null,
            DataType::Boolean => Values::Boolean(array.as_boolean()),
            DataType::Int64 => Values::Integer(array.as_primitive::<Int64Type>()),
            DataType::UInt64 => Values::Unsigned(array.as_primitive::<UInt64Type>()),
            DataType::Float64 => Values::Real(array.as_primitive::<Float64Type>()),
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::LargeUtf8 => Values::LargeText(array.as_string()),
            DataType::Binary => Values::Bytes(array.as_binary()),
            DataType::LargeBinary => Values::LargeBytes(array.as_binary()),
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

    /// The cell of `row`, `None` for null. What is no text yet becomes one in `scratch`.
    pub(crate) fn text<'b>(&'b self, row: usize, scratch: &'b mut String) -> Option<&'b str> {
        if self.array.is_null(row) {
            return None;
        }
        scratch.clear();
        match &self.values {
            Values::Null => return None,
            Values::Text(array) => return Some(array.value(row)),
            Values::LargeText(array) => return Some(array.value(row)),
            Values::Boolean(array) => print(scratch, format_args!("{}", array.value(row))),
            Values::Integer(array) => print(scratch, format_args!("{}", array.value(row))),
            Values::Unsigned(array) => print(scratch, format_args!("{}", array.value(row))),
            Values::Real(array) => real(array.value(row), scratch),
            Values::Bytes(array) => hex(array.value(row), scratch),
            Values::LargeBytes(array) => hex(array.value(row), scratch),
            Values::Date(array) => date(array.value(row), scratch),
            Values::Decimal(array) => scratch.push_str(&array.value_as_string(row)),
            Values::Instant { ticks, unit, utc } => instant(ticks[row], *unit, *utc, scratch),
        }
        Some(scratch)
    }

    /// Whether the texts are numbers or `true` and `false`, as JSON writes them.
    pub(crate) fn is_json_scalar(&self, row: usize) -> bool {
        match &self.values {
            Values::Boolean(_) | Values::Integer(_) | Values::Unsigned(_) | Values::Decimal(_) => {
                true
            }
            Values::Real(array) => array.value(row).is_finite(),
            _ => false,
        }
    }
}

pub(crate) fn ticks(array: &dyn Array, unit: TimeUnit) -> &[i64] {
    match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().values(),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().values(),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().values(),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().values(),
    }
}

/// The time after so many ticks, if the calendar reaches it.
pub(crate) fn time(ticks: i64, unit: TimeUnit) -> Result<Timestamp, jiff::Error> {
    match unit {
        TimeUnit::Second => Timestamp::from_second(ticks),
        TimeUnit::Millisecond => Timestamp::from_millisecond(ticks),
        TimeUnit::Microsecond => Timestamp::from_microsecond(ticks),
        TimeUnit::Nanosecond => Timestamp::from_nanosecond(ticks.into()),
    }
}

/// Writing to a `String` does not fail.
fn print(text: &mut String, value: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(value);
}

/// `{:?}` goes over to `1e16` where digits would only be zeros; `{}` never does.
fn real(value: f64, text: &mut String) {
    print(text, format_args!("{value:?}"));
    if text.ends_with(".0") {
        text.truncate(text.len() - 2);
    }
}

fn hex(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        print(text, format_args!("{byte:02x}"));
    }
}

/// A date that the calendar does not reach is kept as the number it came as.
fn date(days: i32, text: &mut String) {
    let date = Span::new()
        .try_days(days)
        .and_then(|span| EPOCH.checked_add(span));
    match date.and_then(|date| MICROS.print_date(&date, &mut *text)) {
        Ok(()) => {}
        Err(_) => print(text, format_args!("{days}")),
    }
}

/// With `Z` if the column knows its zone, which Arrow always counts in UTC. An instant that the
/// calendar does not reach is kept as the number it came as.
fn instant(ticks: i64, unit: TimeUnit, utc: bool, text: &mut String) {
    let printer = match unit {
        TimeUnit::Nanosecond => &NANOS,
        _ => &MICROS,
    };
    let time = time(ticks, unit);
    match time.and_then(|time| printer.print_timestamp(&time, &mut *text)) {
        Ok(()) if !utc => text.truncate(text.trim_end_matches('Z').len()),
        Ok(()) => {}
        Err(_) => print(text, format_args!("{ticks}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use arrow_array::{TimestampNanosecondArray, TimestampSecondArray};

    #[track_caller]
    fn check(array: impl Array + 'static, expected: &str) {
        let mut scratch = String::from("left over");
        let cells = Cells::new(&array).unwrap();
        assert_eq!(cells.text(0, &mut scratch), Some(expected));
    }

    #[test]
    fn every_type_has_one_text() {
        check(BooleanArray::from(vec![true]), "true");
        check(Int64Array::from(vec![i64::MIN]), "-9223372036854775808");
        check(UInt64Array::from(vec![u64::MAX]), "18446744073709551615");
        check(Float64Array::from(vec![0.1 + 0.2]), "0.30000000000000004");
        check(Float64Array::from(vec![3.0]), "3");
        check(Float64Array::from(vec![1e300]), "1e300");
        check(Float64Array::from(vec![f64::NAN]), "NaN");
        check(LargeStringArray::from(vec![" x "]), " x ");
        check(BinaryArray::from(vec![&[0, 255][..]]), "00ff");
        check(Date32Array::from(vec![20_455]), "2026-01-02");
        check(Date32Array::from(vec![i32::MAX]), "2147483647");
        let decimal = Decimal128Array::from(vec![-12_345]);
        check(decimal.with_precision_and_scale(20, 2).unwrap(), "-123.45");
        let seconds = TimestampSecondArray::from(vec![0]);
        check(seconds.with_timezone("UTC"), "1970-01-01T00:00:00.000000Z");
        let nanos = TimestampNanosecondArray::from(vec![7]);
        check(nanos, "1970-01-01T00:00:00.000000007");
        let far = TimestampSecondArray::from(vec![i64::MAX]);
        check(far, "9223372036854775807");
    }
}
