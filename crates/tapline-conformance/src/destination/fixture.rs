//! Small values the cases are made of.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use tapline_core::{
    Batch, Commit, CommitKey, Disposition, Position, RequestRecord, Result, SliceProgress,
    TableRef, Writer,
};
use uuid::Uuid;

use super::{Failure, Outcome, Subject};
use crate::outcome::same;

pub(super) const PIPELINE: &str = "pipeline";

/// The run `number` of the pipeline, filling the generation of the same number.
pub(super) fn key(number: u64) -> CommitKey {
    CommitKey {
        pipeline: PIPELINE.to_owned(),
        run: Uuid::from_u128(number.into()),
        generation: number,
        fence: number,
    }
}

/// The page `seq` of the only slice; it leads to the offset of the same number.
pub(super) fn page(seq: u64) -> Commit {
    page_of("", seq)
}

pub(super) fn page_of(slice: &str, seq: u64) -> Commit {
    Commit {
        slice: slice.to_owned(),
        seq,
        position: Some(Position::Offset(seq)),
        progress: progress(seq),
        request: RequestRecord {
            request_id: Uuid::from_u128(1000 + u128::from(seq)),
            method: "GET".to_owned(),
            url: "https://api.example/members?key=***".to_owned(),
            status: 200,
            bytes: 1024,
            attempts: 1,
            waited_ms: 0,
            duration_ms: 12,
            received_at: jiff::Timestamp::UNIX_EPOCH,
        },
        rejects: Vec::new(),
        settles: Vec::new(),
        raw: None,
    }
}

/// What the pages up to `seq` have shown.
pub(super) fn progress(seq: u64) -> SliceProgress {
    SliceProgress {
        read: 10 * seq,
        total: Some(1000),
        ..SliceProgress::default()
    }
}

/// A batch with one nullable column per array.
pub(super) fn batch<'a>(
    columns: impl IntoIterator<Item = (&'a str, ArrayRef)>,
) -> Result<Batch, Failure> {
    let columns: Vec<(&str, ArrayRef)> = columns.into_iter().collect();
    let field =
        |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(schema), arrays)
        .map(Batch::insert)
        .map_err(fixture)
}

/// A batch with the column `id`.
pub(super) fn ids(ids: &[i64]) -> Result<Batch, Failure> {
    batch([("id", Arc::new(Int64Array::from(ids.to_vec())) as ArrayRef)])
}

pub(super) fn fixture(error: ArrowError) -> Failure {
    Failure(format!("the fixture is wrong: {error}"))
}

pub(super) fn members() -> TableRef {
    TableRef::public("members")
}

/// Begins on a new handle.
pub(super) async fn begin(
    subject: &dyn Subject,
    table: &TableRef,
    schema: SchemaRef,
    disposition: Disposition,
    key: CommitKey,
) -> Result<Box<dyn Writer>> {
    subject.open()?.begin(table, schema, disposition, key).await
}

/// Begins on `members` with the column `id`.
pub(super) async fn begin_ids(
    subject: &dyn Subject,
    disposition: Disposition,
    key: CommitKey,
) -> Result<Box<dyn Writer>, Failure> {
    let schema = ids(&[])?.records.schema();
    Ok(begin(subject, &members(), schema, disposition, key).await?)
}

/// Writes `batch` as the page `seq`.
pub(super) async fn write(writer: &mut Box<dyn Writer>, batch: Batch, commit: Commit) -> Outcome {
    let (rows, seq) = (batch.rows() as u64, commit.seq);
    let receipt = writer.write(vec![batch], commit).await?;
    same("rows accepted", receipt.accepted, rows)?;
    same("page of the receipt", receipt.seq, seq)
}

/// Loads `members` anew with `ids` and publishes.
pub(super) async fn load(subject: &dyn Subject, number: u64, rows: &[i64]) -> Outcome {
    let mut writer = begin_ids(subject, Disposition::Replace, key(number)).await?;
    write(&mut writer, ids(rows)?, page(1)).await?;
    let published = writer.publish().await?;
    same("rows published", published.rows, rows.len() as u64)
}

/// Fails unless a reader sees exactly `want` in the column `id` of `members`.
pub(super) async fn sees(subject: &dyn Subject, what: &str, want: Option<&[i64]>) -> Outcome {
    let schema = ids(&[])?.records.schema();
    let got = subject.rows(&members(), &schema).await?;
    let row = |id: &i64| vec![Some(id.to_string())];
    same(what, got, want.map(|ids| ids.iter().map(row).collect()))
}
