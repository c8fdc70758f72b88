//! What is remembered of a stream between runs: how far it is known, and what of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tapline_spec::CursorType;
use uuid::Uuid;

use crate::{Coverage, Cursor, Error, ErrorKind, Result, WatermarkReport};

/// The marks of one [`MarkKey`](crate::MarkKey): a document of the namespace [`Marks::NAMESPACE`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// Version of this format.
    version: u32,
    /// The sync mode of the run that wrote it.
    pub sync_mode: String,
    /// Where a record holds its cursor.
    pub cursor: String,
    /// What the cursor holds.
    pub cursor_type: CursorType,
    /// The largest cursor seen in complete windows.
    pub newest: Option<Cursor>,
    /// The smallest.
    pub oldest: Option<Cursor>,
    /// What is known to be complete. Its upper edge is at most `newest`, never the clock.
    pub coverage: Coverage,
    /// The run that wrote it.
    pub last_run: Option<Uuid>,
}

impl Marks {
    /// The namespace of marks in the state store.
    pub const NAMESPACE: &str = "marks";

    /// The version of the format that this program writes.
    const VERSION: u32 = 1;

    /// Nothing is known.
    pub fn new(
        sync_mode: impl Into<String>,
        cursor: impl Into<String>,
        cursor_type: CursorType,
    ) -> Self {
        Self {
            version: Self::VERSION,
            sync_mode: sync_mode.into(),
            cursor: cursor.into(),
            cursor_type,
            newest: None,
            oldest: None,
            coverage: Coverage::default(),
            last_run: None,
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// It is of a newer version, or no marks at all.
    pub fn read(value: &Value) -> Result<Self> {
        let version = value.get("version").and_then(Value::as_u64);
        if let Some(version) = version.filter(|version| *version > u64::from(Self::VERSION)) {
            let message = format!(
                "they are of version {version}, and this program knows {} at most: a newer tapline \
                 wrote them",
                Self::VERSION
            );
            return Err(Error::new(ErrorKind::State, "read marks", message));
        }
        Self::deserialize(value)
            .map_err(|error| Error::new(ErrorKind::State, "read marks", error.to_string()))
    }

    /// The document to store.
    ///
    /// # Errors
    /// None is known: everything in it can be written.
    pub fn to_value(&self) -> Result<Value> {
        serde_json::to_value(self)
            .map_err(|error| Error::new(ErrorKind::Internal, "write marks", error.to_string()))
    }

    /// The watermarks as a report shows them.
    pub fn watermarks(&self) -> WatermarkReport {
        WatermarkReport {
            newest: self.newest.as_ref().map(ToString::to_string),
            oldest: self.oldest.as_ref().map(ToString::to_string),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn marks() -> Marks {
        let at = |text| Cursor::read(CursorType::Timestamp, text).unwrap();
        let mut marks = Marks::new("incremental", "updated_at", CursorType::Timestamp);
        (marks.oldest, marks.newest) = (Some(at("2026-01-01")), Some(at("2026-01-31")));
        marks.coverage.add(&at("2026-01-01"), &at("2026-01-31"));
        marks
    }

    #[test]
    fn marks_are_stored_as_they_are() {
        let value = marks().to_value().unwrap();
        assert_eq!(
            value,
            json!({
                "version": 1,
                "sync_mode": "incremental",
                "cursor": "updated_at",
                "cursor_type": "timestamp",
                "newest": { "type": "timestamp", "value": "2026-01-31T00:00:00Z" },
                "oldest": { "type": "timestamp", "value": "2026-01-01T00:00:00Z" },
                "coverage": [{
                    "start": { "type": "timestamp", "value": "2026-01-01T00:00:00Z" },
                    "end": { "type": "timestamp", "value": "2026-01-31T00:00:00Z" },
                }],
                "last_run": null,
            })
        );
        assert_eq!(Marks::read(&value).unwrap(), marks());
    }

    #[test]
    fn what_a_newer_tapline_wrote_is_refused() {
        let error = Marks::read(&json!({ "version": 2 })).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::State);
        assert!(error.to_string().contains("newer tapline"), "{error}");
        assert!(Marks::read(&json!([])).is_err());
    }
}
