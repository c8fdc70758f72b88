//! What happens to the rows of a page between the source and the writer: they are brought into the
//! pipeline's shape, held to the table that there is, and parted into that and its child tables.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use tapline_core::{Batch, Doors, Limits, Reject, Result, TableRef, column, compute};

use super::table::Schemas;
use crate::shape::{
    Children, Keeper, Numbers, Shape, Shaper, guard_rows, missing_table, numbered, parent,
    places_of, rejected, without,
};

/// The shaping of one run.
pub(super) struct Shaping {
    /// Shared with the thread that shapes.
    shaper: Arc<Mutex<Shaper>>,
    /// Of the table; `None`: rows make it, or may change it.
    keeper: Option<Arc<Keeper>>,
    /// Shared with the thread that shapes.
    children: Arc<Mutex<Children>>,
    /// Of the child tables; `None` as long as nobody has asked for those that are there.
    child_keepers: Option<BTreeMap<Arc<str>, Arc<Keeper>>>,
    is_plain: bool,
    has_children: bool,
    table: TableRef,
    /// Of what goes to child tables, and of the contracts.
    shape: Arc<Shape>,
}

impl Shaping {
    /// For a run into `table`, which `is_there` already, or not.
    ///
    /// # Errors
    /// The table may not be made.
    pub(super) fn new(shape: &Arc<Shape>, table: &TableRef, is_there: bool) -> Result<Self> {
        if !is_there && let Some(error) = missing_table(shape, table) {
            return Err(error);
        }
        let shaping = Self::of(shape, Arc::clone(shape), table);
        Ok(Self {
            // Rows make the tables that are not there, whatever they are.
            keeper: is_there.then(|| Keeper::new(shape)).flatten().map(Arc::new),
            child_keepers: (!is_there).then(BTreeMap::new),
            ..shaping
        })
    }

    /// For rows that are in the pipeline's shape already, and whose types are those of their JSON.
    pub(super) fn of_rows(shape: &Shape, table: &TableRef) -> Self {
        let keeper = Keeper::of_rows(shape);
        let of_rows = Arc::new(shape.of_rows());
        Self {
            keeper: Some(Arc::new(keeper)),
            ..Self::of(&of_rows, Arc::new(shape.of_children()), table)
        }
    }

    fn of(shape: &Arc<Shape>, of_children: Arc<Shape>, table: &TableRef) -> Self {
        let limits = Limits::default();
        let children = Children::new(&of_children, table, limits);
        Self {
            shaper: Arc::new(Mutex::new(Shaper::new(Arc::clone(shape), limits))),
            keeper: None,
            child_keepers: None,
            is_plain: shape.is_plain(),
            has_children: !children.is_empty(),
            children: Arc::new(Mutex::new(children)),
            table: table.clone(),
            shape: of_children,
        }
    }

    /// The columns with which the table and its child tables are opened for rows that come with `schema`.
    pub(super) async fn schemas(&mut self, doors: &Doors, schema: &SchemaRef) -> Result<Schemas> {
        let schema = lock(&self.shaper).schema(schema)?;
        self.ask(doors, &schema).await?;
        let schema = match &self.keeper {
            Some(keeper) => keeper.schema(&schema)?,
            None => schema,
        };
        let empty = vec![Batch::insert(RecordBatch::new_empty(SchemaRef::clone(
            &schema,
        )))];
        let parts = self.part(doors, empty, &mut Vec::new()).await?;
        Ok(Schemas::of(&parts).unwrap_or_else(|| Schemas::from(schema)))
    }

    /// Shapes the rows of a page, and adds to `rejects` those that the tables do not take. The rows have
    /// `numbers`, by which their children know them; from 0 on, unless these are given.
    ///
    /// # Errors
    /// They cannot be shaped, or a table would have to change for them and must not.
    pub(super) async fn apply(
        &mut self,
        doors: &Doors,
        batches: Vec<Batch>,
        numbers: &Numbers,
        rejects: &mut Vec<Reject>,
    ) -> Result<Vec<Batch>> {
        for reject in rejects.iter_mut() {
            lock(&self.shaper).guard(reject);
        }
        let mut batches = if self.is_plain {
            batches
        } else {
            let shaper = Arc::clone(&self.shaper);
            let shape = move || lock(&shaper).shape(batches);
            compute(&*doors.compute, shape).await??
        };
        let Some(first) = batches.first() else {
            return Ok(batches);
        };
        self.ask(doors, &first.records.schema()).await?;
        if self.has_children {
            batches = numbered(batches, numbers)?;
        }
        if let Some(keeper) = self.keeper.clone() {
            let kept = compute(&*doors.compute, move || keeper.keep(batches)).await??;
            batches = kept.batches;
            rejects.extend(guard_rows(&self.shape, kept.rejects));
        }
        self.part(doors, batches, rejects).await
    }

    /// Parts `batches` into rows of the table and of its child tables. A record of which a child table
    /// does not take a part is rejected as a whole.
    async fn part(
        &mut self,
        doors: &Doors,
        batches: Vec<Batch>,
        rejects: &mut Vec<Reject>,
    ) -> Result<Vec<Batch>> {
        if !self.has_children {
            return Ok(batches);
        }
        self.find_children(doors).await?;
        let (parts, refused) = self.try_part(doors, batches.clone()).await?;
        if refused.is_empty() {
            return Ok(parts);
        }
        let more = rejected(&batches, &refused, rejects)?;
        rejects.extend(guard_rows(&self.shape, more));
        let left = without(batches, |at| refused.contains_key(&at))?;
        Ok(self.try_part(doors, left).await?.0)
    }

    /// The parts, and why rows of the table are refused because of theirs.
    async fn try_part(
        &mut self,
        doors: &Doors,
        batches: Vec<Batch>,
    ) -> Result<(Vec<Batch>, BTreeMap<u64, String>)> {
        let children = Arc::clone(&self.children);
        let split = move || lock(&children).split(batches);
        let parts = compute(&*doors.compute, split).await??;
        let (mut refused, mut places) = (BTreeMap::new(), None);
        let mut kept: Vec<Batch> = Vec::with_capacity(parts.len());
        for part in parts {
            let keepers = self.child_keepers.as_mut();
            let table = part.child.clone();
            let keeper = table.as_ref().and_then(|table| keepers?.get_mut(table));
            let (Some(table), Some(keeper)) = (&table, keeper) else {
                kept.push(part);
                continue;
            };
            ask(
                doors,
                &self.table.beside(table),
                keeper,
                &part.records.schema(),
            )
            .await?;
            let keeper = Arc::clone(keeper);
            let numbers = part.records.column_by_name(column::ROW).cloned();
            let held = compute(&*doors.compute, move || keeper.keep(vec![part])).await?;
            let held = held.map_err(|error| error.with("table", table))?;
            for reject in held.rejects {
                let places = places.get_or_insert_with(|| places_of(&kept));
                if let Some(at) = parent(places, numbers.as_deref(), reject.index) {
                    let reason = || format!("in `{table}` {}", reject.reason);
                    refused.entry(at).or_insert_with(reason);
                }
            }
            kept.extend(held.batches);
        }
        Ok((kept, refused))
    }

    /// Finds out which child tables there are already.
    async fn find_children(&mut self, doors: &Doors) -> Result<()> {
        if self.child_keepers.is_some() {
            return Ok(());
        }
        let tables: Vec<(String, Arc<str>)> = {
            let children = lock(&self.children);
            let tables = children.tables();
            tables
                .map(|(name, table)| (name.to_owned(), Arc::clone(table)))
                .collect()
        };
        let mut keepers = BTreeMap::new();
        let number = Field::new(column::ROW, DataType::Int64, true);
        let number = Arc::new(Schema::new(vec![number]));
        for (name, table) in tables {
            let child = self.table.beside(&table);
            let found = doors.destination.columns(&child, SchemaRef::clone(&number));
            let is_there = found.await?.first().is_some_and(Option::is_some);
            if !is_there && let Some(error) = missing_table(&self.shape, &child) {
                return Err(error);
            }
            let keeper = is_there.then(|| Keeper::of_child(&self.shape, &name));
            keepers.extend(keeper.flatten().map(|keeper| (table, Arc::new(keeper))));
        }
        self.child_keepers = Some(keepers);
        Ok(())
    }

    async fn ask(&mut self, doors: &Doors, schema: &SchemaRef) -> Result<()> {
        match &mut self.keeper {
            Some(keeper) => ask(doors, &self.table, keeper, schema).await,
            None => Ok(()),
        }
    }
}

/// Asks the destination for the columns of `schema` in `table` that nobody has asked for.
async fn ask(
    doors: &Doors,
    table: &TableRef,
    keeper: &mut Arc<Keeper>,
    schema: &SchemaRef,
) -> Result<()> {
    if let Some(unknown) = keeper.unknown(schema) {
        let found = doors.destination.columns(table, unknown.clone()).await?;
        Arc::make_mut(keeper).learn(&unknown, found);
    }
    Ok(())
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
