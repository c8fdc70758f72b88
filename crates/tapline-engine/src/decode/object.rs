//! The objects of one column, decoded into columns of their own: as a page of them would be.

use arrow_array::{ArrayRef, new_empty_array, new_null_array};
use arrow_schema::{DataType, Field};
use arrow_select::concat::concat;
use tapline_core::{Error, Limits};

use super::Form;
use super::columns::Columns;
use super::page::{Key, Layout, Page};
use super::pass::{Chunk, Pass, internal};

/// Decodes the objects of a column. Its columns only grow and widen.
#[derive(Debug)]
pub(crate) struct Objects {
    columns: Columns,
    limits: Limits,
}

/// Objects, decoded: a row for each.
pub(crate) struct Members {
    /// Each member and its values.
    pub(crate) columns: Vec<(Field, ArrayRef)>,
    /// What fits none of them.
    pub(crate) rest: ArrayRef,
}

impl Objects {
    /// Room for `columns` members.
    pub(crate) fn new(columns: usize, limits: Limits) -> Self {
        // The page was no deeper than is allowed, and they are a part of it.
        let limits = Limits {
            depth: usize::MAX,
            ..limits
        };
        Self {
            columns: Columns::new(&[], columns),
            limits,
        }
    }

    /// Decodes `array`, a JSON array of objects.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn decode(&mut self, array: &str) -> Result<Members, Error> {
        let page = Page {
            text: array,
            base: 0,
            layout: Layout::Array,
            siblings: Vec::new(),
            repeated: 0,
            unwrap: true,
            whole: Key {
                quoted: String::new(),
                name: None,
            },
        };
        let mut output = Pass::new(&page, &Form::Rows, &mut self.columns, &self.limits).run()?;
        if self.columns.is_stale() {
            output = Pass::new(&page, &Form::Rows, &mut self.columns, &self.limits).run()?;
        }
        output.check_width(self.columns.len(), &self.limits)?;
        let fields = self.columns.fields().enumerate();
        let columns = fields.map(|(index, field)| {
            let array = united(&output.chunks, &field, index)?;
            Ok((field, array))
        });
        let columns = columns.collect::<Result<_, Error>>()?;
        let rest: Vec<_> = output.chunks.iter().map(|it| &*it.rest).collect();
        Ok(Members {
            columns,
            rest: match rest.is_empty() {
                true => new_empty_array(&DataType::Utf8),
                false => concat(&rest).map_err(internal)?,
            },
        })
    }
}

/// Column `index` of all `chunks`; null in those that ended before it was found.
fn united(chunks: &[Chunk], field: &Field, index: usize) -> Result<ArrayRef, Error> {
    let parts = chunks.iter().map(|chunk| match chunk.columns.get(index) {
        Some(array) if array.data_type() == field.data_type() => ArrayRef::clone(array),
        _ => new_null_array(field.data_type(), chunk.rows),
    });
    let parts: Vec<ArrayRef> = parts.collect();
    if parts.is_empty() {
        return Ok(new_empty_array(field.data_type()));
    }
    let parts: Vec<_> = parts.iter().map(|part| &**part).collect();
    concat(&parts).map_err(internal)
}
