//! Cases on child tables: in the commits of their table, and hidden and shown with it.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use tapline_core::{Batch, CommitKey, Disposition, TableRef, Writer, column};

use super::fixture::{batch, begin_ids, ids, key, page, sees};
use super::{Failure, Outcome, Subject};
use crate::outcome::same;

/// The child table, as it is told by name.
const LINES: &str = "members__lines";

/// Rows of the child table, each with its place.
fn lines(ids: &[i64]) -> Result<Batch, Failure> {
    let places: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ids.len() as i64));
    let ids: ArrayRef = Arc::new(Int64Array::from(ids.to_vec()));
    let batch = batch([("id", ids), (column::POSITION, places)])?;
    Ok(Batch {
        child: Some(LINES.into()),
        ..batch
    })
}

async fn begin(
    subject: &dyn Subject,
    disposition: Disposition,
    key: CommitKey,
) -> Result<Box<dyn Writer>, Failure> {
    let mut writer = begin_ids(subject, disposition, key).await?;
    let schema = lines(&[])?.records.schema();
    let _ = writer.evolve_child(LINES, schema).await?;
    Ok(writer)
}

async fn write(
    writer: &mut Box<dyn Writer>,
    (members, children): (&[i64], &[i64]),
    seq: u64,
) -> Outcome {
    let batches = vec![ids(members)?, lines(children)?];
    let receipt = writer.write(batches, page(seq)).await?;
    same(
        "rows accepted, but for children",
        receipt.accepted,
        members.len() as u64,
    )
}

/// Fails unless a reader sees exactly these in both tables.
async fn both(subject: &dyn Subject, what: &str, want: Option<(&[i64], &[i64])>) -> Outcome {
    sees(subject, what, want.map(|(members, _)| members)).await?;
    let schema = ids(&[])?.records.schema();
    let got = subject.rows(&TableRef::public(LINES), &schema).await?;
    let row = |id: &i64| vec![Some(id.to_string())];
    let want = want.map(|(_, lines)| lines.iter().map(row).collect());
    same(&format!("{what}, in the child table"), got, want)
}

pub(super) async fn appended(subject: &dyn Subject) -> Outcome {
    let mut writer = begin(subject, Disposition::Append, key(1)).await?;
    write(&mut writer, (&[1, 2], &[11, 12, 21]), 1).await?;
    both(subject, "after a commit", Some((&[1, 2], &[11, 12, 21]))).await?;
    write(&mut writer, (&[1, 2], &[11, 12, 21]), 1).await?;
    both(subject, "after it again", Some((&[1, 2], &[11, 12, 21]))).await?;
    drop(writer);

    let next = CommitKey { fence: 2, ..key(1) };
    let mut writer = begin(subject, Disposition::Append, next).await?;
    write(&mut writer, (&[1, 2], &[11, 12, 21]), 1).await?;
    write(&mut writer, (&[3], &[]), 2).await?;
    let _ = writer.publish().await?;
    both(subject, "at the end", Some((&[1, 2, 3], &[11, 12, 21]))).await
}

pub(super) async fn replaced(subject: &dyn Subject) -> Outcome {
    let mut writer = begin(subject, Disposition::Replace, key(1)).await?;
    write(&mut writer, (&[1], &[11, 12]), 1).await?;
    both(subject, "before it is published", None).await?;
    let published = writer.publish().await?;
    same("rows published, but for children", published.rows, 1)?;
    both(subject, "after that", Some((&[1], &[11, 12]))).await?;

    let mut writer = begin(subject, Disposition::Replace, key(2)).await?;
    write(&mut writer, (&[2], &[21]), 1).await?;
    writer.abort().await?;
    both(
        subject,
        "after a load was given up",
        Some((&[1], &[11, 12])),
    )
    .await?;

    let mut writer = begin(subject, Disposition::Replace, key(3)).await?;
    write(&mut writer, (&[3], &[31]), 1).await?;
    drop(writer);
    both(subject, "after a kill", Some((&[1], &[11, 12]))).await?;
    let next = CommitKey { fence: 4, ..key(3) };
    let mut writer = begin(subject, Disposition::Replace, next).await?;
    write(&mut writer, (&[4], &[41]), 2).await?;
    let _ = writer.publish().await?;
    both(subject, "after it went on", Some((&[3, 4], &[31, 41]))).await?;

    let mut writer = begin(subject, Disposition::Replace, key(5)).await?;
    write(&mut writer, (&[5], &[51]), 1).await?;
    drop(writer);
    let mut writer = begin(subject, Disposition::Replace, key(6)).await?;
    write(&mut writer, (&[6], &[]), 1).await?;
    let _ = writer.publish().await?;
    both(subject, "after a newer load", Some((&[6], &[]))).await
}

pub(super) async fn evolved(subject: &dyn Subject) -> Outcome {
    let mut writer = begin(subject, Disposition::Append, key(1)).await?;
    write(&mut writer, (&[1], &[11]), 1).await?;
    let unknown = Batch {
        child: Some("members__others".into()),
        ..lines(&[1])?
    };
    let refused = writer.write(vec![ids(&[9])?, unknown], page(2)).await;
    same(
        "rows of a table that nobody opened are taken",
        refused.is_ok(),
        false,
    )?;
    both(subject, "then", Some((&[1], &[11]))).await?;
    let mut wider = lines(&[12])?;
    let more: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    let columns = [("id", 0), (column::POSITION, 1)];
    let columns = columns.map(|(name, at)| (name, Arc::clone(wider.records.column(at))));
    wider.records = batch(columns.into_iter().chain([("more", more)]))?.records;
    let change = writer.evolve_child(LINES, wider.records.schema()).await?;
    same("columns added", change.added, vec!["more".to_owned()])?;
    let schema = wider.records.schema();
    let _ = writer.write(vec![ids(&[])?, wider], page(2)).await?;
    let got = subject.rows(&TableRef::public(LINES), &schema).await?;
    let text = |text: &str| Some(text.to_owned());
    let want = vec![
        vec![text("11"), text("0"), None],
        vec![text("12"), text("0"), text("7")],
    ];
    same("rows of the child table", got, Some(want))
}
