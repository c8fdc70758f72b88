//! What the server would refuse, found before it is sent: one bad row would fail its whole page.
//!
//! Whatever is not found here, such as a number beyond all bounds or a constraint that somebody
//! made, the server says; then the rows are searched by halves ([`crate::copy`]).

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::Date32Type;
use arrow_array::{Array, GenericStringArray, OffsetSizeTrait};
use arrow_schema::DataType;
use memchr::memchr;

use crate::cells::ticks;
use crate::encode::micros;
use crate::kind::Kind;

/// From 4714 BC to 294276 AD, in microseconds.
const TIMES: Range<i128> = -210_866_803_200_000_000..9_224_318_016_000_000_000;
/// From 4714 BC to 5874897 AD, in days.
const DAYS: Range<i64> = -2_440_588..2_145_042_906;

/// The rows of `array` that a column of `kind` does not take, with what is wrong with them.
pub(crate) fn refused(array: &dyn Array, kind: Kind) -> Vec<(usize, &'static str)> {
    match array.data_type() {
        DataType::Utf8 => texts(array.as_string::<i32>(), kind),
        DataType::LargeUtf8 => texts(array.as_string::<i64>(), kind),
        DataType::Timestamp(unit, _) if kind != Kind::Text => {
            let ticks = ticks(array, *unit);
            rows(array, "is a time out of range", |row| {
                !TIMES.contains(&(i128::from(ticks[row]) * i128::from(micros(*unit))))
            })
        }
        DataType::Date32 if kind != Kind::Text => {
            let days = array.as_primitive::<Date32Type>().values();
            rows(array, "is a date out of range", |row| {
                !DAYS.contains(&i64::from(days[row]))
            })
        }
        _ => Vec::new(),
    }
}

fn rows(
    array: &dyn Array,
    reason: &'static str,
    is_refused: impl Fn(usize) -> bool,
) -> Vec<(usize, &'static str)> {
    let refused = (0..array.len()).filter(|row| array.is_valid(*row) && is_refused(*row));
    refused.map(|row| (row, reason)).collect()
}

/// Almost always one look at the bytes of all values together is enough.
fn texts<O: OffsetSizeTrait>(
    array: &GenericStringArray<O>,
    kind: Kind,
) -> Vec<(usize, &'static str)> {
    let (first, last) = match array.value_offsets() {
        [first, .., last] => (first.as_usize(), last.as_usize()),
        _ => return Vec::new(),
    };
    let bytes = &array.value_data()[first..last];
    let mut refused = Vec::new();
    if memchr(0, bytes).is_some() {
        refused = rows(
            array,
            "holds U+0000, which PostgreSQL keeps in no text",
            |row| array.value(row).contains('\0'),
        );
    }
    if kind == Kind::Jsonb && memchr(b'\\', bytes).is_some() {
        let escapes = "holds an escape that jsonb does not take: of U+0000, or of half a character";
        refused.extend(rows(array, escapes, |row| has_bad_escape(array.value(row))));
    }
    refused
}

/// Whether an escape in `json` stands for U+0000, or for one half of a surrogate pair.
fn has_bad_escape(json: &str) -> bool {
    let mut rest = json.as_bytes();
    while let Some(at) = memchr(b'\\', rest) {
        rest = &rest[at..];
        let length = match unit(rest) {
            None => 2,
            Some(0) | Some(0xDC00..=0xDFFF) => return true,
            Some(0xD800..=0xDBFF) => match rest.get(6..).and_then(unit) {
                Some(0xDC00..=0xDFFF) => 12,
                _ => return true,
            },
            Some(_) => 6,
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    false
}

/// The number of the escape `\uXXXX` that `text` begins with.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{
        ArrayRef, Date32Array, StringArray, TimestampMicrosecondArray, TimestampSecondArray,
    };

    use super::*;

    #[test]
    fn only_escapes_that_stand_for_a_character_are_taken() {
        let check =
            |json: &str, expected: bool| assert_eq!(has_bad_escape(json), expected, "{json}");
        check(r#""plain""#, false);
        check(r#""\u00e9 \\ \" \n""#, false);
        check(r#""\u0000""#, true);
        check(r#""\\u0000""#, false);
        check(r#""\\\u0000""#, true);
        check(r#""\ud83d\ude00""#, false);
        check(r#""\ud83d""#, true);
        check(r#""\ud83d\u0041""#, true);
        check(r#""\ud83d\ud83d\ude00""#, true);
        check(r#""\ude00""#, true);
        check(r#"{"a":"\uD83D\uDE00","b":"\U0000"}"#, false);
        check("\\", false);
        check("\\u00", false);
    }

    #[test]
    fn rows_are_found_by_what_their_column_takes() {
        let check = |array: ArrayRef, kind: Kind, expected: &[usize]| {
            let found = refused(&array, kind).into_iter().map(|(row, _)| row);
            assert_eq!(found.collect::<Vec<_>>(), expected, "{array:?}");
        };
        let texts = StringArray::from(vec![Some("a"), None, Some("b\0"), Some(r#""\u0000""#)]);
        let texts: ArrayRef = Arc::new(texts);
        check(texts.clone(), Kind::Text, &[2]);
        check(texts.clone(), Kind::Json, &[2]);
        check(texts.clone(), Kind::Jsonb, &[2, 3]);
        check(texts.slice(3, 1), Kind::Jsonb, &[0]);
        check(texts.slice(0, 2), Kind::Jsonb, &[]);
        let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![
            0,
            i64::MIN,
            i64::MAX,
            -210_866_803_200_000_001,
        ]));
        check(times.clone(), Kind::Local, &[1, 3]);
        check(times, Kind::Text, &[]);
        let seconds = TimestampSecondArray::from(vec![Some(9_224_318_016_000), None, Some(0)]);
        check(Arc::new(seconds), Kind::Instant, &[0]);
        let days = Date32Array::from(vec![i32::MIN, 0, i32::MAX]);
        check(Arc::new(days), Kind::Date, &[0, 2]);
    }
}
