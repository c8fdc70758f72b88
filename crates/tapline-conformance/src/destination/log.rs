//! Cases on what is kept beside the rows: rejects, and which pages a table was made of.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow_schema::{DataType, Field, Schema};
use tapline_core::{Disposition, LoadedPage, Reject, RejectForm, RejectKey, column};
use uuid::Uuid;

use super::fixture::{
    PIPELINE, batch, begin, begin_ids, ids, key, load, members, page, sees, write,
};
use super::{Outcome, Subject};
use crate::outcome::same;

fn reject(index: u64, form: RejectForm) -> Reject {
    Reject {
        index,
        reason: format!("reason {index}"),
        raw: format!("{{\"n\":{index}}}"),
        form,
    }
}

fn reject_key(run: u64, seq: u64, index: u64, form: RejectForm) -> RejectKey {
    RejectKey {
        run: key(run).run,
        slice: String::new(),
        seq,
        index,
        form,
    }
}

/// Rejects are found in the order of their keys, in parts; and are gone with the commit that settles
/// them, and no earlier.
pub(super) async fn rejects(subject: &dyn Subject) -> Outcome {
    use RejectForm::{Record, Row};
    let mut writer = begin_ids(subject, Disposition::Append, key(1)).await?;
    let mut first = page(1);
    first.rejects = vec![reject(3, Row), reject(3, Record), reject(0, Record)];
    write(&mut writer, ids(&[1])?, first).await?;
    let mut second = page(2);
    second.rejects = vec![reject(1, Record)];
    write(&mut writer, ids(&[2])?, second).await?;
    let _ = writer.publish().await?;
    let keys = [
        reject_key(1, 1, 0, Record),
        reject_key(1, 1, 3, Record),
        reject_key(1, 1, 3, Row),
        reject_key(1, 2, 1, Record),
    ];
    found(subject, "rejects", None, &keys).await?;
    found(
        subject,
        "rejects after the second",
        Some(&keys[1]),
        &keys[2..],
    )
    .await?;
    let one = subject
        .open()?
        .rejects(&members(), PIPELINE, None, 1)
        .await?;
    same("so many at most", one.len(), 1)?;
    let kept = one
        .first()
        .map(|it| (it.request_id, it.reason.as_str(), it.raw.as_str()));
    let expected = (Uuid::from_u128(1001), "reason 0", "{\"n\":0}");
    same("what is kept", kept, Some(expected))?;
    let others = subject
        .open()?
        .rejects(&members(), "another", None, 9)
        .await?;
    same("rejects of another pipeline", others.len(), 0)?;

    let mut writer = begin_ids(subject, Disposition::Append, key(2)).await?;
    found(subject, "rejects before the commit", None, &keys).await?;
    let mut third = page(1);
    third.settles = vec![keys[0].clone(), keys[2].clone()];
    write(&mut writer, ids(&[3])?, third).await?;
    let _ = writer.publish().await?;
    let left = [keys[1].clone(), keys[3].clone()];
    found(subject, "rejects after the commit", None, &left).await?;
    sees(subject, "rows", Some(&[1, 2, 3])).await
}

/// A full load shows its own rejects, and no longer those of the rows that it replaces, nor of a load
/// that nobody will finish.
pub(super) async fn replaced_rejects(subject: &dyn Subject) -> Outcome {
    use RejectForm::Record;
    for number in [1, 2, 3, 4] {
        let mut writer = begin_ids(subject, Disposition::Replace, key(number)).await?;
        let mut only = page(1);
        only.rejects = vec![reject(number, Record)];
        write(&mut writer, ids(&[1])?, only).await?;
        // The third is killed.
        if number != 3 {
            let _ = writer.publish().await?;
            let own = [reject_key(number, 1, number, Record)];
            found(subject, &format!("after load {number}"), None, &own).await?;
        }
    }
    let mut writer = begin_ids(subject, Disposition::Replace, key(5)).await?;
    let mut only = page(1);
    only.rejects = vec![reject(5, Record)];
    write(&mut writer, ids(&[5])?, only).await?;
    drop(writer);
    // Somebody who adds rows goes on from nothing that is hidden.
    let mut writer = begin_ids(subject, Disposition::Append, key(6)).await?;
    let own = [reject_key(4, 1, 4, Record)];
    found(subject, "once another run has begun", None, &own).await?;
    write(&mut writer, ids(&[6])?, page(1)).await?;
    let _ = writer.publish().await?;
    sees(subject, "rows", Some(&[1, 6])).await
}

async fn found(
    subject: &dyn Subject,
    what: &str,
    after: Option<&RejectKey>,
    want: &[RejectKey],
) -> Outcome {
    let found = subject
        .open()?
        .rejects(&members(), PIPELINE, after, 9)
        .await?;
    let keys: Vec<RejectKey> = found.into_iter().map(|it| it.key).collect();
    same(what, keys, want.to_vec())
}

/// Columns are found where fields would go, with types that take what they hold.
pub(super) async fn columns(subject: &dyn Subject) -> Outcome {
    let arrays: [(&str, ArrayRef); 4] = [
        ("flag", Arc::new(BooleanArray::from(vec![true]))),
        ("count", Arc::new(Int64Array::from(vec![1]))),
        ("share", Arc::new(Float64Array::from(vec![0.5]))),
        ("name", Arc::new(StringArray::from(vec!["a"]))),
    ];
    let rows = batch(arrays)?;
    let schema = rows.records.schema();
    let nobody = subject.open()?.columns(&members(), schema.clone()).await?;
    same("columns of no table", nobody, vec![None; 4])?;
    let append = Disposition::Append;
    let mut writer = begin(subject, &members(), schema.clone(), append, key(1)).await?;
    write(&mut writer, rows, page(1)).await?;
    let _ = writer.publish().await?;
    let mut wanted: Vec<Field> = schema
        .fields()
        .iter()
        .map(|it| it.as_ref().clone())
        .collect();
    wanted.push(Field::new("other", DataType::Int64, true));
    // What a field would bring does not matter.
    wanted[1] = Field::new("count", DataType::Utf8, true);
    let asked = Arc::new(Schema::new(wanted));
    let found = subject.open()?.columns(&members(), asked).await?;
    let types: Vec<_> = found
        .iter()
        .map(|it| it.as_ref().map(Field::data_type))
        .collect();
    let expected = vec![
        Some(&DataType::Boolean),
        Some(&DataType::Int64),
        Some(&DataType::Float64),
        Some(&DataType::Utf8),
        None,
    ];
    same("columns of the table", types, expected)
}

/// The log says which pages a table was made of, and the rows say which runs have some in it.
pub(super) async fn pages(subject: &dyn Subject) -> Outcome {
    let nothing = subject.open()?.pages(&members(), PIPELINE).await?;
    same("pages of no table", nothing.pages, vec![])?;
    let run = key(1).run.to_string();
    let row = |seq: i64| {
        let run: ArrayRef = Arc::new(StringArray::from(vec![run.as_str()]));
        let id: ArrayRef = Arc::new(Int64Array::from(vec![seq]));
        batch([("id", id), (column::RUN_ID, run)])
    };
    let schema = row(1)?.records.schema();
    let append = Disposition::Append;
    let mut writer = begin(subject, &members(), schema, append, key(1)).await?;
    write(&mut writer, row(1)?, page(1)).await?;
    // What tapline notes there itself was no answer of a source.
    let mut own = page(2);
    own.request.status = 0;
    write(&mut writer, row(2)?, own).await?;
    write(&mut writer, row(3)?, page(3)).await?;
    let _ = writer.publish().await?;
    let loaded = subject.open()?.pages(&members(), PIPELINE).await?;
    let pages = [1001, 1003].map(|request| LoadedPage {
        run: key(1).run,
        request: Uuid::from_u128(request),
    });
    same("pages", loaded.pages, pages.to_vec())?;
    same("runs with rows", loaded.visible, vec![key(1).run])?;
    let others = subject.open()?.pages(&members(), "another").await?;
    same("pages of another pipeline", others.pages, vec![])
}

/// A full load leaves no run in the table but its own.
pub(super) async fn replaced(subject: &dyn Subject) -> Outcome {
    load(subject, 1, &[1]).await?;
    load(subject, 2, &[2]).await?;
    let loaded = subject.open()?.pages(&members(), PIPELINE).await?;
    same(
        "the last page's run",
        loaded.pages.last().map(|it| it.run),
        Some(key(2).run),
    )
}
