//! The columns of a stream: found by key, added as they come, never lost.

use std::collections::HashMap;

use arrow_array::ArrayRef;
use arrow_schema::{ArrowError, Field};
use tapline_core::column::PREFIX;
use tapline_spec::ColumnPlan;

use super::column::Column;
use super::kind::Value;

/// The columns, in order.
#[derive(Debug)]
pub(crate) struct Columns {
    list: Vec<Column>,
    by_name: HashMap<String, usize>,
    /// Which column followed column `n - 1` last time; 0 is the start of a record.
    next: Vec<usize>,
    limit: usize,
}

impl Columns {
    /// The declared columns; room for `limit` in all.
    pub(crate) fn new(declared: &[ColumnPlan], limit: usize) -> Self {
        let mut columns = Self {
            list: Vec::new(),
            by_name: HashMap::new(),
            next: vec![0],
            limit: limit.max(declared.len()),
        };
        for plan in declared {
            if !plan.name.starts_with(PREFIX) && !columns.by_name.contains_key(&plan.name) {
                columns.add(Column::declared(&plan.name, plan.kind));
            }
        }
        columns
    }

    fn add(&mut self, column: Column) -> usize {
        let id = self.list.len();
        self.by_name.insert(column.name().to_owned(), id);
        self.list.push(column);
        self.next.push(0);
        id
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = Field> {
        self.list.iter().map(Column::field)
    }

    /// The column of `name`, added if there is room; `None` if it may have none.
    pub(crate) fn find(&mut self, name: &str) -> Option<usize> {
        if let Some(&id) = self.by_name.get(name) {
            return Some(id);
        }
        let allowed = self.list.len() < self.limit && !name.starts_with(PREFIX);
        allowed.then(|| self.add(Column::inferred(name)))
    }

    /// If `page` goes on with the key that followed column `after` last time: its column, and the
    /// length of the key. Members mostly come in the same order, so few keys are ever hashed.
    #[inline]
    pub(crate) fn guess(&self, after: Option<usize>, page: &[u8]) -> Option<(usize, usize)> {
        let id = *self.next.get(after.map_or(0, |id| id + 1))?;
        let quoted = self.list.get(id)?.quoted();
        page.starts_with(quoted.as_bytes())
            .then_some((id, quoted.len()))
    }

    /// Remembers for [`Columns::guess`] that `id` followed `after`.
    pub(crate) fn followed(&mut self, after: Option<usize>, id: usize) {
        if let Some(next) = self.next.get_mut(after.map_or(0, |id| id + 1)) {
            *next = id;
        }
    }

    /// Whether column `id` has a value for `row`.
    #[inline]
    pub(crate) fn has(&self, id: usize, row: usize) -> bool {
        self.list.get(id).is_some_and(|column| column.has(row))
    }

    /// Gives `row` its value in column `id`; `false` if the value must go elsewhere.
    #[inline]
    pub(crate) fn push(&mut self, id: usize, row: usize, value: &Value<'_>) -> bool {
        match self.list.get_mut(id) {
            Some(column) if !column.has(row) => column.push(row, value),
            _ => false,
        }
    }

    /// Forgets `row`.
    pub(crate) fn undo(&mut self, row: usize) {
        for column in &mut self.list {
            column.truncate(row);
        }
    }

    /// Starts over with no rows.
    pub(crate) fn reset(&mut self) {
        self.list.iter_mut().for_each(Column::reset);
    }

    /// Whether the page must be read again, now that every type is known.
    pub(crate) fn is_stale(&self) -> bool {
        self.list.iter().any(Column::is_stale)
    }

    /// Takes out the rows, `rows` of every column.
    pub(crate) fn finish(&mut self, rows: usize) -> Result<Vec<ArrayRef>, ArrowError> {
        self.list.iter_mut().map(|c| c.finish(rows)).collect()
    }
}
