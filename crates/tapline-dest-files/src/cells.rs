//! The cells of one Arrow column as text: for CSV, for JSONL, and for columns that become text.
//!
//! Whole numbers are digits, floats their shortest form, instants ISO 8601 in UTC, bytes
//! lower-case hexadecimal; texts, decimals and JSON are what they are, and structs
//! and lists the JSON that they stand for.

use std::fmt::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, Float64Array, StringArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, Field, TimeUnit};
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use tapline_core::NestedCells;

use crate::failure::Result;

/// Always as many digits, so that times sort as text.
const MICROS: DateTimePrinter = DateTimePrinter::new().precision(Some(6));
const NANOS: DateTimePrinter = DateTimePrinter::new().precision(Some(9));

pub(crate) struct Cells<'a> {
    array: &'a dyn Array,
    values: Values<'a>,
}

enum Values<'a> {
    Text(&'a StringArray),
    Float(&'a Float64Array),
    Instant {
        ticks: &'a [i64],
        unit: TimeUnit,
        utc: bool,
    },
    Nested(NestedCells<'a>),
    Other(ArrayFormatter<'a>),
}

impl<'a> Cells<'a> {
    pub(crate) fn new(array: &'a dyn Array) -> Result<Self> {
        let values = match array.data_type() {
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::Float64 => Values::Float(array.as_primitive::<Float64Type>()),
            DataType::Timestamp(unit, zone) => Values::Instant {
                ticks: ticks(array, *unit),
                unit: *unit,
                utc: zone.is_some(),
            },
            DataType::Struct(_) | DataType::List(_) => {
                let field = Field::new("", array.data_type().clone(), true);
                Values::Nested(NestedCells::new(array, &field)?)
            }
            _ => Values::Other(ArrayFormatter::try_new(array, &FormatOptions::new())?),
        };
        Ok(Self { array, values })
    }

    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row) || *self.array.data_type() == DataType::Null
    }

    /// The cell of `row`, which is not null. What is no text yet becomes one in `scratch`.
    pub(crate) fn read<'b>(&'b self, row: usize, scratch: &'b mut String) -> Result<&'b str> {
        scratch.clear();
        match &self.values {
            Values::Text(array) => return Ok(array.value(row)),
            Values::Float(array) => float(array.value(row), scratch),
            Values::Instant { ticks, unit, utc } => instant(ticks[row], *unit, *utc, scratch),
            Values::Nested(cells) => cells.write(row, scratch),
            Values::Other(formatter) => formatter.value(row).write(scratch)?,
        }
        Ok(scratch)
    }
}

/// Writing to a `String` does not fail.
fn print(text: &mut String, value: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(value);
}

/// `{:?}` goes over to `1e16` where digits would only be zeros; `{}` never does.
fn float(value: f64, text: &mut String) {
    print(text, format_args!("{value:?}"));
    if text.ends_with(".0") {
        text.truncate(text.len() - 2);
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

/// With `Z` if the column knows its zone, which Arrow always counts in UTC. An instant that the
/// calendar does not reach is kept as the number it came as.
fn instant(ticks: i64, unit: TimeUnit, utc: bool, text: &mut String) {
    let (time, printer) = match unit {
        TimeUnit::Second => (Timestamp::from_second(ticks), &MICROS),
        TimeUnit::Millisecond => (Timestamp::from_millisecond(ticks), &MICROS),
        TimeUnit::Microsecond => (Timestamp::from_microsecond(ticks), &MICROS),
        TimeUnit::Nanosecond => (Timestamp::from_nanosecond(ticks.into()), &NANOS),
    };
    match time.and_then(|time| printer.print_timestamp(&time, &mut *text)) {
        Ok(()) if !utc => text.truncate(text.trim_end_matches('Z').len()),
        Ok(()) => {}
        Err(_) => print(text, format_args!("{ticks}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use arrow_array::{
        ArrayRef, BinaryArray, Date32Array, Decimal128Array, Float64Array,
        TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
    };

    #[track_caller]
    fn check(array: impl Array + 'static, expected: &str) {
        let array: ArrayRef = Arc::new(array);
        let mut scratch = String::from("left over");
        let cells = Cells::new(&array).unwrap();
        assert_eq!(cells.read(0, &mut scratch).unwrap(), expected);
    }

    #[test]
    fn every_type_has_one_text() {
        check(Float64Array::from(vec![0.1 + 0.2]), "0.30000000000000004");
        check(Float64Array::from(vec![3.0]), "3");
        check(Float64Array::from(vec![-0.0]), "-0");
        check(Float64Array::from(vec![1e300]), "1e300");
        check(Float64Array::from(vec![f64::NAN]), "NaN");
        check(UInt64Array::from(vec![u64::MAX]), "18446744073709551615");
        check(Date32Array::from(vec![20_455]), "2026-01-02");
        check(BinaryArray::from(vec![&[0, 255][..]]), "00ff");
        let decimal = Decimal128Array::from(vec![-12_345]);
        check(decimal.with_precision_and_scale(20, 2).unwrap(), "-123.45");
        let seconds = TimestampSecondArray::from(vec![0]);
        check(seconds.with_timezone("UTC"), "1970-01-01T00:00:00.000000Z");
        let nanos = TimestampNanosecondArray::from(vec![7]);
        check(nanos, "1970-01-01T00:00:00.000000007");
        check(
            TimestampSecondArray::from(vec![i64::MAX]),
            "9223372036854775807",
        );
    }
}
