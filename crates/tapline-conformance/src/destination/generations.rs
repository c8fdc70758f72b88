//! Cases on full loads: hidden until complete, shown in one step, resumable.

use tapline_core::{CommitKey, Disposition, TableRef};

use super::commits::last;
use super::fixture::{PIPELINE, begin, begin_ids, ids, key, load, page, sees, write};
use super::{Outcome, Subject};
use crate::outcome::same;

pub(super) async fn hidden(subject: &dyn Subject) -> Outcome {
    let mut writer = begin_ids(subject, Disposition::Replace, key(1)).await?;
    sees(subject, "after begin", None).await?;
    write(&mut writer, ids(&[1, 2])?, page(1)).await?;
    sees(subject, "after a commit", None).await?;
    let published = writer.publish().await?;
    same("rows published", published.rows, 2)?;
    sees(subject, "after publish", Some(&[1, 2])).await
}

pub(super) async fn replaced(subject: &dyn Subject) -> Outcome {
    load(subject, 1, &[1, 2, 3]).await?;
    let mut writer = begin_ids(subject, Disposition::Replace, key(2)).await?;
    write(&mut writer, ids(&[9])?, page(1)).await?;
    sees(subject, "before publish", Some(&[1, 2, 3])).await?;
    let _ = writer.publish().await?;
    sees(subject, "after publish", Some(&[9])).await?;
    load(subject, 3, &[]).await?;
    sees(subject, "after an empty load", Some(&[])).await
}

pub(super) async fn aborted(subject: &dyn Subject) -> Outcome {
    load(subject, 1, &[1]).await?;
    let mut writer = begin_ids(subject, Disposition::Replace, key(2)).await?;
    write(&mut writer, ids(&[2])?, page(1)).await?;
    writer.abort().await?;
    sees(subject, "after abort", Some(&[1])).await?;
    let left = subject.open()?.recover(PIPELINE).await?;
    same("recovered", left, vec![])
}

pub(super) async fn two_tables(subject: &dyn Subject) -> Outcome {
    let staged = TableRef {
        schema: "staged".to_owned(),
        name: "members".to_owned(),
    };
    let schema = ids(&[])?.records.schema();
    let mut raw = begin_ids(subject, Disposition::Replace, key(1)).await?;
    let mut other = begin(
        subject,
        &staged,
        schema.clone(),
        Disposition::Replace,
        key(1),
    )
    .await?;
    write(&mut raw, ids(&[1])?, page(1)).await?;
    write(&mut other, ids(&[2])?, page(1)).await?;
    let _ = raw.publish().await?;
    let unpublished = subject.rows(&staged, &schema).await?;
    same("the second, before its publish", unpublished, None)?;
    let _ = other.publish().await?;
    sees(subject, "the first", Some(&[1])).await?;
    let got = subject.rows(&staged, &schema).await?;
    same("the second", got, Some(vec![vec![Some("2".to_owned())]]))
}

pub(super) async fn resumed(subject: &dyn Subject) -> Outcome {
    load(subject, 1, &[1]).await?;
    let mut writer = begin_ids(subject, Disposition::Replace, key(2)).await?;
    write(&mut writer, ids(&[5])?, page(1)).await?;
    write(&mut writer, ids(&[6])?, page(2)).await?;
    drop(writer);
    sees(subject, "after the kill", Some(&[1])).await?;
    let found = subject.open()?.recover(PIPELINE).await?;
    same("recovered", found, vec![last(2, "", 2)])?;

    let next = CommitKey {
        generation: 2,
        ..key(3)
    };
    let mut writer = begin_ids(subject, Disposition::Replace, next).await?;
    write(&mut writer, ids(&[6])?, page(2)).await?;
    write(&mut writer, ids(&[7])?, page(3)).await?;
    let found = subject.open()?.recover(PIPELINE).await?;
    let seqs: Vec<u64> = found.iter().map(|commit| commit.seq).collect();
    same("recovered while resumed", seqs, vec![3])?;
    let _ = writer.publish().await?;
    sees(subject, "after publish", Some(&[5, 6, 7])).await
}

pub(super) async fn kept(subject: &dyn Subject) -> Outcome {
    let mut writer = begin_ids(subject, Disposition::Replace, key(1)).await?;
    write(&mut writer, ids(&[5])?, page(1)).await?;
    write(&mut writer, ids(&[6])?, page(2)).await?;
    writer.flush().await?;
    drop(writer);
    sees(subject, "what is kept", None).await?;
    let found = subject.open()?.recover(PIPELINE).await?;
    same("recovered", found, vec![last(1, "", 2)])?;
    let next = CommitKey { fence: 2, ..key(1) };
    let mut writer = begin_ids(subject, Disposition::Replace, next).await?;
    write(&mut writer, ids(&[7])?, page(3)).await?;
    let _ = writer.publish().await?;
    sees(subject, "after publish", Some(&[5, 6, 7])).await
}

pub(super) async fn stale(subject: &dyn Subject) -> Outcome {
    let mut writer = begin_ids(subject, Disposition::Replace, key(1)).await?;
    write(&mut writer, ids(&[1])?, page(1)).await?;
    drop(writer);
    let mut writer = begin_ids(subject, Disposition::Replace, key(2)).await?;
    let left = subject.open()?.recover(PIPELINE).await?;
    same("recovered after a newer begin", left, vec![])?;
    write(&mut writer, ids(&[2])?, page(1)).await?;
    let _ = writer.publish().await?;
    sees(subject, "after publish", Some(&[2])).await
}
