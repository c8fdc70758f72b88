//! What happens to the rows of a page between the source and the writer: they are brought into the
//! pipeline's shape, and held to the table that there is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_schema::SchemaRef;
use tapline_core::{Batch, Doors, Limits, Reject, Result, TableRef, compute};

use crate::shape::{Keeper, Shape, Shaper, missing_table};

/// The shaping of one run.
pub(super) struct Shaping {
    /// Shared with the thread that shapes.
    shaper: Arc<Mutex<Shaper>>,
    keeper: Option<Arc<Keeper>>,
    is_plain: bool,
    table: TableRef,
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
        Ok(Self {
            shaper: Arc::new(Mutex::new(Shaper::new(
                Arc::clone(shape),
                Limits::default(),
            ))),
            // Rows make the table that is not there, whatever they are.
            keeper: is_there.then(|| Keeper::new(shape)).flatten().map(Arc::new),
            is_plain: shape.is_plain(),
            table: table.clone(),
        })
    }

    /// For rows that are in the pipeline's shape already, and whose types are those of their JSON.
    pub(super) fn of_rows(shape: &Shape, table: &TableRef) -> Self {
        let keeper = Keeper::of_rows(shape);
        let shape = Arc::new(shape.of_rows());
        Self {
            is_plain: shape.is_plain(),
            shaper: Arc::new(Mutex::new(Shaper::new(shape, Limits::default()))),
            keeper: Some(Arc::new(keeper)),
            table: table.clone(),
        }
    }

    /// The columns with which the table is opened for rows that come with `schema`.
    pub(super) async fn schema(&mut self, doors: &Doors, schema: &SchemaRef) -> Result<SchemaRef> {
        let schema = self.shaper().schema(schema)?;
        self.ask(doors, &schema).await?;
        match &self.keeper {
            Some(keeper) => keeper.schema(&schema),
            None => Ok(schema),
        }
    }

    /// Shapes the rows of a page, and adds to `rejects` those that the table does not take.
    ///
    /// # Errors
    /// They cannot be shaped, or the table would have to change for them and must not.
    pub(super) async fn apply(
        &mut self,
        doors: &Doors,
        batches: Vec<Batch>,
        rejects: &mut Vec<Reject>,
    ) -> Result<Vec<Batch>> {
        for reject in rejects.iter_mut() {
            self.shaper().guard(reject);
        }
        let batches = if self.is_plain {
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
        let Some(keeper) = self.keeper.clone() else {
            return Ok(batches);
        };
        let kept = compute(&*doors.compute, move || keeper.keep(batches)).await??;
        rejects.extend(kept.rejects);
        Ok(kept.batches)
    }

    /// Asks the destination for the columns of `schema` that nobody has asked for.
    async fn ask(&mut self, doors: &Doors, schema: &SchemaRef) -> Result<()> {
        if let Some(keeper) = &mut self.keeper
            && let Some(unknown) = keeper.unknown(schema)
        {
            let found = doors.destination.columns(&self.table, unknown.clone());
            Arc::make_mut(keeper).learn(&unknown, found.await?);
        }
        Ok(())
    }

    fn shaper(&self) -> MutexGuard<'_, Shaper> {
        lock(&self.shaper)
    }
}

fn lock(shaper: &Mutex<Shaper>) -> MutexGuard<'_, Shaper> {
    shaper.lock().unwrap_or_else(PoisonError::into_inner)
}
