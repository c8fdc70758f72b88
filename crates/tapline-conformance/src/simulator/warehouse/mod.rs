//! A destination in memory: what is durable stands in [`Disk`], and what is not yet durable
//! stands in the futures of its calls and dies with them.

mod disk;
mod hand;
mod rows;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use arrow_schema::{Field, SchemaRef};
use async_trait::async_trait;
use tapline_core::{
    Capabilities, CommitKey, Destination, Disposition, Error, ErrorKind, FoundTable, KeptReject,
    LastCommit, LoadedPages, RejectKey, Result, TableRef, Writer,
};
use uuid::Uuid;

pub(super) use self::disk::{Disk, Row, Table};
use self::hand::Hand;
use super::flaw::Flaw;
use super::stage::Stage;
use crate::lock::lock;

/// Reads the rows of a run: their numbers.
type Reader = fn(&RecordBatch, Uuid) -> Result<Vec<u64>>;

/// One run's handle on the destination.
#[derive(Clone)]
pub(super) struct Warehouse {
    stage: Stage,
    run: u64,
    flaw: Option<Flaw>,
    /// Whether pages become durable only some at a time.
    lazy: bool,
    reader: Reader,
    disk: Arc<Mutex<Disk>>,
    /// The runs that were begun by this handle, and their fences.
    begun: Arc<Mutex<Vec<(Uuid, u64)>>>,
    partial: Arc<Partial>,
}

/// A page that is written by half.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// Pages that are written before it; `None`: it does not happen.
    pub(super) spared: Option<u64>,
    written: Mutex<u64>,
    struck: AtomicBool,
}

impl Partial {
    /// The page after `spared` pages fails by half.
    pub(super) fn after(spared: u64) -> Self {
        Self {
            spared: Some(spared),
            ..Self::default()
        }
    }

    pub(super) fn has_struck(&self) -> bool {
        self.struck.load(Ordering::Relaxed)
    }

    /// Whether the page that is written now fails.
    fn strikes(&self) -> bool {
        let mut written = lock(&self.written);
        *written += 1;
        let strikes = self.spared.is_some_and(|spared| spared + 1 == *written);
        self.struck.fetch_or(strikes, Ordering::Relaxed);
        strikes
    }
}

impl Warehouse {
    /// A destination whose table holds what is on `disk`.
    pub(super) fn new(stage: Stage, flaw: Option<Flaw>, lazy: bool, disk: Disk) -> Self {
        Self {
            stage,
            run: 0,
            flaw,
            lazy,
            reader: rows::read,
            disk: Arc::new(Mutex::new(disk)),
            begun: Arc::default(),
            partial: Arc::default(),
        }
    }

    /// The handle of another run, to which `partial` happens.
    pub(super) fn of(&self, run: u64, partial: Partial) -> Self {
        Self {
            run,
            begun: Arc::default(),
            partial: Arc::new(partial),
            ..self.clone()
        }
    }

    /// Where what is durable stands.
    pub(super) fn shared(&self) -> Arc<Mutex<Disk>> {
        self.disk.clone()
    }

    /// What is durable now.
    pub(super) fn disk(&self) -> Disk {
        lock(&self.disk).clone()
    }

    /// The runs that were begun by this handle, and their fences.
    pub(super) fn begun(&self) -> Vec<(Uuid, u64)> {
        lock(&self.begun).clone()
    }

    pub(super) fn partial(&self) -> &Partial {
        &self.partial
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// Does `change` durably, in one step, unless a higher fence was seen.
    async fn commit<T>(
        &self,
        key: &CommitKey,
        change: impl FnOnce(&mut Disk) -> Result<T> + Send,
    ) -> Result<T> {
        self.stage.pause().await;
        let changed = {
            let mut disk = lock(&self.disk);
            match disk.show_fence(key) {
                Err(error) if !self.has(Flaw::IgnoresFence) => Err(error),
                _ => change(&mut disk),
            }
        };
        self.stage.pause().await;
        changed
    }

    fn note(&self, what: impl FnOnce() -> String) {
        self.stage.note(self.run, what);
    }
}

#[async_trait]
impl Destination for Warehouse {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            replace: true,
            merge: false,
            delete: false,
            transactional_position: true,
            nested: false,
            child_tables: false,
        }
    }

    async fn begin(
        &self,
        table: &TableRef,
        schema: SchemaRef,
        disposition: Disposition,
        key: CommitKey,
    ) -> Result<Box<dyn Writer>> {
        let replaces = match disposition {
            Disposition::Append => false,
            Disposition::Replace => true,
            Disposition::Merge(_) => {
                return Err(failed("the simulated destination does not merge"));
            }
        };
        let name = name(table);
        let begin = |disk: &mut Disk| {
            disk.begin(&name, replaces, &key, self.flaw);
            Ok(())
        };
        self.commit(&key, begin).await?;
        lock(&self.begun).push((key.run, key.fence));
        self.note(|| format!("began {} as generation {}", key.run, key.generation));
        Ok(Box::new(Hand::new(
            self.clone(),
            name,
            replaces,
            schema,
            key,
        )))
    }

    async fn find(&self, table: &TableRef, pipeline: &str) -> Result<FoundTable> {
        self.stage.pause().await;
        let name = name(table);
        Ok(lock(&self.disk).find(&name, pipeline))
    }

    async fn columns(&self, _: &TableRef, _: SchemaRef) -> Result<Vec<Option<Field>>> {
        Err(failed("no test asks for columns"))
    }

    async fn rejects(
        &self,
        _: &TableRef,
        _: &str,
        _: Option<&RejectKey>,
        _: usize,
    ) -> Result<Vec<KeptReject>> {
        Err(failed("no test asks for rejects"))
    }

    async fn pages(&self, _: &TableRef, _: &str) -> Result<LoadedPages> {
        Err(failed("no test asks for pages"))
    }

    async fn recover(&self, pipeline: &str) -> Result<Vec<LastCommit>> {
        self.stage.pause().await;
        let is_older = self.has(Flaw::OlderPosition);
        Ok(lock(&self.disk).recover(pipeline, is_older))
    }
}

fn name(table: &TableRef) -> String {
    format!("{}.{}", table.schema, table.name)
}

fn failed(message: &str) -> Error {
    Error::new(ErrorKind::Destination, "simulated destination", message)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_schema::Schema;

    use super::*;
    use crate::destination::{Subject, TextRows, suite_of};
    use crate::simulator::task::drive_alone;

    struct Place(Warehouse);

    #[async_trait]
    impl Subject for Place {
        fn open(&self) -> Result<Arc<dyn Destination>> {
            Ok(Arc::new(self.0.clone()))
        }

        async fn rows(&self, table: &TableRef, _: &Schema) -> Result<Option<TextRows>> {
            let name = name(table);
            let disk = self.0.disk();
            let rows = |table: &Table| {
                let rows = table.rows.iter();
                rows.map(|row| vec![Some(row.serial.to_string())]).collect()
            };
            Ok(disk.visible(&name).map(rows))
        }
    }

    fn ids(records: &RecordBatch, _: Uuid) -> Result<Vec<u64>> {
        let ids = records.column(0).as_primitive::<Int64Type>();
        Ok(ids.values().iter().map(|id| id.cast_unsigned()).collect())
    }

    #[test]
    fn it_is_a_destination_like_any_other() {
        let stage = Stage::new(1, false);
        let make = || {
            let warehouse = Warehouse::new(stage.clone(), None, false, Disk::default());
            Place(Warehouse {
                reader: ids,
                ..warehouse
            })
        };
        // Of rows it keeps only their numbers, and of pages only how far they came.
        let of_values = [
            "values of every type come back",
            "columns are matched by name",
            "odd names",
            "evolve adds columns",
            "evolve widens and loses nothing",
            "append fits the table it finds",
            "rejects are found, and settled by a commit",
            "a full load replaces the rejects as well",
            "columns are found where fields would go",
            "the log knows the pages of a table",
            "the log knows the pages of a full load",
        ];
        let of_values: HashSet<_> = of_values.into_iter().collect();
        let suite = suite_of(make, |name| !of_values.contains(name));
        let report = drive_alone(&stage.timeline, suite);
        assert!(report.passed(), "{report}");
        assert_eq!(report.cases.len(), 26, "{report}");
    }
}
