//! Cases on commits: once, in order, under the newest fence, and found again.

use tapline_core::{CommitKey, Disposition, ErrorKind, FoundTable, LastCommit, Position, TableRef};

use super::fixture::{
    PIPELINE, begin_ids, ids, key, members, page, page_of, progress, sees, write,
};
use super::{Outcome, Subject};
use crate::outcome::{refused, same};

pub(super) async fn visible(subject: &dyn Subject) -> Outcome {
    let mut writer = begin_ids(subject, Disposition::Append, key(1)).await?;
    for (seq, want) in [(1, &[1][..]), (2, &[1, 2])] {
        let id = i64::try_from(seq).unwrap_or_default();
        write(&mut writer, ids(&[id])?, page(seq)).await?;
        sees(subject, "after the commit", Some(want)).await?;
    }
    drop(writer);
    sees(subject, "after the writer is gone", Some(&[1, 2])).await
}

pub(super) async fn repeated(subject: &dyn Subject) -> Outcome {
    let mut writer = begin_ids(subject, Disposition::Append, key(1)).await?;
    for seq in [1, 2, 2, 1] {
        write(&mut writer, ids(&[7])?, page(seq)).await?;
    }
    write(&mut writer, ids(&[8])?, page_of("other", 1)).await?;
    drop(writer);
    let mut again = begin_ids(subject, Disposition::Append, key(1)).await?;
    write(&mut again, ids(&[7])?, page(2)).await?;
    sees(subject, "after repeats", Some(&[7, 7, 8])).await
}

pub(super) async fn resumed(subject: &dyn Subject) -> Outcome {
    let mut writer = begin_ids(subject, Disposition::Append, key(1)).await?;
    write(&mut writer, ids(&[5])?, page(1)).await?;
    write(&mut writer, ids(&[6])?, page(2)).await?;
    drop(writer);
    let found = subject.open()?.recover(PIPELINE).await?;
    same("recovered", found, vec![last(1, "", 2)])?;
    let next = CommitKey { fence: 2, ..key(1) };
    let mut writer = begin_ids(subject, Disposition::Append, next).await?;
    write(&mut writer, ids(&[6])?, page(2)).await?;
    write(&mut writer, ids(&[7])?, page(3)).await?;
    sees(subject, "once resumed", Some(&[5, 6, 7])).await?;
    let _ = writer.publish().await?;
    let left = subject.open()?.recover(PIPELINE).await?;
    same("recovered after publish", left, vec![])?;
    sees(subject, "after publish", Some(&[5, 6, 7])).await
}

pub(super) async fn beside(subject: &dyn Subject) -> Outcome {
    let mut first = begin_ids(subject, Disposition::Append, key(1)).await?;
    write(&mut first, ids(&[1])?, page(1)).await?;
    first.flush().await?;
    drop(first);
    let mut second = begin_ids(subject, Disposition::Append, key(2)).await?;
    write(&mut second, ids(&[2])?, page(1)).await?;
    let _ = second.publish().await?;
    let found = subject.open()?.recover(PIPELINE).await?;
    same("of the first", found, vec![last(1, "", 1)])?;
    let next = CommitKey { fence: 3, ..key(1) };
    let mut first = begin_ids(subject, Disposition::Append, next).await?;
    write(&mut first, ids(&[1])?, page(1)).await?;
    write(&mut first, ids(&[3])?, page(2)).await?;
    let _ = first.publish().await?;
    let left = subject.open()?.recover(PIPELINE).await?;
    same("recovered after both", left, vec![])?;
    sees(subject, "after both", Some(&[1, 2, 3])).await
}

pub(super) async fn aborted(subject: &dyn Subject) -> Outcome {
    let mut writer = begin_ids(subject, Disposition::Append, key(1)).await?;
    write(&mut writer, ids(&[1])?, page(1)).await?;
    writer.flush().await?;
    writer.abort().await?;
    let left = subject.open()?.recover(PIPELINE).await?;
    same("recovered", left, vec![])?;
    sees(subject, "after abort", Some(&[1])).await
}

pub(super) async fn next_run(subject: &dyn Subject) -> Outcome {
    for number in [1, 2] {
        let mut writer = begin_ids(subject, Disposition::Append, key(number)).await?;
        write(&mut writer, ids(&[5])?, page(1)).await?;
        let _ = writer.publish().await?;
    }
    sees(subject, "after two runs", Some(&[5, 5])).await
}

pub(super) async fn found(subject: &dyn Subject) -> Outcome {
    let destination = subject.open()?;
    let (ours, other) = (members(), TableRef::public("other"));
    let nothing = FoundTable::default();
    same("before", destination.find(&ours, PIPELINE).await?, nothing)?;
    let mut writer = begin_ids(subject, Disposition::Append, key(4)).await?;
    write(&mut writer, ids(&[1])?, page(1)).await?;
    let is_there = |fence| FoundTable {
        is_there: true,
        fence,
    };
    let destination = subject.open()?;
    let found = destination.find(&ours, PIPELINE).await?;
    same("after a commit", found, is_there(4))?;
    let found = destination.find(&ours, "another").await?;
    same("by another pipeline", found, is_there(0))?;
    let found = destination.find(&other, PIPELINE).await?;
    same("another table", found.is_there, false)
}

pub(super) async fn fenced(subject: &dyn Subject) -> Outcome {
    let mut old = begin_ids(subject, Disposition::Append, key(1)).await?;
    write(&mut old, ids(&[1])?, page(1)).await?;
    let mut new = begin_ids(subject, Disposition::Append, key(2)).await?;
    let late = old.write(vec![ids(&[2])?], page(2)).await;
    refused("a write under the old fence", late, ErrorKind::Locked)?;
    let late = old.publish().await;
    refused("a publish under the old fence", late, ErrorKind::Locked)?;
    write(&mut new, ids(&[3])?, page(1)).await?;
    let late = begin_ids(subject, Disposition::Append, key(1)).await;
    same("a begin under the old fence", late.is_err(), true)?;
    let mut other = key(1);
    other.pipeline = "another".to_owned();
    let mut other = begin_ids(subject, Disposition::Append, other).await?;
    write(&mut other, ids(&[4])?, page(1)).await?;
    sees(subject, "under the newest fence", Some(&[1, 3, 4])).await
}

pub(super) async fn empty_page(subject: &dyn Subject) -> Outcome {
    let mut writer = begin_ids(subject, Disposition::Append, key(1)).await?;
    let receipt = writer.write(Vec::new(), page(1)).await?;
    same("rows accepted", receipt.accepted, 0)?;
    drop(writer);
    same(
        "recovered",
        subject.open()?.recover(PIPELINE).await?,
        vec![last(1, "", 1)],
    )
}

pub(super) async fn recovered(subject: &dyn Subject) -> Outcome {
    let mut writer = begin_ids(subject, Disposition::Append, key(1)).await?;
    for (slice, seq) in [("a", 1), ("b", 1), ("a", 2), ("a", 2)] {
        write(&mut writer, ids(&[1])?, page_of(slice, seq)).await?;
    }
    let destination = subject.open()?;
    let want = vec![last(1, "a", 2), last(1, "b", 1)];
    same("while running", destination.recover(PIPELINE).await?, want)?;
    same("of another", destination.recover("other").await?, vec![])?;
    let _ = writer.publish().await?;
    same("published", destination.recover(PIPELINE).await?, vec![])
}

pub(super) fn last(number: u64, slice: &str, seq: u64) -> LastCommit {
    LastCommit {
        key: key(number),
        slice: slice.to_owned(),
        seq,
        position: Some(Position::Offset(seq)),
        progress: progress(seq),
    }
}
