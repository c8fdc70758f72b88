//! Records that became no row, tried again: their limit was raised, their column is there by now, or
//! their contract has changed.
//!
//! What becomes a row is no reject any more in the same commit. What does not stays as it is.

use serde::Deserialize;
use tapline_core::{
    Batch, Commit, CommitKey, Disposition, Doors, Error, ErrorKind, KeptReject, Limits, Reject,
    RejectForm, RejectKey, RequestRecord, Result, SliceProgress, compute,
};
use tapline_expr::{Path, Place};
use tapline_spec::{ContentPlan, Plan, Siblings};
use uuid::Uuid;

use super::RunTask;
use super::shaping::Shaping;
use super::table::{Schemas, Table, alone};
use crate::decode::{Decoder, Stamp};
use crate::locate::Wanted;
use crate::shape::{Numbers, hoisted};

/// Rejects that are read at once.
const CHUNK: usize = 500;

/// What became of rejects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Records that are rows now.
    pub accepted: u64,
    /// Records that are none still.
    pub left: u64,
}

/// Tries the rejects of the pipeline of `task`, whose stream has this `plan`, once more.
///
/// # Errors
/// Another runner has the pipeline, there is no table, or the destination or the contract refuses.
pub async fn retry_rejects(task: &RunTask, plan: &Plan, doors: &Doors) -> Result<Retried> {
    let found = doors.destination.find(&task.table, &task.pipeline).await?;
    if !found.is_there {
        let message = format!("there is no table `{}` yet", task.table);
        return Err(Error::new(ErrorKind::Usage, "retry rejects", message));
    }
    let (lease, key) = alone(task, doors, found, "retry rejects").await?;
    let visible = doors
        .destination
        .pages(&task.table, &task.pipeline)
        .await?
        .visible;
    let mut retry = Retry {
        task,
        plan,
        doors,
        key,
        of_records: Shaping::new(&task.shape, &task.table, true)?,
        of_rows: Shaping::of_rows(&task.shape, &task.table),
        table: None,
        seq: 0,
        done: Retried::default(),
    };
    let mut after: Option<RejectKey> = None;
    loop {
        let (table, pipeline) = (&task.table, &task.pipeline);
        let after_this = after.as_ref();
        let found = doors
            .destination
            .rejects(table, pipeline, after_this, CHUNK);
        let mut found = found.await?;
        let Some(last) = found.last() else { break };
        after = Some(last.key.clone());
        // What this retry itself has brought is over; and where a load replaces the table, so is what
        // other loads have left.
        found.retain(|it| {
            let run = it.key.run;
            run != task.run_id && (task.sync_mode.adds() || visible.contains(&run))
        });
        let is_alike = |a: &KeptReject, b: &KeptReject| {
            (a.request_id, a.key.form) == (b.request_id, b.key.form)
        };
        for alike in found.chunk_by(is_alike) {
            lease.lost().map_or(Ok(()), Err)?;
            retry.page(alike).await?;
        }
    }
    if let Some(table) = retry.table {
        table.publish().await?;
    }
    Ok(retry.done)
}

struct Retry<'a> {
    task: &'a RunTask,
    plan: &'a Plan,
    doors: &'a Doors,
    key: CommitKey,
    of_records: Shaping,
    of_rows: Shaping,
    /// Open once there is something to write.
    table: Option<Table>,
    seq: u64,
    done: Retried,
}

/// What rejects became.
struct Tried {
    batches: Vec<Batch>,
    /// Those that are rows, or will be rejects for another reason.
    settled: Vec<RejectKey>,
    rejects: Vec<Reject>,
}

impl Retry<'_> {
    /// Tries rejects of one request and one form, which are a page of their own.
    async fn page(&mut self, alike: &[KeptReject]) -> Result<()> {
        let tried = self.attempt(alike).await?;
        self.done.left += (alike.len() - tried.settled.len()) as u64;
        if tried.settled.is_empty() {
            return Ok(());
        }
        self.seq += 1;
        let origin = alike.first().map(|it| it.request_id).unwrap_or_default();
        let commit = Commit {
            slice: "rejects".to_owned(),
            seq: self.seq,
            position: None,
            progress: SliceProgress::default(),
            request: RequestRecord {
                request_id: Uuid::now_v7(),
                method: "RETRY".to_owned(),
                url: format!("tapline:rejects/{origin}"),
                status: 0,
                bytes: 0,
                attempts: 1,
                waited_ms: 0,
                duration_ms: 0,
                received_at: self.doors.clock.now(),
            },
            rejects: tried.rejects,
            settles: tried.settled,
            raw: None,
        };
        let again = commit.rejects.len() as u64;
        let mut table = match self.table.take() {
            Some(table) => table,
            None => {
                let schemas = Schemas::of(&tried.batches);
                self.begin(schemas.unwrap_or_else(Schemas::none)).await?
            }
        };
        let receipt = table.write(tried.batches, commit).await?;
        self.table = Some(table);
        let refused = receipt.rejected.len() as u64;
        self.done.accepted += receipt.accepted;
        self.done.left += again + refused;
        Ok(())
    }

    /// What they are now, under the contract that there is now.
    async fn attempt(&mut self, alike: &[KeptReject]) -> Result<Tried> {
        let form = alike.first().map(|it| it.key.form).unwrap_or_default();
        // What was withheld is no record. Nor is one whose page had more to say of it.
        let lacks_siblings =
            form == RejectForm::Record && self.plan.content.siblings != Siblings::none();
        // And what the database has refused of a child table it refuses again.
        let is_part = form == RejectForm::Child;
        let is_whole = |it: &&KeptReject| it.raw.starts_with('{') && !lacks_siblings && !is_part;
        let records = alike.iter().filter(is_whole);
        let records: Vec<&KeptReject> = records.collect();
        let (batches, decoded) = self.decode(form, &records).await?;
        let numbers = numbers(form, &records, &decoded);
        let is_row = form == RejectForm::Row;
        let shaping = match is_row {
            true => &mut self.of_rows,
            false => &mut self.of_records,
        };
        let mut rejects = Vec::new();
        let shaped = shaping.apply(self.doors, batches, &numbers, &mut rejects);
        let batches = shaped.await?;
        let mut settled: Vec<RejectKey> = Vec::new();
        for (at, record) in records.iter().enumerate() {
            let stays = decoded.contains(&(at as u64))
                || (is_row && rejects.iter().any(|reject| reject.index == at as u64));
            if !stays {
                settled.push(record.key.clone());
            }
        }
        if is_row {
            rejects.clear();
        }
        Ok(Tried {
            batches,
            settled,
            rejects,
        })
    }

    /// Decodes what is kept of `records`: rows, and which of them became none. How deep they are nested
    /// does not matter any more: somebody asks for just these.
    async fn decode(
        &self,
        form: RejectForm,
        records: &[&KeptReject],
    ) -> Result<(Vec<Batch>, Vec<u64>)> {
        let Some(first) = records.first() else {
            return Ok((Vec::new(), Vec::new()));
        };
        let stamp = Stamp {
            // What there is of a row in child tables leads to it by that run.
            run_id: first.key.run,
            request_id: first.request_id,
            extracted_at: self.doors.clock.now(),
        };
        let raws = records.iter().map(|it| match form {
            RejectForm::Record => it.raw.clone(),
            RejectForm::Row | RejectForm::Child => hoisted(&it.raw),
        });
        let body = format!("[{}]", raws.collect::<Vec<_>>().join(","));
        let (content, columns, explode) = match form {
            RejectForm::Record => (
                self.plan.content.wrapper.clone(),
                self.plan.columns.clone(),
                self.plan.explode.clone(),
            ),
            RejectForm::Row | RejectForm::Child => (None, Vec::new(), None),
        };
        let decode = move || -> Result<(Vec<Batch>, Vec<u64>)> {
            let limits = Limits {
                depth: usize::MAX,
                ..Limits::default()
            };
            let content = ContentPlan {
                path: Place::Path(Path::default()),
                siblings: Siblings::none(),
                wrapper: content,
            };
            let located = Wanted::new(&content, &[], limits.depth).locate(body.as_bytes())?;
            let mut decoder = Decoder::new(content, columns, &limits).exploding(explode);
            let decoded = decoder.decode(body.as_bytes(), &located, &stamp)?;
            let rejects = decoded.rejects.iter().map(|reject| reject.index);
            Ok((decoded.batches, rejects.collect()))
        };
        compute(&*self.doors.compute, decode).await?
    }

    /// Rows are added, whatever else a run does to the table.
    async fn begin(&self, schemas: Schemas) -> Result<Table> {
        let (task, destination) = (self.task, &*self.doors.destination);
        let disposition = match &task.stage {
            None => Disposition::Append,
            Some(stage) => Disposition::Merge(task.shape.of_stage(stage.clone())).keeping_absent(),
        };
        let key = self.key.clone();
        Table::open(destination, &task.table, schemas, disposition, key).await
    }
}

/// The numbers of the rows that `records` become, but for those that are `rejected`: the ones by which
/// child tables know them already, or such as no other row of the request has.
fn numbers(form: RejectForm, records: &[&KeptReject], rejected: &[u64]) -> Numbers {
    #[derive(Default, Deserialize)]
    struct Numbered {
        #[serde(rename = "_tapline_row")]
        number: Option<i64>,
    }
    let index = records.first().map_or(0, |it| it.key.index);
    let first = i64::try_from(index.saturating_add(1)).unwrap_or_default();
    let is_row = form == RejectForm::Row;
    let left = records.iter().zip(0u64..);
    let left = left.filter(|(_, at)| is_row && !rejected.contains(at));
    let known = left.map(|(record, _)| {
        let numbered: Numbered = serde_json::from_str(&record.raw).unwrap_or_default();
        numbered.number
    });
    Numbers {
        known: known.collect(),
        first: (first << 32) | (i64::from(is_row) << 31),
    }
}
