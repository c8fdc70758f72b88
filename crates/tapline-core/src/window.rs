//! The range of a cursor's values that a run asks its source for.

use serde::{Deserialize, Serialize};
use tapline_spec::CursorType;

use crate::Cursor;

/// A half-open range `[start, end)`; a missing bound is open. A full load has neither.
///
/// Serialised as `{"start": "2026-01-31T00:00:00Z", "end": null}`; where the bounds are no times,
/// their type stands beside them: `{"start": "42", "end": null, "type": "integer"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Window {
    /// First value wanted.
    pub start: Option<Cursor>,
    /// First value no longer wanted.
    pub end: Option<Cursor>,
}

impl Window {
    /// Everything the source has.
    pub const ALL: Self = Self {
        start: None,
        end: None,
    };

    /// What its bounds are; a time, if it has none.
    pub fn cursor_type(&self) -> CursorType {
        let bound = self.start.as_ref().or(self.end.as_ref());
        bound.map_or(CursorType::Timestamp, Cursor::cursor_type)
    }
}

/// A window as it is written down.
#[derive(Serialize, Deserialize)]
struct Written {
    start: Option<String>,
    end: Option<String>,
    #[serde(rename = "type", default, skip_serializing_if = "is_time")]
    cursor_type: CursorType,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_time(cursor_type: &CursorType) -> bool {
    *cursor_type == CursorType::Timestamp
}

impl From<Window> for Written {
    fn from(window: Window) -> Self {
        let text = |bound: &Option<Cursor>| bound.as_ref().map(ToString::to_string);
        Self {
            start: text(&window.start),
            end: text(&window.end),
            cursor_type: window.cursor_type(),
        }
    }
}

impl TryFrom<Written> for Window {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let read = |bound: Option<String>| {
            bound
                .map(|text| {
                    Cursor::read(written.cursor_type, &text)
                        .ok_or_else(|| format!("`{text}` is no {}", written.cursor_type.name()))
                })
                .transpose()
        };
        Ok(Self {
            start: read(written.start)?,
            end: read(written.end)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(cursor_type: CursorType, start: &str, expected: Value) {
        let window = Window {
            start: Cursor::read(cursor_type, start),
            end: None,
        };
        assert_eq!(serde_json::to_value(&window).unwrap(), expected);
        assert_eq!(serde_json::from_value::<Window>(expected).unwrap(), window);
    }

    #[test]
    fn times_are_written_without_their_type() {
        let start = "2026-01-31T00:00:00Z";
        check(
            CursorType::Timestamp,
            start,
            json!({ "start": start, "end": null }),
        );
        check(
            CursorType::Integer,
            "42",
            json!({ "start": "42", "end": null, "type": "integer" }),
        );
        check(
            CursorType::String,
            "2026-01-31",
            json!({ "start": "2026-01-31", "end": null, "type": "string" }),
        );
        check(
            CursorType::Timestamp,
            "",
            json!({ "start": null, "end": null }),
        );
    }

    #[test]
    fn a_bound_is_read_as_its_type() {
        let read = |start: &str, of: &str| {
            serde_json::from_value::<Window>(json!({ "start": start, "end": null, "type": of }))
        };
        assert!(read("x", "integer").is_err());
        // A bare number is a time, too: so many seconds since 1970.
        let start = read("42", "timestamp").unwrap().start;
        assert_eq!(start.unwrap().to_string(), "1970-01-01T00:00:42Z");
    }
}
