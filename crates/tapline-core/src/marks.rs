//! What is remembered of a stream between runs: how far it is known, and what of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tapline_spec::CursorType;
use uuid::Uuid;

use crate::{Coverage, Cursor, Error, ErrorKind, Fold, Result, TableRef, Ties, WatermarkReport};

/// The marks of one stream of a pipeline: a document of the namespace [`Marks::NAMESPACE`]. One
/// document holds all parts of a divided stream, so that they move in one step.
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
    /// [`crate::Source::identity`] of what was read; `None` if a person has set the marks since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Where its rows are; `None` as for `source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableRef>,
    /// The smallest cursor seen in complete windows.
    pub oldest: Option<Cursor>,
    /// What is known of each part, by name; `""` is a stream that is not divided.
    pub partitions: BTreeMap<String, Known>,
    /// The parts that have nothing new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folds: Vec<Fold>,
    /// The run that wrote it; `None` if a person did.
    pub last_run: Option<Uuid>,
}

/// What is known of a part of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The largest cursor seen in complete windows.
    pub newest: Option<Cursor>,
    /// What is known to be complete. Its upper edge is at most `newest`, never the clock.
    pub coverage: Coverage,
    /// The rows with the cursor `newest`.
    #[serde(default, skip_serializing_if = "Ties::is_empty")]
    pub ties: Ties,
}

impl From<&Fold> for Known {
    /// What is known of each of its parts. None of them has a record with that cursor, so there are
    /// no ties.
    fn from(fold: &Fold) -> Self {
        let mut coverage = Coverage::default();
        coverage.add(fold.from.as_ref(), &fold.until);
        Self {
            newest: Some(fold.until.clone()),
            coverage,
            ties: Ties::default(),
        }
    }
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
            source: None,
            table: None,
            oldest: None,
            partitions: BTreeMap::new(),
            folds: Vec::new(),
            last_run: None,
        }
    }

    /// Whether they are those of this cursor: what is remembered of one says nothing about another.
    pub fn are_of(&self, cursor: &str, cursor_type: CursorType) -> bool {
        self.cursor == cursor && self.cursor_type == cursor_type
    }

    /// Reads a document. `None`: it was reset.
    ///
    /// # Errors
    /// It is of a newer version, or no marks at all.
    pub fn read(value: &Value) -> Result<Option<Self>> {
        if value.is_null() {
            return Ok(None);
        }
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
            .map(Some)
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

    /// What is known of the part `name`; `None` if it was never read to its end.
    pub fn known(&self, name: &str) -> Option<Known> {
        if let Some(known) = self.partitions.get(name) {
            return Some(known.clone());
        }
        let mut folds = self.folds.iter();
        folds
            .find(|fold| fold.members.contains(name))
            .map(Known::from)
    }

    /// Takes the part `name` out of the folds, as it is to have a cursor of its own.
    pub fn unfold(&mut self, name: &str) {
        for fold in &mut self.folds {
            fold.members.remove(name);
        }
        self.folds.retain(|fold| !fold.members.is_empty());
    }

    /// The largest cursor seen in complete windows, in any part. Of texts in several parts none is
    /// the largest.
    pub fn newest(&self) -> Option<&Cursor> {
        let mut newest = self
            .partitions
            .values()
            .filter_map(|known| known.newest.as_ref());
        if !self.cursor_type.is_ordered() {
            return newest.next().filter(|_| newest.next().is_none());
        }
        newest
            .chain(self.folds.iter().map(|fold| &fold.until))
            .max()
    }

    /// What is known to be complete in every part.
    pub fn coverage(&self) -> Coverage {
        let folded = self.folds.iter().map(Known::from);
        let all = self.partitions.values().cloned().chain(folded);
        all.map(|known| known.coverage)
            .reduce(|both, other| both.intersection(&other))
            .unwrap_or_default()
    }

    /// How many parts are known.
    pub fn parts(&self) -> usize {
        let folded: usize = self.folds.iter().map(|fold| fold.members.len()).sum();
        self.partitions.len() + folded
    }

    /// The watermarks as a report shows them.
    pub fn watermarks(&self) -> WatermarkReport {
        WatermarkReport {
            newest: self.newest().map(ToString::to_string),
            oldest: self.oldest.as_ref().map(ToString::to_string),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Members;
    use serde_json::json;

    fn at(text: &str) -> Cursor {
        Cursor::read(CursorType::Timestamp, text).unwrap()
    }

    fn known(start: Option<&str>, newest: &str) -> Known {
        let mut known = Known {
            newest: Some(at(newest)),
            ..Known::default()
        };
        known.coverage.add(start.map(at).as_ref(), &at(newest));
        known
    }

    fn marks() -> Marks {
        let mut marks = Marks::new("incremental", "updated_at", CursorType::Timestamp);
        marks.oldest = Some(at("2026-01-01"));
        let mut whole = known(None, "2026-01-31");
        whole.ties.add(u64::MAX);
        marks.partitions.insert(String::new(), whole);
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
                "oldest": { "type": "timestamp", "value": "2026-01-01T00:00:00Z" },
                "partitions": {
                    "": {
                        "newest": { "type": "timestamp", "value": "2026-01-31T00:00:00Z" },
                        "coverage": [{
                            "start": null,
                            "end": { "type": "timestamp", "value": "2026-01-31T00:00:00Z" },
                        }],
                        "ties": [u64::MAX],
                    },
                },
                "last_run": null,
            })
        );
        assert_eq!(Marks::read(&value).unwrap(), Some(marks()));
        assert_eq!(Marks::read(&Value::Null).unwrap(), None);
    }

    #[test]
    fn of_several_parts_each_is_known_and_all_together() {
        let mut marks = marks();
        marks.partitions = BTreeMap::from([
            ("a".to_owned(), known(Some("2026-01-03"), "2026-01-20")),
            ("b".to_owned(), known(None, "2026-01-31")),
        ]);
        marks.folds.push(Fold {
            from: Some(at("2026-01-05")),
            until: at("2026-01-10"),
            members: [Members::hash("c")].into_iter().collect(),
        });
        assert_eq!(marks.newest(), Some(&at("2026-01-31")));
        assert_eq!(
            marks.coverage(),
            known(Some("2026-01-05"), "2026-01-10").coverage
        );
        let folded = marks.known("c").unwrap();
        assert_eq!(folded, known(Some("2026-01-05"), "2026-01-10"));
        assert_eq!((marks.known("d"), marks.parts()), (None, 3));
        let value = marks.to_value().unwrap();
        assert_eq!(Marks::read(&value).unwrap(), Some(marks));
    }

    #[test]
    fn what_a_newer_tapline_wrote_is_refused() {
        let error = Marks::read(&json!({ "version": 2 })).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::State);
        assert!(error.to_string().contains("newer tapline"), "{error}");
        assert!(Marks::read(&json!([])).is_err());
    }
}
