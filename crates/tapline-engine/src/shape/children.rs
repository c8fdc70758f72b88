//! Child tables: what is nested in a column becomes rows of a table of their own, one for each element
//! of a list.
//!
//! A row leads to its children by the run, the request and its number on the page, which all of them
//! hold. Every version of a record has its own children, so the latest one leads to the latest.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::take::take;
use serde_json::value::RawValue;
use tapline_core::{Batch, Error, ErrorKind, Limits, Result, TableRef, column};

use super::cell::{Cell, Cells};
use super::rest::{WITHHELD, hides_within};
use super::shaper::{Columns, internal};
use super::{JOIN, Nested, Shape, Shaper};
use crate::decode::{Objects, json};

/// The column of elements that are no objects.
const VALUE: &str = "value";
/// Elements of one page for one child table. Each takes some hundred bytes until it is a row.
const MOST: usize = 200_000;
/// What a child has from its parent's page.
const STAMPS: [&str; 3] = [column::RUN_ID, column::REQUEST_ID, column::EXTRACTED_AT];
/// Columns of a child table that are not the source's.
const OWN: usize = STAMPS.len() + 3;

/// The child tables of a run, page after page. Their columns only come and widen.
#[derive(Debug)]
pub struct Children(Vec<Child>);

#[derive(Debug)]
struct Child {
    /// The column, by the source's name.
    column: String,
    /// The column in the rows that are to be split.
    called: String,
    /// The name of the child table.
    table: Arc<str>,
    objects: Objects,
    shaper: Shaper,
}

/// The rows of one child table on one page.
#[derive(Default)]
struct Elements {
    /// As a JSON array of objects.
    page: String,
    parents: Vec<i64>,
    positions: Vec<i64>,
}

impl Children {
    /// The child tables that `shape` asks for beside `table`.
    pub fn new(shape: &Arc<Shape>, table: &TableRef, limits: Limits) -> Self {
        let child = |column: &String| {
            let called = shape.called(column, "");
            Child {
                table: format!("{}{JOIN}{called}", table.name).into(),
                column: column.clone(),
                called,
                objects: Objects::new(limits.columns.saturating_sub(OWN), limits),
                shaper: Shaper::new(Arc::clone(shape), limits),
            }
        };
        Self(shape.child_columns().map(child).collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each column that becomes a child table, by the source's name, and the name of that table.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&str, &Arc<str>)> {
        let all = self.0.iter();
        all.map(|child| (child.column.as_str(), &child.table))
    }

    /// Takes out of `batches`, the rows of one page with their numbers, what goes to child tables, and
    /// adds it at the end: a batch for each child table, if there is a row at all or only a schema.
    ///
    /// # Errors
    /// Two columns of a child table would have one name.
    pub fn split(&mut self, batches: Vec<Batch>) -> Result<Vec<Batch>> {
        if self.is_empty() || batches.is_empty() {
            return Ok(batches);
        }
        let parts = self.0.iter_mut().map(|child| child.rows(&batches));
        let parts: Vec<Batch> = parts.collect::<Result<_>>()?;
        let stripped = batches.into_iter().map(|batch| {
            let records = self.strip(&batch.records)?;
            Ok(Batch { records, ..batch })
        });
        let mut all: Vec<Batch> = stripped.collect::<Result<_>>()?;
        all.extend(parts);
        Ok(all)
    }

    /// `records` without the columns that go to child tables.
    fn strip(&self, records: &RecordBatch) -> Result<RecordBatch> {
        let schema = records.schema_ref();
        let stays = |at: &usize| {
            let name = schema.field(*at).name();
            self.0.iter().all(|child| child.called != *name)
        };
        let stays: Vec<usize> = (0..records.num_columns()).filter(stays).collect();
        records.project(&stays).map_err(internal)
    }
}

impl Child {
    fn rows(&mut self, batches: &[Batch]) -> Result<Batch> {
        let shape = &Arc::clone(&self.shaper.shape);
        let hides = hides_within(shape, &self.column);
        let mut elements = Elements::default();
        for batch in batches {
            let taken = elements.take(&batch.records, &self.called, hides);
            taken.map_err(|error| error.with("table", &self.table))?;
        }
        elements.page.push_str(if elements.parents.is_empty() {
            "[]"
        } else {
            "]"
        });
        let Elements {
            page,
            parents,
            positions,
        } = elements;
        let rows = parents.len();
        let members = self.objects.decode(&page);
        let members = members.map_err(|error| error.with("table", &self.table))?;
        let mut columns = Columns::new(rows);
        let taken = OWN + members.columns.len();
        let mut room = self.shaper.limits.columns.saturating_sub(taken);
        for (member, array) in &members.columns {
            let name = member.name().clone();
            let inner = member
                .clone()
                .with_name(format!("{}{JOIN}{name}", self.column));
            let (shaper, out) = (&mut self.shaper, &mut columns);
            shaper.column(shape, &inner, array, Some(name), out, &mut room)?;
        }
        let rest = Field::new(column::REST, DataType::Utf8, true);
        let held = match hides {
            true => {
                let cells = Cells::new(&members.rest, &json(rest.clone())).map_err(internal)?;
                let is_held = |row: &usize| cells.get(*row) != Cell::Null;
                for row in (0..rows).filter(is_held) {
                    columns.rest.add(row, VALUE, WITHHELD);
                }
                arrow_array::new_null_array(&DataType::Utf8, rows)
            }
            false => ArrayRef::clone(&members.rest),
        };
        let held = std::mem::take(&mut columns.rest).into_rest(&held);
        for name in STAMPS {
            let (field, array) = stamp(batches, name, rows)?;
            columns.push(field, array)?;
        }
        columns.push(json(rest), held)?;
        for (name, numbers) in [(column::ROW, parents), (column::POSITION, positions)] {
            let numbers = Arc::new(Int64Array::from(numbers));
            columns.push(Field::new(name, DataType::Int64, true), numbers)?;
        }
        let records = columns.into_batch()?;
        Ok(Batch {
            child: Some(Arc::clone(&self.table)),
            ..Batch::insert(records)
        })
    }
}

impl Elements {
    /// Adds what the column `called` of `records` holds.
    fn take(&mut self, records: &RecordBatch, called: &str, hides: bool) -> Result<()> {
        let schema = records.schema_ref();
        let Some((at, field)) = schema.column_with_name(called) else {
            return Ok(());
        };
        let numbers = records.column_by_name(column::ROW);
        let numbers = numbers.and_then(|it| integers(it));
        let cells = Cells::new(records.column(at), field).map_err(internal)?;
        for row in 0..records.num_rows() {
            let number = numbers.map_or(row as i64, |numbers| numbers.value(row));
            let cell = cells.get(row);
            let Some(text) = cell.json() else { continue };
            match serde_json::from_str::<Vec<&RawValue>>(&text) {
                Ok(list) => {
                    for (position, element) in list.into_iter().enumerate() {
                        self.add(element.get(), number, position, hides)?;
                    }
                }
                Err(_) => self.add(&text, number, 0, hides)?,
            }
        }
        Ok(())
    }

    fn add(&mut self, element: &str, parent: i64, position: usize, hides: bool) -> Result<()> {
        if self.parents.len() == MOST {
            let message = format!(
                "the records of a page have more than {MOST} elements for a child table; ask for smaller \
                 pages, or write `nested: json`"
            );
            return Err(Error::new(ErrorKind::Limit, "shape rows", message));
        }
        self.page
            .push(if self.parents.is_empty() { '[' } else { ',' });
        self.parents.push(parent);
        self.positions.push(position as i64);
        match element {
            "null" => self.page.push_str("{}"),
            object if object.starts_with('{') => self.page.push_str(object),
            other => {
                let shown = match hides && may_hold(other) {
                    true => WITHHELD,
                    false => other,
                };
                for part in ["{\"", VALUE, "\":", shown, "}"] {
                    self.page.push_str(part);
                }
            }
        }
        Ok(())
    }
}

/// Whether something that is hidden may stand in `element`: a list may hold it, and so may a text that is
/// JSON, or one that nobody can read.
fn may_hold(element: &str) -> bool {
    match serde_json::from_str::<String>(element) {
        Ok(text) => text.trim_start().starts_with(['{', '[']),
        Err(_) => element.starts_with(['"', '[']),
    }
}

/// The column `name` of the page, which is the same in all of its rows, `rows` times.
fn stamp(batches: &[Batch], name: &str, rows: usize) -> Result<(Field, ArrayRef)> {
    let held = batches.iter().find(|batch| rows == 0 || batch.rows() > 0);
    let held = held.and_then(|batch| {
        let (at, field) = batch.records.schema_ref().column_with_name(name)?;
        Some((field.clone(), batch.records.column(at)))
    });
    let Some((field, array)) = held else {
        let field = Field::new(name, DataType::Utf8, true);
        return Ok((field, arrow_array::new_null_array(&DataType::Utf8, rows)));
    };
    let first = UInt32Array::from(vec![0; rows]);
    Ok((field, take(array, &first, None).map_err(internal)?))
}

/// The numbers by which the rows of a page are known to their children.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    /// Of each row, as far as they are known.
    pub known: Vec<Option<i64>>,
    /// That of the first row; the others follow it.
    pub first: i64,
}

impl Numbers {
    fn get(&self, row: usize) -> i64 {
        let known = self.known.get(row).copied().flatten();
        known.unwrap_or(self.first.saturating_add(row as i64))
    }
}

/// `batches`, the rows of one page, with their `numbers`.
///
/// # Errors
/// Arrow refuses them.
pub fn numbered(batches: Vec<Batch>, numbers: &Numbers) -> Result<Vec<Batch>> {
    let mut before = 0;
    let number = |batch: Batch| {
        let rows = before..before + batch.rows();
        before = rows.end;
        let own: Int64Array = rows.map(|row| numbers.get(row)).collect();
        let schema = with_number(batch.records.schema_ref());
        let mut columns = batch.records.columns().to_vec();
        columns.push(Arc::new(own));
        let records = RecordBatch::try_new(schema, columns).map_err(internal)?;
        Ok(Batch { records, ..batch })
    };
    batches.into_iter().map(number).collect()
}

/// Where among the rows of `batches`, without those of child tables, those with each number are.
pub(crate) fn places_of(batches: &[Batch]) -> HashMap<i64, u64> {
    let own = batches.iter().filter(|batch| batch.child.is_none());
    let numbers = own.filter_map(|batch| {
        let numbers = integers(batch.records.column_by_name(column::ROW)?)?;
        Some(numbers.values().iter().copied())
    });
    numbers.flatten().zip(0..).collect()
}

/// Which row, by `places`, has the child that is row `index` of a child table, whose rows have `numbers`.
pub(crate) fn parent(
    places: &HashMap<i64, u64>,
    numbers: Option<&dyn Array>,
    index: u64,
) -> Option<u64> {
    let numbers = integers(numbers?)?.values();
    let number = numbers.get(usize::try_from(index).ok()?)?;
    places.get(number).copied()
}

fn integers(array: &dyn Array) -> Option<&Int64Array> {
    array.as_any().downcast_ref()
}

fn with_number(schema: &Schema) -> SchemaRef {
    let mut fields = schema.fields().to_vec();
    fields.push(Arc::new(Field::new(column::ROW, DataType::Int64, true)));
    Arc::new(Schema::new(fields))
}

impl Shape {
    /// The columns that become child tables, by the source's names.
    pub(super) fn child_columns(&self) -> impl Iterator<Item = &String> {
        let all = self.columns.iter();
        let children = all.filter(|(_, of)| of.nested == Some(Nested::ChildTable) && !of.drop);
        children.map(|(name, _)| name)
    }

    /// How the columns that become child tables are called in the table.
    pub fn children(&self) -> impl Iterator<Item = String> {
        self.child_columns().map(|name| self.called(name, ""))
    }

    /// `schema` as the table has it: without what goes to child tables, and with what leads there.
    pub(super) fn of_parent(&self, schema: SchemaRef) -> SchemaRef {
        let children: Vec<String> = self.children().collect();
        if children.is_empty() {
            return schema;
        }
        let fields = schema.fields().iter();
        let fields = fields.filter(|field| !children.contains(field.name()));
        with_number(&Schema::new(fields.cloned().collect::<Vec<_>>()))
    }

    /// The child tables of rows that are in this shape already.
    #[must_use]
    pub(crate) fn of_children(&self) -> Self {
        let mut shape = Self {
            nested: self.nested,
            contracts: self.contracts,
            mask_key: self.mask_key.clone(),
            ..Self::default()
        };
        for name in self.child_columns() {
            let called = self.called(name, "");
            let parts = self.columns.range(name.clone()..);
            for (part, of) in parts.take_while(|(part, _)| part.starts_with(name.as_str())) {
                let suffix = &part[name.len()..];
                if suffix.is_empty() {
                    let of = super::ColumnShape {
                        rename: None,
                        ..of.clone()
                    };
                    shape.columns.insert(called.clone(), of);
                } else if suffix.starts_with(JOIN) {
                    shape
                        .columns
                        .insert(format!("{called}{suffix}"), of.clone());
                }
            }
        }
        shape
    }

    /// Whether something is hidden in a child table.
    pub(crate) fn hides_in_children(&self) -> bool {
        let mut children = self.child_columns();
        children.any(|name| hides_within(self, name))
    }
}
