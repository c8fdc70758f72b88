//! Page bytes to Arrow.
//!
//! A [`Decoder`] lives as long as its stream. It goes over the content of a page once: each
//! member's text is classified by its first byte and appended to its column, nested values as
//! the text they are; no tree is built. The set of columns only grows and a column's type only
//! widens. A page whose later records widen a column is read a second time, with every type
//! known by then, so that all its batches share one schema and keep the numbers as written.
//!
//! What has no place is kept as received: fields beyond the column limit, with tapline's own
//! prefix, given twice, of a wrong type for a declared column, or with a lone surrogate go to
//! `_tapline_rest`; an element nested too deep becomes a reject. Text that is not JSON cannot be
//! skipped safely, so it fails the page.

pub(crate) mod balance;
mod column;
mod columns;
pub(crate) mod explode;
mod input;
mod kind;
mod number;
mod object;
mod page;
mod pass;
pub(crate) mod scan;
mod schema;
mod stamp;
pub(crate) mod text;

#[cfg(test)]
mod tests;

use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use arrow_schema::SchemaRef;
use tapline_core::{Batch, Error, ErrorKind, Limits, Reject};
use tapline_spec::{ColumnPlan, ContentPlan, ExplodePlan};

use self::columns::Columns;
pub(crate) use self::input::Input;
pub(crate) use self::kind::{Seen, Value};
pub(crate) use self::number::{EXACT, Scalar, scalar};
pub(crate) use self::object::Objects;
use self::page::Page;
use self::pass::{Chunk, Pass, internal};
use self::scan::Fault;
pub(crate) use self::schema::{instant, json};
pub use self::stamp::Stamp;
pub(crate) use self::text::quote;
use crate::locate::Located;

/// Turns the pages of one stream into batches.
#[derive(Debug)]
pub struct Decoder {
    content: ContentPlan,
    form: Form,
    columns: Columns,
    limits: Limits,
    schema: SchemaRef,
}

/// What becomes of an element.
#[derive(Debug)]
enum Form {
    /// A row.
    Rows,
    /// A row for each record in the array that the plan finds in it.
    Exploded(ExplodePlan),
    /// Nothing: it is counted.
    Counted,
}

/// A page, decoded.
#[derive(Debug)]
pub struct Decoded {
    /// The rows; all batches have the schema [`Decoded::schema`].
    pub batches: Vec<Batch>,
    /// Elements that became no row.
    pub rejects: Vec<Reject>,
    /// Elements the content held, rejects included. Each became one row, or as many as `explode`
    /// made of it.
    pub records: u64,
    /// The decoder's schema after this page.
    pub schema: SchemaRef,
    /// Whether this page added a column or widened one.
    pub widened: bool,
}

impl Decoder {
    /// A decoder that knows the declared `columns` and has seen no page.
    pub fn new(content: ContentPlan, columns: Vec<ColumnPlan>, limits: &Limits) -> Self {
        let columns = Columns::new(&columns, limits.columns);
        Self {
            content,
            form: Form::Rows,
            schema: schema::schema(columns.fields()),
            columns,
            limits: *limits,
        }
    }

    /// The same, making records of the array that `plan` finds in each element.
    pub fn exploding(mut self, plan: Option<ExplodePlan>) -> Self {
        self.form = plan.map_or(Form::Rows, Form::Exploded);
        self
    }

    /// The same, making no rows at all.
    pub(crate) fn counting(mut self) -> Self {
        self.form = Form::Counted;
        self
    }

    /// The schema of the batches so far. A column in which nothing but nulls was seen has the
    /// type `Null`, which every other type widens.
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    /// Decodes the page that `located` describes, of the same `body`.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] if the content is not JSON or not UTF-8, naming byte and record;
    /// [`ErrorKind::Limit`] if the body, or what its rows repeat, is too large.
    pub fn decode(
        &mut self,
        body: &[u8],
        located: &Located,
        stamp: &Stamp,
    ) -> Result<Decoded, Error> {
        let body = located.text(body);
        if body.len() > pass::MAX_BODY {
            return Err(Error::new(
                ErrorKind::Limit,
                "decode page",
                "the body is too large",
            ));
        }
        let output = match Page::new(&self.content, body, located)? {
            Some(page) => self.read(&page)?,
            None => pass::Output::default(),
        };
        let schema = schema::schema(self.columns.fields());
        let widened = schema != self.schema;
        if widened {
            self.schema = schema;
        }
        let chunks = output.chunks.into_iter();
        Ok(Decoded {
            batches: chunks
                .map(|chunk| self.batch(chunk, stamp))
                .collect::<Result<_, Error>>()?,
            rejects: output.rejects,
            records: output.records,
            schema: self.schema(),
            widened,
        })
    }

    fn read(&mut self, page: &Page<'_>) -> Result<pass::Output, Error> {
        let mut output = Pass::new(page, &self.form, &mut self.columns, &self.limits).run()?;
        if self.columns.is_stale() {
            drop(output);
            output = Pass::new(page, &self.form, &mut self.columns, &self.limits).run()?;
        }
        output.check_width(self.columns.len(), &self.limits)?;
        Ok(output)
    }

    /// A batch of the current schema: columns that came after the chunk are null in it.
    fn batch(&self, chunk: Chunk, stamp: &Stamp) -> Result<Batch, Error> {
        let fields = self.schema.fields().iter().take(self.columns.len());
        let mut columns: Vec<ArrayRef> = fields
            .enumerate()
            .map(|(index, field)| match chunk.columns.get(index) {
                Some(array) if array.data_type() == field.data_type() => ArrayRef::clone(array),
                _ => new_null_array(field.data_type(), chunk.rows),
            })
            .collect();
        columns.extend(stamp.columns(chunk.rows));
        columns.push(chunk.rest);
        let records = RecordBatch::try_new(self.schema(), columns).map_err(internal)?;
        Ok(Batch::insert(records))
    }
}

/// The error for text that is not JSON, in content that starts at `base`.
fn malformed(fault: Fault, base: usize) -> Error {
    let (at, message) = match fault {
        Fault::Malformed { at, expected } => {
            (at, format!("the body is not JSON: expected {expected}"))
        }
        Fault::TooDeep { at } => (at, "the body is nested too deep".to_owned()),
    };
    Error::new(ErrorKind::Protocol, "decode page", message).with("byte", base + at)
}
