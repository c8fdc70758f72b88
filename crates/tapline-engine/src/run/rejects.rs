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
use tapline_spec::{BodyFormat, ContentPlan, Plan, Siblings};
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
        slice: format!("rejects {}", task.run_id),
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
            let is_new = it.key.slice == retry.slice;
            !is_new && (task.sync_mode.adds() || visible.contains(&it.key.run))
        });
        let is_alike = |a: &KeptReject, b: &KeptReject| {
            (a.request_id, a.key.form) == (b.request_id, b.key.form)
        };
        for alike in found.chunk_by(is_alike) {
            // Of a record that becomes several rows all are kept, or none.
            let most = if plan.explode.is_some() {
                1
            } else {
                alike.len()
            };
            for some in alike.chunks(most) {
                lease.lost().map_or(Ok(()), Err)?;
                retry.page(some).await?;
            }
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
    /// Under which the rows come: no other retry has it, so no two rejects are called the same.
    slice: String,
    seq: u64,
    done: Retried,
}

/// What rejects became.
#[derive(Default)]
struct Tried {
    batches: Vec<Batch>,
    /// Those that are rows.
    settled: Vec<RejectKey>,
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
            slice: self.slice.clone(),
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
            rejects: Vec::new(),
            settles: tried.settled,
            raw: None,
        };
        let mut table = match self.table.take() {
            Some(table) => table,
            None => {
                let schemas = Schemas::of(&tried.batches);
                self.begin(schemas.unwrap_or_else(Schemas::none)).await?
            }
        };
        let receipt = table.write(tried.batches, commit, drop).await?;
        self.table = Some(table);
        self.done.accepted += receipt.accepted;
        self.done.left += receipt.rejected.len() as u64;
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
        let in_vain = |at: &u64| rejects.iter().any(|reject: &Reject| reject.index == *at);
        let rows = records.iter().zip(0u64..);
        let rows = rows.filter(|(_, at)| !decoded.contains(at));
        let rows = rows.map(|(record, _)| record).zip(0u64..);
        let is_one = self.plan.explode.is_some() && form == RejectForm::Record;
        if is_one && !rejects.is_empty() {
            return Ok(Tried::default());
        }
        let settled = rows.filter(|(_, at)| is_one || !in_vain(at));
        let settled = settled.map(|(record, _)| record.key.clone());
        Ok(Tried {
            settled: settled.collect(),
            batches,
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
                format: BodyFormat::Json,
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
        #[serde(rename = "_tapline_number")]
        number: Option<i64>,
    }
    let own = |record: &KeptReject| {
        let index = record.key.index.saturating_add(1) & 0x3fff_ffff;
        let is_row = i64::from(form == RejectForm::Row);
        (index.cast_signed() << 32) | (is_row << 31)
    };
    let left = records.iter().zip(0u64..);
    let left = left.filter(|(_, at)| form == RejectForm::Row && !rejected.contains(at));
    let known = left.map(|(record, _)| {
        let numbered: Numbered = serde_json::from_str(&record.raw).unwrap_or_default();
        Some(numbered.number.unwrap_or_else(|| own(record)))
    });
    Numbers {
        known: known.collect(),
        first: records.first().map_or(0, |record| own(record)),
    }
}
