//! One pass over a page: every member of every record into its column.

use arrow_array::ArrayRef;
use arrow_schema::ArrowError;
use tapline_core::{Error, ErrorKind, Limits, Reject, RejectForm};
use tapline_spec::{ColumnKind, ExplodePlan};

use super::Form;
use super::column::Column;
use super::columns::Columns;
use super::explode::Exploded;
use super::input::Input;
use super::kind::Value;
use super::page::{Layout, Page};
use super::scan::{Fault, Lexeme, Number, Scanner};
use super::text;

/// Rows of a batch at most.
const ROWS: usize = 8192;

/// Weight at which a batch ends. A destination drops each when it has written it, so of a large page
/// less and less is in memory; an ordinary page is one batch.
const WEIGHT: usize = 2 << 20;

/// Weight of a row without its values: ids, time, offsets.
const ROW_WEIGHT: usize = 100;

/// Weight of a missing value in a column of numbers.
const NULL_WEIGHT: usize = size_of::<u64>();

/// Largest body that is decoded. A batch may hold a body's bytes twice (columns and rest) beyond
/// [`WEIGHT`], and its text offsets have 31 bits.
pub(crate) const MAX_BODY: usize = 1 << 29;

/// How many times larger than the largest body its rows may become. Siblings and missing fields
/// are repeated row by row, so that a small page could otherwise fill the memory. All rows of a
/// page are held at once, and with them a run must stay under 150 MB.
const GROWTH: usize = 2;

fn budget(limits: &Limits) -> usize {
    limits.page_bytes.saturating_mul(GROWTH)
}

fn too_large() -> Error {
    Error::new(ErrorKind::Limit, "decode page", "its rows are too large")
}

/// Rows that become one batch.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// How many.
    pub(crate) rows: usize,
    /// The columns known when the chunk ended.
    pub(crate) columns: Vec<ArrayRef>,
    /// What fitted no column.
    pub(crate) rest: ArrayRef,
}

/// What a pass brings.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) records: u64,
}

impl Output {
    /// Checks what the pass could not know: every row has all `columns`, also those found after it.
    pub(crate) fn check_width(&self, columns: usize, limits: &Limits) -> Result<(), Error> {
        let rows: usize = self.chunks.iter().map(|chunk| chunk.rows).sum();
        let nulls = rows.saturating_mul(columns).saturating_mul(NULL_WEIGHT);
        if nulls > budget(limits) {
            return Err(too_large());
        }
        Ok(())
    }
}

/// A pass under way.
pub(crate) struct Pass<'p, 'c> {
    page: &'p Page<'p>,
    form: &'p Form,
    depth: usize,
    columns: &'c mut Columns,
    rest: Column,
    /// Members of the current record that fit no column.
    misfits: String,
    /// Row of the chunk that the current record becomes.
    row: usize,
    weight: usize,
    budget: usize,
    output: Output,
}

impl<'p, 'c> Pass<'p, 'c> {
    pub(crate) fn new(
        page: &'p Page<'p>,
        form: &'p Form,
        columns: &'c mut Columns,
        limits: &Limits,
    ) -> Self {
        columns.reset();
        Self {
            page,
            form,
            depth: limits.depth,
            columns,
            rest: Column::declared("", ColumnKind::Json),
            misfits: String::new(),
            row: 0,
            weight: 0,
            budget: budget(limits),
            output: Output::default(),
        }
    }

    /// Goes over the whole page.
    pub(crate) fn run(mut self) -> Result<Output, Error> {
        let mut input = Input::new(self.page.text, self.depth);
        match self.page.layout {
            Layout::Array => self.array(&mut input)?,
            Layout::Lines => self.lines(&mut input)?,
            Layout::One => self.record(&mut input)?,
        }
        if input.scan.peek().is_some() {
            return Err(self.error(input.scan.malformed("the end of the content")));
        }
        self.end_chunk()?;
        Ok(self.output)
    }

    fn array(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        input.scan.advance(1);
        input.scan.space();
        if input.scan.eat(b']') {
            return Ok(());
        }
        loop {
            self.record(input)?;
            input.scan.space();
            if input.scan.eat(b']') {
                return Ok(());
            }
            if !input.scan.eat(b',') {
                return Err(self.error(input.scan.malformed("`,` or `]`")));
            }
            input.scan.space();
        }
    }

    fn lines(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        input.scan.space();
        while input.scan.peek().is_some() {
            self.record(input)?;
            let end = input.scan.pos();
            input.scan.space();
            let between = &input.text[end..input.scan.pos()];
            if input.scan.peek().is_some() && !between.contains('\n') {
                return Err(self.error(input.scan.malformed("the end of the line")));
            }
        }
        Ok(())
    }

    /// Reads the element that starts here.
    fn record(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        let start = input.scan.pos();
        let read = match self.form {
            Form::Rows => self.element(input),
            Form::Exploded(_) | Form::Counted => self.skip(input),
        };
        match (read, self.form) {
            (Ok(()), Form::Counted) => {}
            (Ok(()), Form::Rows) => self.end_row(input.scan.pos() - start)?,
            (Ok(()), Form::Exploded(plan)) => {
                self.explode(&input.text[start..input.scan.pos()], plan)?;
            }
            (Err(Fault::TooDeep { .. }), _) => self.reject(input, start)?,
            (Err(fault), _) => return Err(self.error(fault)),
        }
        self.output.records += 1;
        Ok(())
    }

    /// Moves past the element that starts here, as strictly as if it were read.
    fn skip(&self, input: &mut Input<'_>) -> Result<(), Fault> {
        let start = input.scan.pos();
        let opened = self.page.unwrap && input.scan.peek() == Some(b'{');
        let depth = self.depth.saturating_add(usize::from(opened));
        let mut scan = Scanner::new(input.text.as_bytes(), start, depth);
        scan.value()?;
        input.scan.seek(scan.pos());
        Ok(())
    }

    /// Reads the records that the element `raw` becomes.
    fn explode(&mut self, raw: &str, plan: &ExplodePlan) -> Result<(), Error> {
        let mut record = String::new();
        let mut records = Exploded::new(raw, plan).map_err(|fault| self.error(fault))?;
        while records
            .next(&mut record)
            .map_err(|fault| self.error(fault))?
        {
            self.element(&mut Input::new(&record, self.depth))
                .map_err(|fault| self.error(fault))?;
            self.end_row(record.len().max(records.repeated()))?;
        }
        Ok(())
    }

    fn element(&mut self, input: &mut Input<'_>) -> Result<(), Fault> {
        if self.page.unwrap && input.scan.peek() == Some(b'{') {
            return self.object(input);
        }
        let value = input.value()?;
        let key = &self.page.whole;
        let id = key.name.as_deref().and_then(|n| self.columns.find(n));
        self.member(id, &key.quoted, &value);
        Ok(())
    }

    fn object(&mut self, input: &mut Input<'_>) -> Result<(), Fault> {
        input.scan.advance(1);
        input.scan.space();
        if input.scan.eat(b'}') {
            return Ok(());
        }
        let mut last = None;
        loop {
            let (id, key) = self.key(input, last)?;
            let value = input.value()?;
            self.member(id, key, &value);
            last = id.or(last);
            input.scan.space();
            if input.scan.eat(b'}') {
                return Ok(());
            }
            if !input.scan.eat(b',') {
                return Err(input.scan.malformed("`,` or `}`"));
            }
            input.scan.space();
        }
    }

    /// Reads a key and its colon: its column, and the key as written.
    #[inline]
    fn key<'t>(
        &mut self,
        input: &mut Input<'t>,
        last: Option<usize>,
    ) -> Result<(Option<usize>, &'t str), Fault> {
        let start = input.scan.pos();
        if let Some((id, length)) = self.columns.guess(last, input.scan.rest()) {
            input.scan.advance(length);
            input.scan.colon()?;
            return Ok((Some(id), &input.text[start..start + length]));
        }
        let token = input.scan.key()?;
        let key = &input.text[token.span];
        let id = if token.escaped {
            text::unescaped(key).and_then(|name| self.columns.find(&name))
        } else {
            self.columns.find(text::inner(key))
        };
        if let Some(id) = id {
            self.columns.followed(last, id);
        }
        Ok((id, key))
    }

    /// Puts a member into its column, or else into the rest.
    #[inline]
    fn member(&mut self, id: Option<usize>, key: &str, value: &Value<'_>) {
        let kept = id.is_some_and(|id| self.columns.push(id, self.row, value));
        if !kept {
            let opening = if self.misfits.is_empty() { "{" } else { "," };
            for part in [opening, key, ":", value.raw] {
                self.misfits.push_str(part);
            }
        }
    }

    /// Adds the siblings and the rest to a row of that many `bytes`; ends the chunk if it is full.
    fn end_row(&mut self, bytes: usize) -> Result<(), Error> {
        let page = self.page;
        for sibling in &page.siblings {
            let name = sibling.key.name.as_deref();
            let id = name.and_then(|name| self.columns.find(name));
            // The element's own field wins over the sibling of the same name.
            if id.is_none_or(|id| !self.columns.has(id, self.row)) {
                self.member(id, &sibling.key.quoted, &sibling.value);
            }
        }
        if !self.misfits.is_empty() {
            self.misfits.push('}');
            let rest = Value::new(&self.misfits, Lexeme::Nested, Number::default());
            self.rest.push(self.row, &rest);
            self.misfits.clear();
        }
        self.row += 1;
        let nulls = self.columns.len() * NULL_WEIGHT;
        self.weight += bytes + self.page.repeated + nulls + ROW_WEIGHT;
        if self.row == ROWS || self.weight >= WEIGHT {
            self.end_chunk()?;
        }
        Ok(())
    }

    /// Keeps the element at `start`, which is nested too deep, as a reject.
    fn reject(&mut self, input: &mut Input<'_>, start: usize) -> Result<(), Error> {
        self.columns.undo(self.row);
        self.misfits.clear();
        let mut scan = Scanner::new(input.text.as_bytes(), start, usize::MAX);
        scan.value().map_err(|fault| self.error(fault))?;
        input.scan.seek(scan.pos());
        self.output.rejects.push(Reject {
            index: self.output.records,
            reason: "it is nested deeper than the limit".to_owned(),
            raw: input.text[start..scan.pos()].to_owned(),
            form: RejectForm::Record,
        });
        Ok(())
    }

    fn end_chunk(&mut self) -> Result<(), Error> {
        if self.row == 0 {
            return Ok(());
        }
        self.budget = self.budget.checked_sub(self.weight).ok_or_else(too_large)?;
        let rows = std::mem::take(&mut self.row);
        self.weight = 0;
        self.output.chunks.push(Chunk {
            rows,
            columns: self.columns.finish(rows).map_err(internal)?,
            rest: self.rest.finish(rows).map_err(internal)?,
        });
        Ok(())
    }

    fn error(&self, fault: Fault) -> Error {
        super::malformed(fault, self.page.base).with("record", self.output.records)
    }
}

/// The decoder built something that Arrow refuses.
pub(crate) fn internal(error: ArrowError) -> Error {
    Error::new(ErrorKind::Internal, "decode page", "arrow refuses a batch").with_source(error)
}
