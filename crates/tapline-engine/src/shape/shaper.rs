//! Brings the batches of one run into the shape that its pipeline asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use tapline_core::{Batch, Error, ErrorKind, Limits, Reject, Result, column, is_json};

use super::cell::{Cell, Cells};
use super::fit::{Fitted, Manner, fit};
use super::nest::Nesting;
use super::rest::{Additions, WITHHELD, hides_within, scrubbed};
use super::{Constant, JOIN, Nested, Shape, mask};
use crate::decode::{Objects, json};

/// Levels that are flattened; what is nested deeper stays JSON.
const DEEPEST: usize = 16;

/// Shapes the batches of a run, page after page. What it has found in nested values it goes on with,
/// so that columns only come and widen.
#[derive(Debug)]
pub struct Shaper {
    pub(super) shape: Arc<Shape>,
    pub(super) limits: Limits,
    /// The columns that are taken apart, by the source's name.
    apart: BTreeMap<String, Apart>,
    /// The columns of structs and lists, by the source's name.
    nestings: BTreeMap<String, Nesting>,
    /// Bytes that members of structs may still take in rows of the page that do not have them.
    padding: usize,
}

/// A column that is taken apart.
#[derive(Debug)]
struct Apart {
    objects: Objects,
    /// What it was, if anything but objects was seen in it.
    whole: Option<Field>,
}

/// The columns that a batch becomes.
pub(super) struct Columns {
    rows: usize,
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
    names: BTreeSet<String>,
    pub(super) rest: Additions,
}

impl Shaper {
    /// Has shaped nothing yet.
    pub fn new(shape: Arc<Shape>, limits: Limits) -> Self {
        Self {
            shape,
            limits,
            apart: BTreeMap::new(),
            nestings: BTreeMap::new(),
            padding: 0,
        }
    }

    /// The columns of the table that rows with the columns `schema` go to, as far as these tell: without
    /// those that become child tables.
    ///
    /// # Errors
    /// Two of them would have one name.
    pub fn schema(&mut self, schema: &SchemaRef) -> Result<SchemaRef> {
        if self.shape.is_plain() {
            return Ok(SchemaRef::clone(schema));
        }
        let shaped = self.batch(&RecordBatch::new_empty(SchemaRef::clone(schema)))?;
        Ok(self.shape.of_parent(shaped.schema()))
    }

    /// Shapes `batches`, the rows of one page, which all have one schema then. What goes to child tables
    /// is a column still, for [`Children`](super::Children) to take.
    ///
    /// # Errors
    /// Two columns would have one name.
    pub fn shape(&mut self, batches: Vec<Batch>) -> Result<Vec<Batch>> {
        if self.shape.is_plain() {
            return Ok(batches);
        }
        let mut shaped = self.all(&batches)?;
        let last = shaped.last().map(RecordBatch::schema);
        // A later one has brought a column, or a wider one.
        if shaped.iter().any(|it| Some(it.schema()) != last) {
            shaped = self.all(&batches)?;
        }
        let both = batches.into_iter().zip(shaped);
        Ok(both
            .map(|(batch, records)| Batch { records, ..batch })
            .collect())
    }

    /// What is kept of a record that became no row: nothing, if something is hidden. In a record as it was
    /// sent, that may stand anywhere and under any name.
    pub fn guard(&self, reject: &mut Reject) {
        if self.shape.hides() {
            WITHHELD.clone_into(&mut reject.raw);
        }
    }

    fn all(&mut self, batches: &[Batch]) -> Result<Vec<RecordBatch>> {
        // Values that are there take about as much, so only those that are not can exceed it.
        self.padding = self.limits.page_bytes.saturating_mul(2);
        let shaped = batches.iter().map(|batch| self.batch(&batch.records));
        shaped.collect()
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let shape = Arc::clone(&self.shape);
        let mut columns = Columns::new(batch.num_rows());
        let schema = batch.schema();
        let mut all: Vec<_> = schema.fields().iter().zip(batch.columns()).collect();
        let own =
            all.split_off(all.partition_point(|(it, _)| !it.name().starts_with(column::PREFIX)));
        let mut room = self
            .limits
            .columns
            .saturating_sub(all.len() + shape.constants.len());
        for (field, array) in all {
            self.column(&shape, field, array, None, &mut columns, &mut room)?;
        }
        for (name, constant) in &shape.constants {
            let (field, array) = constant.column(name, columns.rows);
            columns.push(field, array)?;
        }
        let mut rest = Some(std::mem::take(&mut columns.rest));
        for (field, array) in own {
            let array = match rest.take_if(|_| field.name() == column::REST) {
                Some(rest) => rest.into_rest(&scrubbed(array, &shape)),
                None => ArrayRef::clone(array),
            };
            columns.push(field.as_ref().clone(), array)?;
        }
        columns.into_batch()
    }

    /// What the column `field` becomes, in a table where it is called `called` unless a name is given.
    pub(super) fn column(
        &mut self,
        shape: &Shape,
        field: &Field,
        array: &ArrayRef,
        called: Option<String>,
        columns: &mut Columns,
        room: &mut usize,
    ) -> Result<()> {
        let name = field.name();
        let of = shape.columns.get(name);
        if of.is_some_and(|of| of.drop) {
            return Ok(());
        }
        let renamed = of.and_then(|of| of.rename.clone());
        let called = renamed.or(called).unwrap_or_else(|| name.clone());
        let (cast, mask) = of.map_or((None, false), |of| (of.cast, of.mask));
        let own = of.and_then(|of| of.nested);
        let nested = own.unwrap_or(shape.nested);
        if nested == Nested::ChildTable {
            return columns.push(field.clone().with_name(&called), ArrayRef::clone(array));
        }
        let hides = hides_within(shape, name);
        if hides && !mask && (is_json(field) || *field.data_type() == DataType::Utf8) {
            // Whatever else is asked for, what is hidden must be found.
            return self.take_apart(shape, field, array, &called, columns, room);
        }
        if cast.is_none() && !mask {
            if nested == Nested::Drop && is_json(field) {
                return Ok(());
            }
            if nested == Nested::Struct && is_json(field) {
                return self.nest(field, array, &called, columns, room);
            }
            let is_mixed = *field.data_type() == DataType::Utf8
                && (own == Some(Nested::Flatten) || self.apart.contains_key(name));
            let is_shallow = name.matches(JOIN).count() < DEEPEST;
            if nested == Nested::Flatten && is_shallow && (is_json(field) || is_mixed) {
                return self.take_apart(shape, field, array, &called, columns, room);
            }
        }
        let (mut to, mut array) = (field.clone().with_name(&called), ArrayRef::clone(array));
        if let Some(cast) = cast {
            to = cast.field(&called);
            let Fitted {
                array: fitted,
                misfits,
            } = fit(&array, field, &to, Manner::Asked).map_err(internal)?;
            if !mask {
                columns.keep(&misfits, &called, &array, field)?;
            }
            array = fitted;
        }
        if mask {
            array = masked(shape, &to, &array).map_err(internal)?;
            to = Field::new(&called, DataType::Utf8, true);
        }
        columns.push(to, array)
    }

    /// Makes structs and lists of a column of JSON.
    fn nest(
        &mut self,
        field: &Field,
        array: &ArrayRef,
        called: &str,
        columns: &mut Columns,
        room: &mut usize,
    ) -> Result<()> {
        let nesting = self.nestings.entry(field.name().clone());
        let nesting = nesting.or_insert_with(|| Nesting::new(*room));
        let nested = nesting.column(array, called, &mut self.padding);
        let (field, array) = nested.map_err(internal)?;
        *room = room.saturating_sub(nesting.members());
        columns.push(field, array)
    }

    /// Makes columns of the members of the objects in a column.
    fn take_apart(
        &mut self,
        shape: &Shape,
        field: &Field,
        array: &ArrayRef,
        called: &str,
        columns: &mut Columns,
        room: &mut usize,
    ) -> Result<()> {
        let name = field.name();
        let hides = hides_within(shape, name);
        let limits = self.limits;
        let apart = self.apart.entry(name.clone()).or_insert_with(|| Apart {
            objects: Objects::new(*room, limits),
            whole: None,
        });
        let cells = Cells::new(array, field).map_err(internal)?;
        let mut page = String::from("[");
        let mut others = StringBuilder::new();
        let mut has_others = false;
        for row in 0..array.len() {
            if row > 0 {
                page.push(',');
            }
            let cell = cells.get(row);
            let text = cell.text().map(|text| text.into_owned());
            match cell.object() {
                Some(object) => {
                    page.push_str(&object);
                    others.append_null();
                }
                None => {
                    page.push_str("{}");
                    has_others |= text.is_some();
                    // A list may hold what is hidden, and so may a text that is JSON.
                    let is_nested = |text: &String| text.trim_start().starts_with(['[', '{']);
                    match text {
                        Some(text) if hides && is_nested(&text) => others.append_value(WITHHELD),
                        text => others.append_option(text),
                    }
                }
            }
        }
        page.push(']');
        drop(cells);
        if has_others || apart.whole.is_some() {
            apart.whole = Some(field.clone().with_name(called));
        }
        if let Some(whole) = apart.whole.clone() {
            columns.push(whole, Arc::new(others.finish()))?;
        }
        let members = apart.objects.decode(&page)?;
        drop(page);
        *room = room.saturating_sub(members.columns.len());
        let rest = Field::new("", DataType::Utf8, true);
        let rests = Cells::new(&members.rest, &json(rest)).map_err(internal)?;
        for row in 0..members.rest.len() {
            match rests.get(row) {
                Cell::Json(_) if hides => columns.rest.add(row, called, WITHHELD),
                Cell::Json(text) => columns.rest.add(row, called, &text),
                _ => {}
            }
        }
        for (member, array) in &members.columns {
            let inner = format!("{name}{JOIN}{}", member.name());
            let called = format!("{called}{JOIN}{}", member.name());
            let member = member.clone().with_name(inner);
            self.column(shape, &member, array, Some(called), columns, room)?;
        }
        Ok(())
    }
}

impl Columns {
    /// None yet, of a batch of so many `rows`.
    pub(super) fn new(rows: usize) -> Self {
        Self {
            rows,
            fields: Vec::new(),
            arrays: Vec::new(),
            names: BTreeSet::new(),
            rest: Additions::default(),
        }
    }

    /// The batch that they are.
    pub(super) fn into_batch(self) -> Result<RecordBatch> {
        let schema = Arc::new(Schema::new(self.fields));
        RecordBatch::try_new(schema, self.arrays).map_err(internal)
    }

    /// Adds the column `field`.
    pub(super) fn push(&mut self, field: Field, array: ArrayRef) -> Result<()> {
        let name = field.name();
        if !self.names.insert(name.clone()) {
            return Err(Error::new(
                ErrorKind::Spec,
                "shape rows",
                format!(
                    "two columns would be called `{name}`; `schema.columns` of the pipeline can \
                     rename or drop one of them"
                ),
            ));
        }
        self.fields.push(field);
        self.arrays.push(array);
        Ok(())
    }

    /// Keeps the values of `rows` in the rest, under the name of the column that does not take them.
    fn keep(&mut self, rows: &[usize], name: &str, array: &ArrayRef, field: &Field) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let cells = Cells::new(array, field).map_err(internal)?;
        for row in rows {
            if let Some(raw) = cells.get(*row).member() {
                self.rest.add(*row, name, &raw);
            }
        }
        Ok(())
    }
}

impl Constant {
    fn column(&self, name: &str, rows: usize) -> (Field, ArrayRef) {
        let array: ArrayRef = match self {
            Self::Boolean(value) => Arc::new(BooleanArray::from(vec![*value; rows])),
            Self::Integer(value) => Arc::new(Int64Array::from(vec![*value; rows])),
            Self::Number(value) => Arc::new(Float64Array::from(vec![*value; rows])),
            Self::Text(value) => Arc::new(StringArray::from(vec![value.as_str(); rows])),
        };
        (Field::new(name, array.data_type().clone(), true), array)
    }
}

fn masked(shape: &Shape, field: &Field, array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let cells = Cells::new(array, field)?;
    let mut texts = StringBuilder::new();
    for row in 0..array.len() {
        let cell = cells.get(row);
        texts.append_option(mask::of_cell(&cell, shape.mask_key.as_ref()));
    }
    Ok(Arc::new(texts.finish()))
}

pub(super) fn internal(error: ArrowError) -> Error {
    Error::new(ErrorKind::Internal, "shape rows", "arrow refuses a batch").with_source(error)
}
