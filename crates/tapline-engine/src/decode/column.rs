//! One column while it grows: what was seen in it, and the rows of the current chunk.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, NullArray, StringArray};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field};
use tapline_spec::ColumnKind;

use super::kind::{Seen, Value};
use super::text;

/// Bytes of text that a column makes room for before they come, at most.
const ROOM: usize = 1 << 20;

/// A column of a table.
#[derive(Debug)]
pub(crate) struct Column {
    name: String,
    quoted: String,
    declared: Option<ColumnKind>,
    /// What was seen in an inferred column; what a declared one takes.
    seen: Seen,
    data: Data,
    nulls: NullBufferBuilder,
    rows: usize,
    stale: bool,
}

impl Column {
    /// A column whose type follows from its values.
    pub(crate) fn inferred(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            quoted: text::quote(name),
            declared: None,
            seen: Seen::NOTHING,
            data: Data::Null,
            nulls: NullBufferBuilder::new(0),
            rows: 0,
            stale: false,
        }
    }

    /// A column that never changes its type.
    pub(crate) fn declared(name: &str, kind: ColumnKind) -> Self {
        Self {
            declared: Some(kind),
            seen: Seen::fitting(kind),
            data: Data::new(Some(kind)),
            ..Self::inferred(name)
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The name as a page most likely writes it.
    pub(crate) fn quoted(&self) -> &str {
        &self.quoted
    }

    fn kind(&self) -> Option<ColumnKind> {
        self.declared.or_else(|| self.seen.kind())
    }

    pub(crate) fn field(&self) -> Field {
        let json = self.kind() == Some(ColumnKind::Json);
        let field = Field::new(&self.name, self.data_type(), true);
        if json {
            super::schema::json(field)
        } else {
            field
        }
    }

    fn data_type(&self) -> DataType {
        match self.kind() {
            // Nothing to tell a type from: the bottom of the lattice, which any type widens.
            None => DataType::Null,
            Some(ColumnKind::Boolean) => DataType::Boolean,
            Some(ColumnKind::Integer) => DataType::Int64,
            Some(ColumnKind::Number) => DataType::Float64,
            Some(ColumnKind::String | ColumnKind::Json) => DataType::Utf8,
        }
    }

    /// Whether row `row` has its value already.
    #[inline]
    pub(crate) fn has(&self, row: usize) -> bool {
        self.rows > row
    }

    /// Whether earlier rows of the page must be read again, because the type changed under them.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    /// Starts over with no rows.
    pub(crate) fn reset(&mut self) {
        if std::mem::take(&mut self.stale) {
            self.data = Data::new(self.kind());
        }
        self.data.truncate(0);
        self.nulls = NullBufferBuilder::new(0);
        self.rows = 0;
    }

    /// Gives row `row` its value. `false` if the column does not take it: the row is null then,
    /// and the value must go elsewhere.
    #[inline]
    pub(crate) fn push(&mut self, row: usize, value: &Value<'_>) -> bool {
        self.pad(row);
        let seen = value.seen;
        let fits = self.seen.contains(seen) || self.widen(seen);
        let kept = seen != Seen::NOTHING && fits && !self.stale && self.keep(value);
        if kept {
            self.nulls.append_non_null();
            self.rows += 1;
        } else {
            self.pad(row + 1);
        }
        kept || seen == Seen::NOTHING || (fits && self.stale)
    }

    #[inline]
    fn keep(&mut self, value: &Value<'_>) -> bool {
        let as_json = self.declared == Some(ColumnKind::Json);
        self.data.push(value, as_json)
    }

    /// Takes `seen` into an inferred column.
    fn widen(&mut self, seen: Seen) -> bool {
        if self.declared.is_some() {
            return false;
        }
        let before = self.data_type();
        self.seen = self.seen.with(seen);
        let after = self.data_type();
        if before == DataType::Null {
            self.data = Data::new(self.kind());
            self.data.push_nulls(self.rows);
        } else if before != after {
            self.stale = true;
        }
        true
    }

    /// Fills up with nulls to `rows` rows.
    #[inline]
    fn pad(&mut self, rows: usize) {
        let missing = rows.saturating_sub(self.rows);
        if missing > 0 {
            self.rows = rows;
            self.nulls.append_n_nulls(missing);
            self.data.push_nulls(missing);
        }
    }

    /// Forgets what comes after the first `rows` rows.
    pub(crate) fn truncate(&mut self, rows: usize) {
        if self.has(rows) {
            self.rows = rows;
            self.nulls.truncate(rows);
            self.data.truncate(rows);
        }
    }

    /// Takes the rows out, filled up to `rows`.
    pub(crate) fn finish(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        self.pad(rows);
        self.rows = 0;
        let nulls = self.nulls.finish();
        let fresh = self.data.fresh();
        let data = std::mem::replace(&mut self.data, fresh);
        if self.stale {
            return Ok(Arc::new(NullArray::new(rows)));
        }
        Ok(match data {
            Data::Null => Arc::new(NullArray::new(rows)),
            Data::Boolean(mut bits) => Arc::new(BooleanArray::new(bits.finish(), nulls)),
            Data::Integer(values) => Arc::new(Int64Array::try_new(values.into(), nulls)?),
            Data::Number(values) => Arc::new(Float64Array::try_new(values.into(), nulls)?),
            Data::Text(text) => Arc::new(StringArray::try_new(
                OffsetBuffer::new(ScalarBuffer::from(text.offsets)),
                Buffer::from_vec(text.values),
                nulls,
            )?),
        })
    }
}

/// The values of a chunk, nulls included.
#[derive(Debug)]
enum Data {
    Null,
    Boolean(BooleanBufferBuilder),
    Integer(Vec<i64>),
    Number(Vec<f64>),
    Text(Text),
}

/// Texts one after the other; text `n` ends at `offsets[n + 1]`.
#[derive(Debug)]
struct Text {
    offsets: Vec<i32>,
    values: Vec<u8>,
}

impl Data {
    fn new(kind: Option<ColumnKind>) -> Self {
        match kind {
            None => Self::Null,
            Some(ColumnKind::Boolean) => Self::Boolean(BooleanBufferBuilder::new(0)),
            Some(ColumnKind::Integer) => Self::Integer(Vec::new()),
            Some(ColumnKind::Number) => Self::Number(Vec::new()),
            Some(ColumnKind::String | ColumnKind::Json) => Self::Text(Text::new(0, 0)),
        }
    }

    /// Empty, with room for as much as this holds, within reason: pages resemble each other.
    fn fresh(&self) -> Self {
        match self {
            Self::Null => Self::Null,
            Self::Boolean(bits) => Self::Boolean(BooleanBufferBuilder::new(bits.len())),
            Self::Integer(values) => Self::Integer(Vec::with_capacity(values.len())),
            Self::Number(values) => Self::Number(Vec::with_capacity(values.len())),
            Self::Text(text) => {
                Self::Text(Text::new(text.offsets.len(), text.values.len().min(ROOM)))
            }
        }
    }

    /// Adds a value of a form that stands here; `false`, and nothing added, if it is a string
    /// that no text holds.
    #[inline]
    fn push(&mut self, value: &Value<'_>, as_json: bool) -> bool {
        match self {
            Self::Text(text) if value.seen == Seen::STRING && !as_json => {
                return text.push_string(value.raw, value.escaped);
            }
            Self::Text(text) => text.push(value.raw),
            Self::Integer(values) => values.push(value.integer),
            Self::Number(values) => values.push(value.float),
            Self::Boolean(bits) => bits.append(value.integer == 1),
            Self::Null => return false,
        }
        true
    }

    fn push_nulls(&mut self, count: usize) {
        match self {
            Self::Null => {}
            Self::Boolean(bits) => bits.append_n(count, false),
            Self::Integer(values) => values.resize(values.len() + count, 0),
            Self::Number(values) => values.resize(values.len() + count, 0.0),
            Self::Text(text) => text.push_nulls(count),
        }
    }

    fn truncate(&mut self, rows: usize) {
        match self {
            Self::Null => {}
            Self::Boolean(bits) => bits.truncate(rows),
            Self::Integer(values) => values.truncate(rows),
            Self::Number(values) => values.truncate(rows),
            Self::Text(text) => text.truncate(rows),
        }
    }
}

impl Text {
    fn new(offsets: usize, values: usize) -> Self {
        let mut text = Self {
            offsets: Vec::with_capacity(offsets.max(1)),
            values: Vec::with_capacity(values),
        };
        text.offsets.push(0);
        text
    }

    #[inline]
    fn push(&mut self, text: &str) {
        self.values.extend_from_slice(text.as_bytes());
        self.end();
    }

    #[inline]
    fn push_string(&mut self, quoted: &str, escaped: bool) -> bool {
        if !escaped {
            self.push(text::inner(quoted));
            return true;
        }
        self.values.reserve(quoted.len());
        let whole = text::unescape(quoted, &mut self.values).is_some();
        if whole {
            self.end();
        }
        whole
    }

    /// Ends the current text. A chunk is far below 2 GiB: see `MAX_BODY` in the pass.
    #[inline]
    fn end(&mut self) {
        self.offsets.push(self.values.len() as i32);
    }

    fn push_nulls(&mut self, count: usize) {
        let end = self.values.len() as i32;
        self.offsets.resize(self.offsets.len() + count, end);
    }

    fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        let end = self.offsets.last().map_or(0, |end| *end as usize);
        self.values.truncate(end);
    }
}
