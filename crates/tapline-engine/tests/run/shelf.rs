//! A destination in memory: one table.

use std::sync::{Arc, Mutex};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::{DataType, Field, SchemaRef};
use async_trait::async_trait;
use bytes::Bytes;
use tapline_core::{
    Batch, Capabilities, Commit, CommitKey, Destination, Disposition, Error, ErrorKind, FoundTable,
    KeptReject, LastCommit, LoadedPages, Published, Receipt, RejectKey, Result, SchemaChange,
    TableRef, Writer,
};
use uuid::Uuid;

/// What is stored of it.
#[derive(Default)]
pub(crate) struct Table {
    /// Rows of the generation, durable.
    pub(crate) hidden: Vec<u64>,
    /// Pages that are not durable yet.
    pub(crate) taken: Vec<(Vec<u64>, LastCommit)>,
    /// What a runner that sleeps will keep at the last moment: when another one has looked and not
    /// yet opened the table.
    pub(crate) late: Option<(Vec<u64>, Vec<LastCommit>)>,
    /// How far the generation is, durably.
    pub(crate) last: Vec<LastCommit>,
    pub(crate) visible: Option<Vec<u64>>,
    pub(crate) schemas: usize,
    pub(crate) slices: Vec<String>,
    pub(crate) bodies: Vec<Bytes>,
    pub(crate) lazy: bool,
    pub(crate) appends: bool,
    pub(crate) generation: u64,
    /// Whether slices may be read at the same time.
    pub(crate) is_mixed: bool,
}

impl Table {
    /// Makes durable what was taken.
    fn flush(&mut self) {
        for (rows, commit) in std::mem::take(&mut self.taken) {
            let same =
                |last: &LastCommit| last.slice == commit.slice && last.key.run == commit.key.run;
            self.last.retain(|last| !same(last));
            self.last.push(commit);
            match self.appends {
                true => self.visible.get_or_insert_default().extend(rows),
                false => self.hidden.extend(rows),
            }
        }
    }

    /// Takes what an appending run has kept back, until somebody opens the table.
    pub(crate) fn keep_late(&mut self) {
        let rows = self.visible.take().unwrap_or_default();
        self.late = Some((rows, std::mem::take(&mut self.last)));
    }

    fn last_seq(&self, run: Uuid, slice: &str) -> u64 {
        let taken = self.taken.iter().map(|(_, commit)| commit);
        let commits = self.last.iter().chain(taken);
        let seqs = commits.filter(|c| c.key.run == run && c.slice == slice);
        seqs.map(|c| c.seq).max().unwrap_or(0)
    }

    /// Nobody goes on with `run` any more; a replaced table has no other.
    fn forget(&mut self, run: Uuid) {
        let appends = self.appends;
        self.last.retain(|last| appends && last.key.run != run);
    }
}

/// A table as a destination.
pub(crate) struct Shelf(pub(crate) Arc<Mutex<Table>>);

#[async_trait]
impl Destination for Shelf {
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
        _: &TableRef,
        _: SchemaRef,
        disposition: Disposition,
        key: CommitKey,
    ) -> Result<Box<dyn Writer>> {
        assert_eq!(key.fence, 7);
        let mut table = self.0.lock().unwrap();
        let mut before = std::mem::take(&mut *table);
        if let Some((rows, last)) = before.late.take() {
            before.visible.get_or_insert_default().extend(rows);
            before.last.extend(last);
        }
        *table = Table {
            lazy: before.lazy,
            visible: before.visible,
            appends: disposition == Disposition::Append,
            generation: key.generation,
            is_mixed: before.is_mixed,
            ..Table::default()
        };
        if before.generation == key.generation || table.appends {
            table.hidden = before.hidden;
            table.last = before.last;
        }
        Ok(Box::new(Hand(self.0.clone(), key)))
    }

    async fn find(&self, _: &TableRef, _: &str) -> Result<FoundTable> {
        let table = self.0.lock().unwrap();
        Ok(FoundTable {
            is_there: table.visible.is_some(),
            fence: table.generation.min(7),
        })
    }

    async fn columns(&self, _: &TableRef, _: SchemaRef) -> Result<Vec<Option<Field>>> {
        Err(unasked("no test asks for columns"))
    }

    async fn rejects(
        &self,
        _: &TableRef,
        _: &str,
        _: Option<&RejectKey>,
        _: usize,
    ) -> Result<Vec<KeptReject>> {
        Err(unasked("no test asks for rejects"))
    }

    async fn pages(&self, _: &TableRef, _: &str) -> Result<LoadedPages> {
        Err(unasked("no test asks for pages"))
    }

    async fn recover(&self, _: &str) -> Result<Vec<LastCommit>> {
        Ok(self.0.lock().unwrap().last.clone())
    }
}

struct Hand(Arc<Mutex<Table>>, CommitKey);

#[async_trait]
impl Writer for Hand {
    async fn write(&mut self, batches: Vec<Batch>, commit: Commit) -> Result<Receipt> {
        let mut table = self.0.lock().unwrap();
        if table.slices.last() != Some(&commit.slice) {
            assert!(
                table.is_mixed || !table.slices.contains(&commit.slice),
                "a slice is read once"
            );
            table.slices.push(commit.slice.clone());
        }
        let before = table.last_seq(self.1.run, &commit.slice);
        assert_eq!(commit.seq, before + 1, "commits are in order");
        let accepted = batches.iter().map(Batch::rows).sum::<usize>() as u64;
        let mut rows = Vec::new();
        for batch in &batches {
            if let Some(bodies) = batch.records.column_by_name("body") {
                let body = bodies.as_binary::<i64>().value(0);
                table.bodies.push(Bytes::copy_from_slice(body));
                continue;
            }
            let ids = batch.records.column_by_name("id").expect("a column id");
            if *ids.data_type() == DataType::Int64 {
                let ids = ids.as_primitive::<Int64Type>().values();
                rows.extend(ids.iter().map(|id| *id as u64));
            }
        }
        let seq = commit.seq;
        table.taken.push((rows, last(&self.1, commit)));
        let durable = !table.lazy;
        if durable {
            table.flush();
        }
        Ok(Receipt {
            seq,
            durable,
            accepted,
            rejected: Vec::new(),
        })
    }

    async fn evolve(&mut self, _: SchemaRef) -> Result<SchemaChange> {
        self.0.lock().unwrap().schemas += 1;
        Ok(SchemaChange::default())
    }

    async fn publish(self: Box<Self>) -> Result<Published> {
        let mut table = self.0.lock().unwrap();
        table.flush();
        table.forget(self.1.run);
        if !table.appends {
            table.visible = Some(std::mem::take(&mut table.hidden));
        }
        let rows = table.visible.as_ref().map_or(0, Vec::len) as u64;
        Ok(Published { rows })
    }

    async fn flush(&mut self) -> Result<()> {
        self.0.lock().unwrap().flush();
        Ok(())
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        let mut table = self.0.lock().unwrap();
        table.taken.clear();
        table.forget(self.1.run);
        if !table.appends {
            table.hidden.clear();
        }
        Ok(())
    }
}

fn last(key: &CommitKey, commit: Commit) -> LastCommit {
    LastCommit {
        key: key.clone(),
        slice: commit.slice,
        seq: commit.seq,
        position: commit.position,
        progress: commit.progress,
    }
}

fn unasked(message: &str) -> Error {
    Error::new(ErrorKind::Internal, "shelf", message)
}
