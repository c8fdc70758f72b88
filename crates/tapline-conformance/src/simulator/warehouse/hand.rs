//! One run's hand on one table.

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use tapline_core::{
    Batch, Commit, CommitKey, LastCommit, Published, Receipt, Result, SchemaChange, Writer,
};

use super::disk::{Disk, Owner, Row};
use super::{Warehouse, failed};
use crate::simulator::flaw::Flaw;

/// Pages that a lazy destination collects before it makes them durable.
const LAZY: usize = 3;

pub(super) struct Hand {
    warehouse: Warehouse,
    table: String,
    replaces: bool,
    schema: SchemaRef,
    key: CommitKey,
    /// Pages that are not durable yet.
    taken: Vec<(Vec<Row>, LastCommit)>,
    /// The last page.
    last: Vec<Row>,
}

impl Hand {
    pub(super) fn new(
        warehouse: Warehouse,
        table: String,
        replaces: bool,
        schema: SchemaRef,
        key: CommitKey,
    ) -> Self {
        Self {
            warehouse,
            table,
            replaces,
            schema,
            key,
            taken: Vec::new(),
            last: Vec::new(),
        }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.warehouse.has(flaw)
    }

    fn owner(&self) -> Owner<'_> {
        Owner {
            key: &self.key,
            table: &self.table,
            replaces: self.replaces,
        }
    }

    fn rows(&self, batches: &[Batch]) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for batch in batches {
            let mut fields = batch.records.schema_ref().fields().iter();
            if !fields.all(|field| self.schema.fields().iter().any(|known| known == field)) {
                return Err(failed("a batch has a column that was not announced"));
            }
            let run = self.key.run;
            let serials = (self.warehouse.reader)(&batch.records, run)?.into_iter();
            rows.extend(serials.map(|serial| Row { serial, run }));
        }
        Ok(rows)
    }

    async fn commit<T>(&self, change: impl FnOnce(&mut Disk) -> Result<T> + Send) -> Result<T> {
        self.warehouse.commit(&self.key, change).await
    }

    /// Makes durable what was taken.
    async fn settle(&mut self) -> Result<()> {
        let taken = std::mem::take(&mut self.taken);
        let owner = self.owner();
        let is_new = |disk: &Disk, last: &LastCommit| {
            let before = disk.last_seq(&owner, &last.slice);
            before.is_none_or(|before| before < last.seq)
        };
        if self.has(Flaw::PositionFirst) {
            let position = |disk: &mut Disk| {
                let new: Vec<_> = taken
                    .iter()
                    .filter(|(_, last)| is_new(disk, last))
                    .collect();
                for (_, last) in &new {
                    disk.record(&owner, last.clone());
                }
                Ok(new)
            };
            let new = self.commit(position).await?;
            let rows =
                |disk: &mut Disk| new.iter().try_for_each(|(rows, _)| disk.add(&owner, rows));
            return self.commit(rows).await;
        }
        let write = |disk: &mut Disk| {
            for (rows, last) in &taken {
                if is_new(disk, last) {
                    disk.add(&owner, rows)?;
                    disk.record(&owner, last.clone());
                }
            }
            Ok(())
        };
        self.commit(write).await
    }

    /// Begins a page, of which something goes wrong in the middle: the transaction is rolled back, and
    /// with it what was taken before.
    async fn fail_by_half(&mut self, rows: &[Row]) -> Result<Receipt> {
        let owner = self.owner();
        let half = |disk: &mut Disk| {
            let mut copy = disk.clone();
            copy.add(&owner, &rows[..rows.len() / 2])?;
            Err(failed("the page could be written only by half"))
        };
        let failed = self.commit(half).await;
        self.taken.clear();
        failed
    }
}

#[async_trait]
impl Writer for Hand {
    async fn write(&mut self, batches: Vec<Batch>, commit: Commit) -> Result<Receipt> {
        let rows = self.rows(&batches)?;
        if self.warehouse.partial.strikes() {
            return self.fail_by_half(&rows).await;
        }
        let (accepted, seq) = (rows.len() as u64, commit.seq);
        let slice = match self.has(Flaw::MixesSlices) {
            true => String::new(),
            false => commit.slice,
        };
        self.warehouse
            .note(|| format!("takes page {seq} of `{slice}`, {accepted} rows"));
        let last = LastCommit {
            key: self.key.clone(),
            slice,
            seq,
            position: commit.position,
            progress: commit.progress,
        };
        self.last.clone_from(&rows);
        if seq != 3 || !self.has(Flaw::LosesPage) {
            self.taken.push((rows, last));
        }
        let durable = !self.warehouse.lazy || self.taken.len() >= LAZY;
        if durable {
            self.settle().await?;
            self.warehouse.note(|| format!("page {seq} is durable"));
        }
        Ok(Receipt {
            seq,
            durable,
            accepted,
            rejected: Vec::new(),
        })
    }

    async fn evolve(&mut self, schema: SchemaRef) -> Result<SchemaChange> {
        self.commit(|_| Ok(())).await?;
        self.schema = schema;
        Ok(SchemaChange::default())
    }

    async fn flush(&mut self) -> Result<()> {
        if self.has(Flaw::LosesFlush) {
            self.taken.clear();
        }
        if !self.has(Flaw::DefersFlush) {
            self.settle().await?;
        }
        self.warehouse.note(|| "flushed".to_owned());
        Ok(())
    }

    async fn publish(mut self: Box<Self>) -> Result<Published> {
        if !self.has(Flaw::PublishesEarly) {
            self.settle().await?;
        }
        let owner = self.owner();
        if self.has(Flaw::TornPublication) && self.replaces {
            let drop_old = |disk: &mut Disk| {
                disk.tear(&self.table);
                Ok(())
            };
            self.commit(drop_old).await?;
        }
        let publish = |disk: &mut Disk| {
            if self.has(Flaw::PublishesTwice) {
                disk.add(&owner, &self.last)?;
            }
            disk.publish(&owner)
        };
        let rows = self.commit(publish).await?;
        self.warehouse.note(|| format!("published: {rows} rows"));
        Ok(Published { rows })
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        let owner = self.owner();
        let shows = self.has(Flaw::ShowsAborted);
        let abort = |disk: &mut Disk| {
            disk.abort(&owner, shows);
            Ok(())
        };
        self.commit(abort).await?;
        self.warehouse.note(|| "aborted".to_owned());
        Ok(())
    }
}
