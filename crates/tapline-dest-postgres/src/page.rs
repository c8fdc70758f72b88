//! A page on its way into a table: which column each field goes to, and which rows do not go.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;
use tapline_core::{Batch, RejectForm, RejectedRow, RowOp, column};

use crate::columns::{Column, assign};
use crate::encode::Rows;
use crate::failure::{Failure, Result};
use crate::kind::Kind;
use crate::name::{Table, quote};
use crate::raw;
use crate::refuse::refused;

/// How batches of one schema go into a table.
pub(crate) struct Layout {
    pub(crate) schema: SchemaRef,
    /// The statement that takes their rows.
    pub(crate) copy: String,
    /// By field: the kind of its column.
    kinds: Vec<Kind>,
}

impl Layout {
    /// The layout of batches of `schema`: the one of those before, if they had the same.
    pub(crate) fn known(
        last: &mut Option<Arc<Self>>,
        table: &Table,
        columns: &[Column],
        schema: &SchemaRef,
    ) -> Result<Arc<Self>> {
        let known = last.as_ref().filter(|it| it.schema == *schema);
        let layout = match known {
            Some(layout) => Arc::clone(layout),
            None => Arc::new(Self::new(table, columns, schema)?),
        };
        *last = Some(Arc::clone(&layout));
        Ok(layout)
    }

    /// Each column of `schema` must be in the table, and wide enough.
    pub(crate) fn new(table: &Table, columns: &[Column], schema: &SchemaRef) -> Result<Self> {
        let by_name: HashMap<&str, &Column> = columns
            .iter()
            .map(|column| (column.name.as_str(), column))
            .collect();
        let mut layout = Self {
            schema: schema.clone(),
            copy: String::new(),
            kinds: Vec::new(),
        };
        let mut names = Vec::new();
        for wanted in assign(schema)? {
            let column = by_name.get(wanted.column.as_str());
            let held = column.map(|column| column.kind()).transpose()?;
            let fits = |held: &Kind| wanted.kind.is_none_or(|kind| held.join(kind) == *held);
            let Some(held) = held.filter(fits) else {
                return Err(Failure::NotEvolved {
                    column: wanted.column,
                    wanted: wanted.kind.map_or("null", Kind::sql).to_owned(),
                });
            };
            layout.kinds.push(held);
            names.push(quote(&wanted.column));
        }
        layout.copy = format!(
            "COPY {} ({}) FROM STDIN (FORMAT binary)",
            table.quoted(),
            names.join(", ")
        );
        Ok(layout)
    }

    /// What is wrong with rows of `batch`, by row; the first thing that is found counts.
    fn refused(&self, batch: &RecordBatch) -> HashMap<usize, String> {
        let mut reasons = HashMap::new();
        let fields = self.schema.fields().iter().zip(&self.kinds);
        for ((field, kind), array) in fields.zip(batch.columns()) {
            for (row, reason) in refused(array.as_ref(), *kind) {
                let name = field.name();
                let reason = || format!("column {name:?} {reason}");
                reasons.entry(row).or_insert_with(reason);
            }
        }
        reasons
    }
}

/// A row that does not go into the table.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) row: RejectedRow,
    /// The row as JSON.
    pub(crate) raw: String,
    pub(crate) form: RejectForm,
    pub(crate) origin: Origin,
}

/// Where a row comes from, as it says itself.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) run: Option<String>,
    pub(crate) request: Option<String>,
}

impl Origin {
    fn of(batch: &RecordBatch, row: usize) -> Self {
        let text = |name: &str| {
            let texts = batch.column_by_name(name)?.as_string_opt::<i32>()?;
            texts.is_valid(row).then(|| texts.value(row).to_owned())
        };
        Self {
            run: text(column::RUN_ID),
            request: text(column::REQUEST_ID),
        }
    }
}

/// The rows of one batch that go into the table.
pub(crate) struct Part<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) rows: Rows<'a>,
    batch: &'a RecordBatch,
    /// The child table whose rows they are.
    child: Option<&'a str>,
    /// Rows of the page before the batch.
    before: usize,
}

impl<'a> Part<'a> {
    /// The rows of `batch`, of which `before` precede it on its page, and those that are refused.
    pub(crate) fn new(layout: &'a Layout, batch: &'a Batch, before: usize) -> (Self, Vec<Refused>) {
        let (batch, child) = (&batch.records, batch.child.as_deref());
        let reasons = layout.refused(batch);
        let is_taken = |row: &usize| !reasons.contains_key(row);
        let numbers = (0..batch.num_rows()).filter(is_taken).collect();
        let part = Self {
            layout,
            rows: Rows::new(&layout.kinds, batch, numbers),
            batch,
            child,
            before,
        };
        let mut refused: Vec<Refused> = reasons
            .into_iter()
            .map(|(row, reason)| part.refuse(row, reason))
            .collect();
        refused.sort_by_key(|refused| refused.row.row);
        (part, refused)
    }

    /// All of the rows that go.
    pub(crate) fn all(&self) -> Range<usize> {
        0..self.rows.numbers.len()
    }

    /// What is kept of the row number `row` of the batch.
    pub(crate) fn refuse(&self, row: usize, reason: String) -> Refused {
        Refused {
            row: RejectedRow {
                row: (self.before + row) as u64,
                reason,
            },
            raw: match self.child {
                None => raw::json(self.batch, row),
                Some(child) => raw::of_child(child, self.batch, row),
            },
            form: match self.child {
                None => RejectForm::Row,
                Some(_) => RejectForm::Child,
            },
            origin: Origin::of(self.batch, row),
        }
    }
}

/// Fails if a row asks for more than to be added.
pub(crate) fn check_ops(batch: &Batch) -> Result<()> {
    let ops = batch.ops.as_deref().unwrap_or_default();
    match ops.iter().find(|op| **op != RowOp::Insert) {
        None => Ok(()),
        Some(op) => Err(Failure::Refused(format!(
            "a row asks for {op:?}; the postgres destination only inserts"
        ))),
    }
}
