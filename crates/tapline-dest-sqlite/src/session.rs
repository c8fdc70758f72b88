//! One run's hand on one table, without anything asynchronous: what the writer's thread does.

use std::path::{Path, PathBuf};

use arrow_schema::Schema;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tapline_core::{Batch, Commit, Published, Receipt, RowOp, SchemaChange, Stage, column};

use crate::bookkeeping::{self, Owner};
use crate::children::Children;
use crate::columns::{self, Column};
use crate::failure::{Failure, Result};
use crate::insert::insert;
use crate::name::quote;
use crate::stage::{self, Staged};
use crate::{connection, generation};

pub(crate) struct Session {
    path: PathBuf,
    connection: Connection,
    owner: Owner,
    /// The table that is written: hidden for a full load, else the visible one.
    table: String,
    columns: Vec<Column>,
    children: Children,
    /// The table with the last versions, if there is one.
    staged: Option<Staged>,
    /// After a failed commit nobody knows what the disk holds; no more is written.
    broken: bool,
}

impl Session {
    pub(crate) fn begin(
        path: &Path,
        owner: Owner,
        stage: Option<Stage>,
        schema: &Schema,
    ) -> Result<Self> {
        let mut connection = connection::open(path)?;
        let transaction = begin(&mut connection, &owner)?;
        let mut table = generation::visible(&transaction, &owner.table)?;
        if owner.replace {
            check_ours(&transaction, &owner, &table)?;
            table = generation::enter(&transaction, &owner)?;
        } else {
            generation::drop_all(&transaction, &owner)?;
        }
        let (mut columns, _) = columns::fit(&transaction, &table, schema)?;
        let staged = match stage {
            None => {
                stage::outdate(&transaction, &owner.table)?;
                None
            }
            Some(stage) => {
                let own = Staged::own_columns(&stage);
                columns = columns::add(&transaction, &table, columns, own)?;
                let names = (owner.table.as_str(), table.as_str());
                Some(Staged::enter(&transaction, names, &columns, stage)?)
            }
        };
        transaction.commit()?;
        Ok(Self {
            path: path.to_owned(),
            connection,
            owner,
            table,
            columns,
            children: Children::default(),
            staged,
            broken: false,
        })
    }

    pub(crate) fn write(&mut self, batches: &[Batch], commit: &Commit) -> Result<Receipt> {
        self.check_whole()?;
        let transaction = begin(&mut self.connection, &self.owner)?;
        let last = bookkeeping::last_seq(&transaction, &self.owner, &commit.slice)?;
        if last.is_none_or(|last| last < commit.seq) {
            let staged = self.staged.as_ref();
            let before = staged
                .map(|staged| staged.last_row(&transaction))
                .transpose()?;
            for batch in batches {
                check_ops(batch)?;
                match batch.child.as_deref() {
                    None => insert(&transaction, &self.table, &self.columns, &batch.records)?,
                    Some(child) => self.children.insert(&transaction, child, batch)?,
                }
            }
            if let Some((staged, before)) = staged.zip(before) {
                staged.refresh(&transaction, before)?;
            }
            bookkeeping::record(&transaction, &self.owner, commit)?;
        }
        if let Err(cause) = transaction.commit() {
            self.broken = true;
            return Err(self.failed_commit(cause, commit));
        }
        Ok(Receipt {
            seq: commit.seq,
            durable: true,
            accepted: Batch::count(batches),
            rejected: Vec::new(),
        })
    }

    pub(crate) fn evolve(&mut self, schema: &Schema) -> Result<SchemaChange> {
        self.check_whole()?;
        let transaction = begin(&mut self.connection, &self.owner)?;
        let (columns, change) = columns::fit(&transaction, &self.table, schema)?;
        if let Some(staged) = &mut self.staged {
            staged.fit(&transaction, &columns)?;
        }
        finish(transaction, &mut self.broken)?;
        self.columns = columns;
        Ok(change)
    }

    pub(crate) fn evolve_child(&mut self, child: &str, schema: &Schema) -> Result<SchemaChange> {
        self.check_whole()?;
        let transaction = begin(&mut self.connection, &self.owner)?;
        let (fitted, change) = self
            .children
            .fit(&transaction, &self.owner, child, schema)?;
        finish(transaction, &mut self.broken)?;
        self.children.keep(fitted);
        Ok(change)
    }

    pub(crate) fn publish(&mut self) -> Result<Published> {
        self.check_whole()?;
        let transaction = begin(&mut self.connection, &self.owner)?;
        let mut visible = self.table.clone();
        if self.owner.replace {
            visible = generation::show(&transaction, &self.owner)?;
            bookkeeping::forget_rejects_of_others(&transaction, &self.owner)?;
        }
        if let Some(staged) = &self.staged {
            staged.bury(&transaction, &self.owner.key.run.to_string())?;
        }
        bookkeeping::mark_published(&transaction, &self.owner)?;
        let count = format!("SELECT count(*) FROM {}", quote(&visible));
        let rows: i64 = transaction.query_row(&count, [], |row| row.get(0))?;
        finish(transaction, &mut self.broken)?;
        Ok(Published {
            rows: rows.cast_unsigned(),
        })
    }

    /// Appended rows stay.
    pub(crate) fn abort(&mut self) -> Result<()> {
        self.check_whole()?;
        let transaction = begin(&mut self.connection, &self.owner)?;
        if self.owner.replace {
            generation::forget(&transaction, &self.owner)?;
        } else {
            bookkeeping::forget(&transaction, &self.owner)?;
        }
        finish(transaction, &mut self.broken)
    }

    fn check_whole(&self) -> Result<()> {
        if self.broken {
            Err(Failure::Broken)
        } else {
            Ok(())
        }
    }

    /// Says whether the page is in the file after all. That is no receipt: a failed fsync may
    /// leave in the cache what never reaches the disk. The next run recovers what is true then.
    fn failed_commit(&self, cause: rusqlite::Error, commit: &Commit) -> Failure {
        let last = connection::open(&self.path)
            .and_then(|fresh| bookkeeping::last_seq(&fresh, &self.owner, &commit.slice));
        let state = match last {
            Ok(last) if last >= Some(commit.seq) => "is there",
            Ok(_) => "is not there",
            Err(_) => "could not be looked for",
        };
        Failure::Commit { cause, state }
    }
}

/// Every change starts by taking the write lock and showing the fence.
fn begin<'a>(connection: &'a mut Connection, owner: &Owner) -> Result<Transaction<'a>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    bookkeeping::check_fence(&transaction, &owner.key)?;
    Ok(transaction)
}

/// A full load replaces what tapline wrote, never a table of somebody else's.
fn check_ours(connection: &Connection, owner: &Owner, table: &str) -> Result<()> {
    let columns = columns::read(connection, table)?;
    let is_marked = columns.iter().any(|c| c.name == column::RUN_ID);
    if columns.is_empty() || is_marked || bookkeeping::has_published(connection, &owner.table)? {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "table {table:?} was not written by tapline, and a full load would replace it; load into \
         another table, or drop this one"
    )))
}

fn finish(transaction: Transaction<'_>, broken: &mut bool) -> Result<()> {
    let result = transaction.commit();
    *broken = result.is_err();
    Ok(result?)
}

fn check_ops(batch: &Batch) -> Result<()> {
    let ops = batch.ops.as_deref().unwrap_or_default();
    match ops.iter().find(|op| **op != RowOp::Insert) {
        None => Ok(()),
        Some(op) => Err(Failure::Refused(format!(
            "a row asks for {op:?}; the sqlite destination only inserts"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    use std::sync::Arc;
    use tapline_core::{CommitKey, RequestRecord, SliceProgress, TableRef};
    use uuid::Uuid;

    use super::*;

    fn batch() -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        RecordBatch::try_from_iter([("id", ids)]).unwrap()
    }

    fn page(seq: u64) -> Commit {
        Commit {
            slice: String::new(),
            seq,
            position: None,
            progress: SliceProgress::default(),
            request: RequestRecord {
                request_id: Uuid::nil(),
                method: "GET".into(),
                url: "http://h/".into(),
                status: 200,
                bytes: 2,
                attempts: 1,
                waited_ms: 0,
                duration_ms: 0,
                received_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            },
            rejects: Vec::new(),
            settles: Vec::new(),
            raw: None,
        }
    }

    fn session(path: &Path) -> Session {
        bookkeeping::create_tables(&connection::open(path).unwrap()).unwrap();
        let owner = Owner {
            key: CommitKey {
                pipeline: "p".into(),
                run: Uuid::nil(),
                generation: 1,
                fence: 1,
            },
            table: "t".into(),
            schema: TableRef::PUBLIC.into(),
            replace: false,
        };
        Session::begin(path, owner, None, batch().schema_ref()).unwrap()
    }

    #[test]
    fn a_failed_commit_is_fatal_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = session(&folder.path().join("w.db"));
        let rows = [Batch::insert(batch())];
        let _ = session.write(&rows, &page(1)).unwrap();

        session.connection.commit_hook(Some(|| true)).unwrap();
        let failed = session.write(&rows, &page(2)).unwrap_err().to_string();
        assert!(failed.contains("the page is not there"), "{failed}");
        session
            .connection
            .commit_hook(None::<fn() -> bool>)
            .unwrap();

        let after = session.write(&rows, &page(2)).unwrap_err();
        assert!(matches!(after, Failure::Broken), "{after}");
        assert!(session.publish().is_err());
        let count = "SELECT count(*) FROM t";
        let stored: i64 = session
            .connection
            .query_row(count, [], |row| row.get(0))
            .unwrap();
        assert_eq!(stored, 3);
    }

    #[test]
    fn a_batch_nobody_announced_is_refused_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = session(&folder.path().join("w.db"));
        let texts: ArrayRef = Arc::new(arrow_array::StringArray::from(vec!["007"]));
        for name in ["id", "more"] {
            let rows = RecordBatch::try_from_iter([(name, texts.clone())]).unwrap();
            let batches = [Batch::insert(batch()), Batch::insert(rows)];
            let refused = session.write(&batches, &page(1)).unwrap_err();
            assert!(matches!(refused, Failure::NotEvolved { .. }), "{refused}");
        }
        assert_eq!(session.publish().unwrap().rows, 0);
    }

    #[test]
    fn rows_that_ask_for_more_than_insert_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = session(&folder.path().join("w.db"));
        let mut rows = Batch::insert(batch());
        rows.ops = Some(vec![RowOp::Insert, RowOp::Delete, RowOp::Insert]);
        let refused = session.write(&[rows], &page(1)).unwrap_err().to_string();
        assert!(refused.contains("Delete"), "{refused}");
    }
}
