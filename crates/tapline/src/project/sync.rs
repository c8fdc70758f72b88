//! How the old and new records of a pipeline come together.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use tapline_core::{Cursor, Stage, TableRef};
use tapline_engine::Asks;
use tapline_engine::window::WindowSettings;
use tapline_spec::{
    Bound, Boundary, CursorType, Diagnostic, IncrementalPlan, PartitionPlan, PartitionSource, Plan,
    RecordOrder, Step,
};

use super::start::Start;

/// How old and new records come together. What is not said here, the spec of the stream says.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sync {
    /// The sync mode.
    #[serde(default)]
    pub(crate) mode: SyncMode,
    /// The field that tells new records from old ones: a column, or a dotted path into one.
    pub(crate) cursor: Option<String>,
    /// What the cursor holds; `timestamp` unless given.
    pub(crate) cursor_type: Option<CursorType>,
    /// The fields that identify a record.
    #[serde(default)]
    pub(crate) primary_keys: Vec<String>,
    /// In which order of the cursor the source gives its records; `unordered` unless given.
    order: Option<RecordOrder>,
    /// Where the first run begins: `2024-01-31`, or a number if the cursor is one. What is before
    /// that is only fetched by `tapline backfill`. Everything unless given.
    start: Option<Start>,
    /// How far before the newest cursor a run asks again, for records that the source shows late:
    /// `1h`, `7d`; a number if the cursor is one.
    lookback: Option<Step>,
    /// How long before a run's start its window ends, for records that the source shows late: `5m`.
    safety_lag: Option<Step>,
    /// Whether the newest cursor itself is asked for again; `closed` unless given.
    boundary: Option<Boundary>,
    /// How much of a window is asked for at once: `7d`; a number if the cursor is one.
    slice: Option<Step>,
    /// How records are known that the source has deleted; only of `incremental_with_qualify`.
    pub(crate) deletions: Option<Deletions>,
}

/// How records are known that the source has deleted, and what becomes of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deletions {
    /// A field that says so: `deleted_at`, `is_deleted`. Anything but nothing, `false` and 0 is a yes.
    pub(super) field: Option<String>,
    /// Whether a record is deleted that a complete run of everything does not bring: the first one, and
    /// `run --full-refresh`.
    #[serde(default)]
    absent: bool,
    /// What becomes of them in the table with the latest versions; `soft` unless given.
    #[serde(default)]
    action: DeletionAction,
}

/// What becomes of records that the source has deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeletionAction {
    /// They stay, with `_tapline_deleted` true.
    #[default]
    Soft,
    /// They are removed.
    Hard,
}

impl From<&Deletions> for tapline_core::Deletions {
    fn from(written: &Deletions) -> Self {
        Self {
            field: written.field.clone(),
            absent: written.absent,
            soft: written.action == DeletionAction::Soft,
        }
    }
}

/// Sync modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SyncMode {
    /// The table is replaced, in one step, when everything has arrived.
    #[default]
    FullLoad,
    /// Everything is fetched and added.
    FullAppend,
    /// What is new is fetched and added.
    Incremental,
    /// What is new is added, and the latest version of each record kept apart.
    IncrementalWithQualify,
}

impl SyncMode {
    /// The mode as it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FullLoad => "full_load",
            Self::FullAppend => "full_append",
            Self::Incremental => "incremental",
            Self::IncrementalWithQualify => "incremental_with_qualify",
        }
    }

    /// Whether a run fetches only what is new.
    pub(crate) fn is_incremental(self) -> bool {
        matches!(self, Self::Incremental | Self::IncrementalWithQualify)
    }
}

impl Sync {
    /// What tells new records from old ones: what is said here, and else what the stream's `spec`
    /// says. `None`: neither names a cursor.
    pub(crate) fn incremental(&self, spec: Option<&IncrementalPlan>) -> Option<IncrementalPlan> {
        let cursor = self.cursor.as_ref().or(spec.map(|spec| &spec.cursor))?;
        // What the spec says of its own cursor says nothing of another.
        let same = spec.filter(|spec| spec.cursor == *cursor);
        let keys = match (self.primary_keys.as_slice(), spec) {
            ([], Some(spec)) => &spec.primary_keys,
            _ => &self.primary_keys,
        };
        Some(IncrementalPlan {
            cursor: cursor.clone(),
            cursor_type: self
                .cursor_type
                .or(same.map(|spec| spec.cursor_type))
                .unwrap_or_default(),
            primary_keys: keys.clone(),
            order: self
                .order
                .or(same.map(|spec| spec.order))
                .unwrap_or_default(),
            lookback: self.lookback.or(same.and_then(|spec| spec.lookback)),
            boundary: self
                .boundary
                .or(same.map(|spec| spec.boundary))
                .unwrap_or_default(),
        })
    }

    /// How windows of the stream of `plan` are made; `None`: nothing tells new records from old
    /// ones. What [`Sync::check`] refuses is left out.
    pub(crate) fn settings(&self, plan: &Plan) -> Option<WindowSettings> {
        let meant = self.incremental(plan.incremental.as_ref())?;
        let lag = match self.safety_lag {
            Some(Step::Seconds(seconds)) => i64::try_from(seconds).unwrap_or(i64::MAX),
            _ => 0,
        };
        Some(WindowSettings {
            start: self.start(meant.cursor_type),
            cursor: meant.cursor,
            cursor_type: meant.cursor_type,
            order: meant.order,
            lookback: meant.lookback,
            safety_lag: SignedDuration::from_secs(lag),
            boundary: meant.boundary,
            slice: self.slice,
            is_open: self.deletions.as_ref().is_some_and(|of| of.absent),
        })
    }

    /// The table with the latest versions, where `meant` tells which these are.
    pub(crate) fn stage(&self, table: TableRef, meant: IncrementalPlan) -> Stage {
        Stage {
            table,
            keys: meant.primary_keys,
            cursor: meant.cursor,
            cursor_type: meant.cursor_type,
            deletions: self.deletions.as_ref().map(Into::into),
        }
    }

    fn start(&self, cursor_type: CursorType) -> Option<Cursor> {
        let start = self.start.as_ref()?;
        Cursor::read(cursor_type, start.as_str())
    }

    /// What cannot be meant, or is doubtful, of the `sync` at `pointer`, whose stream's spec says
    /// `spec`, and whose requests say the bounds that it `asks` for.
    pub(super) fn check(
        &self,
        pointer: &str,
        (spec, asks): (Option<&IncrementalPlan>, Asks),
        found: &mut Vec<Diagnostic>,
    ) {
        let meant = self.incremental(spec);
        if self.mode.is_incremental() && meant.is_none() {
            let message = "without a `cursor`, nothing tells new records from old ones";
            let hint = "such as `cursor: updated_at`, a field of every record";
            found.push(Diagnostic::error("E-no-cursor", pointer, message).with_hint(hint));
        }
        let keys = meant
            .as_ref()
            .map_or(&self.primary_keys, |m| &m.primary_keys);
        if self.mode == SyncMode::IncrementalWithQualify && keys.is_empty() {
            let message = "without `primary_keys`, nothing tells which records are versions of one";
            let hint = "such as `primary_keys: [id]`, columns that every record has";
            found.push(Diagnostic::error("E-no-key", pointer, message).with_hint(hint));
        }
        self.check_deletions(pointer, asks, found);
        if let Some(meant) = meant {
            self.check_steps(pointer, &meant, asks, found);
        }
        if let Some(Step::Count(count)) = self.safety_lag {
            let message = format!("`{count}` of what? A lag is so many seconds: `{count}s`");
            let at = format!("{pointer}/safety_lag");
            found.push(Diagnostic::error("E-incremental", at, message));
        }
    }

    fn check_deletions(&self, pointer: &str, asks: Asks, found: &mut Vec<Diagnostic>) {
        let Some(deletions) = &self.deletions else {
            return;
        };
        let at = format!("{pointer}/deletions");
        let (message, hint) = if self.mode != SyncMode::IncrementalWithQualify {
            let message = format!(
                "`{}` has no table of the latest versions that a record could be deleted from",
                self.mode.name()
            );
            (message, "leave it out, or use `incremental_with_qualify`")
        } else if deletions.field.is_none() && !deletions.absent {
            let message = "nothing says how a deletion is known".to_owned();
            (message, "name a `field`, or say `absent: true`")
        } else if deletions.absent && asks.end {
            let message = "requests say where a window ends, so a record that changes while \
                           everything is read leaves the window, and would be taken for deleted";
            let hint = "use a `field`, or leave the end out of `scheduleParams` of the spec";
            (message.to_owned(), hint)
        } else {
            return;
        };
        found.push(Diagnostic::error("E-deletions", at, message).with_hint(hint));
    }

    /// Refuses parts that hold values of several parents: which values come together changes from
    /// run to run, and what is remembered of a part would be about another.
    pub(super) fn check_parts(
        &self,
        pointer: &str,
        partitions: &[PartitionPlan],
        found: &mut Vec<Diagnostic>,
    ) {
        let mut sources = partitions.iter().flat_map(|plan| &plan.from);
        let is_batched = |from: &PartitionSource| matches!(from, PartitionSource::Parent { batch, .. } if *batch > 1);
        if self.mode.is_incremental() && sources.any(is_batched) {
            let message = "the stream asks for several values of its parent at once (`batch`), and \
                           what is remembered is remembered of each";
            let hint = "leave out `batch` in `partitionParams` of the spec, or use `full_load` or \
                        `full_append`";
            found.push(Diagnostic::error("E-incremental", pointer, message).with_hint(hint));
        }
    }

    fn check_steps(
        &self,
        pointer: &str,
        meant: &IncrementalPlan,
        asks: Asks,
        found: &mut Vec<Diagnostic>,
    ) {
        let mut refuse = |key: &str, message: String| {
            let at = format!("{pointer}/{key}");
            found.push(Diagnostic::error("E-incremental", at, message));
        };
        for (key, step) in [("lookback", self.lookback), ("slice", self.slice)] {
            if let Some(message) = step.and_then(|step| step.misfit(meant.cursor_type)) {
                refuse(key, message);
            }
        }
        if self.slice.is_some_and(Step::is_zero) {
            refuse(
                "slice",
                "a window is not cut into parts of nothing".to_owned(),
            );
        }
        if self.slice.is_some() && !asks.can_cut() {
            let message = "a window is read in parts only where the requests say its start and its \
                           end; see `scheduleParams` of the spec";
            refuse("slice", message.to_owned());
        }
        let is_text = meant.cursor_type == CursorType::String;
        if let Some(start) = &self.start
            && (is_text || self.start(meant.cursor_type).is_none())
        {
            let kind = meant.cursor_type.name();
            refuse(
                "start",
                format!("`{}` is no {kind} to begin with", start.as_str()),
            );
        }
        if is_text && meant.order == RecordOrder::Unordered {
            let message = "which text is newest, only the order of the records can tell; say \
                           `order`: `ascending` or `descending`";
            refuse("cursor_type", message.to_owned());
        }
    }
}

/// Which bounds of a window the requests of `plan` say.
pub(crate) fn asks(plan: &Plan) -> Asks {
    Asks {
        start: plan.asks(Bound::Start),
        end: plan.asks(Bound::End),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn sync(written: Value) -> Sync {
        serde_json::from_value(written).unwrap()
    }

    fn spec() -> IncrementalPlan {
        IncrementalPlan {
            cursor: "id".to_owned(),
            cursor_type: CursorType::Integer,
            primary_keys: vec!["id".to_owned()],
            order: RecordOrder::Descending,
            lookback: Some(Step::Count(5)),
            boundary: Boundary::Open,
        }
    }

    #[test]
    fn the_pipeline_wins_over_the_spec() {
        let meant = |written| sync(written).incremental(Some(&spec()));
        assert_eq!(meant(json!({})), Some(spec()));
        let lookback = Some(Step::Count(9));
        assert_eq!(
            meant(json!({ "lookback": 9 })),
            Some(IncrementalPlan { lookback, ..spec() })
        );
        // Of another cursor, the spec knows nothing.
        assert_eq!(
            meant(json!({ "cursor": "updated_at" })),
            Some(IncrementalPlan {
                cursor: "updated_at".to_owned(),
                cursor_type: CursorType::Timestamp,
                primary_keys: vec!["id".to_owned()],
                order: RecordOrder::Unordered,
                lookback: None,
                boundary: Boundary::Closed,
            })
        );
        assert_eq!(sync(json!({ "lookback": "1h" })).incremental(None), None);
    }

    #[track_caller]
    fn check(written: Value, spec: Option<&IncrementalPlan>, expected: &[&str]) {
        let mut found = Vec::new();
        let asks = Asks {
            start: true,
            end: true,
        };
        sync(written).check("", (spec, asks), &mut found);
        let found: Vec<_> = found
            .iter()
            .map(|f| format!("{}{}", f.code, f.pointer))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        check(json!({ "mode": "full_load" }), None, &[]);
        check(json!({ "mode": "incremental" }), None, &["E-no-cursor"]);
        check(json!({ "mode": "incremental" }), Some(&spec()), &[]);
        check(
            json!({ "mode": "incremental_with_qualify", "cursor": "at" }),
            None,
            &["E-no-key"],
        );
        check(
            json!({ "lookback": "1h", "slice": "7d" }),
            Some(&spec()),
            &["E-incremental/lookback", "E-incremental/slice"],
        );
        check(
            json!({ "cursor": "at", "lookback": "1h", "slice": "0d", "safety_lag": 5 }),
            None,
            &["E-incremental/slice", "E-incremental/safety_lag"],
        );
        check(
            json!({ "cursor": "tag", "cursor_type": "string" }),
            None,
            &["E-incremental/cursor_type"],
        );
        check(
            json!({ "cursor": "tag", "cursor_type": "string", "order": "ascending" }),
            None,
            &[],
        );
        check(json!({ "cursor": "at", "start": "2024-01-31" }), None, &[]);
        check(json!({ "start": 5 }), Some(&spec()), &[]);
        let wrong = json!({ "cursor": "at", "start": "soon" });
        check(wrong, None, &["E-incremental/start"]);
        let text = json!({
            "cursor": "tag", "cursor_type": "string", "order": "ascending", "start": "a",
        });
        check(text, None, &["E-incremental/start"]);
    }

    #[test]
    fn a_window_is_cut_only_where_requests_say_both_bounds() {
        for (start, end) in [(true, false), (false, true), (false, false)] {
            let mut found = Vec::new();
            let written = json!({ "cursor": "at", "slice": "7d" });
            sync(written).check("", (None, Asks { start, end }), &mut found);
            assert_eq!(found[0].pointer, "/slice");
        }
    }
}
