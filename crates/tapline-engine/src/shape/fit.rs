//! Values into a column of another type, as far as none loses anything.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array,
    TimestampMicrosecondArray, new_null_array,
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field, TimeUnit};
use jiff::civil::{Date, date};
use tapline_core::{Cursor, CursorType, is_json};

use super::cell::{Cell, Cells};
use super::nest;
use crate::decode::{EXACT, Scalar, scalar};

const EPOCH: Date = date(1970, 1, 1);

/// A column of another type.
pub(super) struct Fitted {
    pub(super) array: ArrayRef,
    /// Rows whose value it does not hold; they are null in it.
    pub(super) misfits: Vec<usize>,
}

/// Whether somebody asked for the type, so that `007` may become 7; or else nothing is lost at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Asked,
    Exact,
}

/// Whether two fields hold the same values.
pub(super) fn is_same(one: &Field, other: &Field) -> bool {
    let is_alike = one.data_type() == other.data_type() && is_json(one) == is_json(other);
    is_alike || nest::is_same(one, other)
}

/// The values of `array`, a column `from`, for a column `to`. One of the type `Null` takes any.
pub(super) fn fit(
    array: &ArrayRef,
    from: &Field,
    to: &Field,
    manner: Manner,
) -> Result<Fitted, ArrowError> {
    let whole = |array: ArrayRef| Fitted {
        array,
        misfits: Vec::new(),
    };
    let (is_null, is_any) = (
        *from.data_type() == DataType::Null,
        *to.data_type() == DataType::Null,
    );
    if is_same(from, to) || is_any {
        return Ok(whole(ArrayRef::clone(array)));
    }
    if is_null {
        return Ok(whole(new_null_array(to.data_type(), array.len())));
    }
    let cells = Cells::new(array, from)?;
    let asked = manner == Manner::Asked;
    let mut misfits = Vec::new();
    let read = Reading {
        cells: &cells,
        rows: array.len(),
        misfits: &mut misfits,
    };
    let array: ArrayRef = match to.data_type() {
        DataType::Boolean => Arc::new(BooleanArray::from(read.all(|cell| boolean(cell, asked)))),
        DataType::Int64 => Arc::new(Int64Array::from(read.all(|cell| integer(cell, asked)))),
        DataType::Float64 => Arc::new(Float64Array::from(read.all(|cell| number(cell, asked)))),
        // Numbers of any kind go into a column of decimals.
        DataType::Decimal128(..) => match from.data_type() {
            DataType::Int64 | DataType::UInt64 | DataType::Float64 | DataType::Decimal128(..) => {
                ArrayRef::clone(array)
            }
            _ => Arc::new(Float64Array::from(read.all(|cell| number(cell, false)))),
        },
        DataType::Utf8 | DataType::LargeUtf8 => {
            let mut texts = StringBuilder::new();
            for row in 0..array.len() {
                let cell = cells.get(row);
                texts.append_option(match is_json(to) {
                    true => cell.json(),
                    false => cell.text(),
                });
            }
            Arc::new(texts.finish())
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => {
            let instants = read.all(|cell| instant(cell, asked));
            Arc::new(TimestampMicrosecondArray::from(instants).with_timezone(Arc::clone(zone)))
        }
        DataType::Date32 => Arc::new(Date32Array::from(read.all(|cell| day(cell, asked)))),
        DataType::Struct(_) | DataType::List(_) => {
            nest::fitted(&cells, array.len(), to, &mut misfits)?
        }
        other => {
            let options = CastOptions {
                safe: true,
                ..CastOptions::default()
            };
            let cast = cast_with_options(array, other, &options)?;
            let lost = (0..array.len()).filter(|row| array.is_valid(*row) && cast.is_null(*row));
            misfits.extend(lost);
            cast
        }
    };
    Ok(Fitted { array, misfits })
}

/// The values of a column, to be read as others.
struct Reading<'a> {
    cells: &'a Cells<'a>,
    rows: usize,
    misfits: &'a mut Vec<usize>,
}

impl Reading<'_> {
    /// What `read` makes of each; what it makes nothing of does not fit.
    fn all<T>(self, read: impl Fn(&Cell<'_>) -> Option<T>) -> Vec<Option<T>> {
        let mut values = Vec::with_capacity(self.rows);
        for row in 0..self.rows {
            let cell = self.cells.get(row);
            let value = read(&cell);
            if value.is_none() && cell != Cell::Null {
                self.misfits.push(row);
            }
            values.push(value);
        }
        values
    }
}

fn boolean(cell: &Cell<'_>, asked: bool) -> Option<bool> {
    match cell {
        Cell::Boolean(value) => Some(*value),
        Cell::Integer(number @ (0 | 1)) if asked => Some(*number == 1),
        Cell::Text(text) => match text.as_ref() {
            "true" => Some(true),
            "false" => Some(false),
            "1" | "True" | "TRUE" if asked => Some(true),
            "0" | "False" | "FALSE" if asked => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn integer(cell: &Cell<'_>, asked: bool) -> Option<i64> {
    match cell {
        Cell::Integer(number) => Some(*number),
        Cell::Boolean(value) if asked => Some(i64::from(*value)),
        Cell::Number(number) => {
            let is_whole = number.fract() == 0.0 && number.abs() <= EXACT as f64;
            let is_kept = asked || !(*number == 0.0 && number.is_sign_negative());
            (is_whole && is_kept).then_some(*number as i64)
        }
        Cell::Text(text) if asked => text.trim().parse().ok(),
        Cell::Text(text) => {
            let number: i64 = text.parse().ok()?;
            (number.to_string() == *text).then_some(number)
        }
        _ => None,
    }
}

fn number(cell: &Cell<'_>, asked: bool) -> Option<f64> {
    match cell {
        Cell::Number(number) => Some(*number),
        Cell::Integer(number) if asked || number.unsigned_abs() <= EXACT => Some(*number as f64),
        Cell::Boolean(value) if asked => Some(f64::from(u8::from(*value))),
        Cell::Text(text) if asked => {
            let number: f64 = text.trim().parse().ok()?;
            number.is_finite().then_some(number)
        }
        Cell::Text(text) => match scalar(text)? {
            Scalar::Integer(number) => Some(number as f64),
            Scalar::Number(number) => Some(number),
        },
        _ => None,
    }
}

fn instant(cell: &Cell<'_>, asked: bool) -> Option<i64> {
    let cursor = match cell {
        Cell::Text(text) => Cursor::read(CursorType::Timestamp, text),
        Cell::Integer(number) if asked => Cursor::of_number(CursorType::Timestamp, *number),
        Cell::Number(_) if asked => Cursor::read(CursorType::Timestamp, &cell.text()?),
        _ => None,
    };
    let Some(Cursor::Timestamp(at)) = cursor else {
        return None;
    };
    (asked || at.subsec_nanosecond() % 1000 == 0).then(|| at.as_microsecond())
}

fn day(cell: &Cell<'_>, asked: bool) -> Option<i32> {
    let Cell::Text(text) = cell else {
        return None;
    };
    let day = match text.parse::<Date>() {
        Ok(day) if text.len() == 10 => day,
        _ if asked => match Cursor::read(CursorType::Timestamp, text)? {
            Cursor::Timestamp(at) => at.to_zoned(jiff::tz::TimeZone::UTC).date(),
            _ => return None,
        },
        _ => return None,
    };
    Some((day - EPOCH).get_days())
}
