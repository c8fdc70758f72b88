//! Cases on stages: one row for each record, beside all of its versions.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int64Array, StringArray};
use tapline_core::{Batch, CursorType, Deletions, Disposition, Stage, TableRef, Writer, column};

use super::fixture::{batch, begin, key, members, page, write};
use super::{Failure, Outcome, Subject};
use crate::outcome::same;

/// A version of a record: its key, its cursor, a text, and whether it is deleted.
type Version<'a> = (Option<i64>, Option<&'a str>, &'a str, Option<bool>);

/// Versions that the run `number` has brought.
fn versions(number: u64, rows: &[Version<'_>]) -> Result<Batch, Failure> {
    let ids = rows.iter().map(|(id, ..)| *id);
    let cursors = rows.iter().map(|(_, at, ..)| *at);
    let texts = rows.iter().map(|(_, _, text, _)| *text);
    let gone = rows.iter().map(|(.., gone)| *gone);
    let run = key(number).run.to_string();
    let runs = rows.iter().map(|_| run.as_str());
    batch([
        ("id", Arc::new(Int64Array::from_iter(ids)) as ArrayRef),
        ("at", Arc::new(StringArray::from_iter(cursors))),
        ("text", Arc::new(StringArray::from_iter_values(texts))),
        ("gone", Arc::new(BooleanArray::from_iter(gone))),
        (
            column::RUN_ID,
            Arc::new(StringArray::from_iter_values(runs)),
        ),
    ])
}

fn stage(deletions: Option<Deletions>) -> Stage {
    Stage {
        table: TableRef {
            schema: "staged".to_owned(),
            name: "members".to_owned(),
        },
        keys: vec!["id".to_owned()],
        cursor: "at".to_owned(),
        cursor_type: CursorType::Timestamp,
        deletions,
    }
}

fn by_field(soft: bool) -> Option<Deletions> {
    Some(Deletions {
        field: Some("gone".to_owned()),
        absent: false,
        soft,
    })
}

async fn open(
    subject: &dyn Subject,
    number: u64,
    stage: Stage,
) -> Result<Box<dyn Writer>, Failure> {
    let schema = versions(number, &[])?.records.schema();
    let disposition = Disposition::Merge(stage);
    Ok(begin(subject, &members(), schema, disposition, key(number)).await?)
}

/// Has the run `number` write these pages, and publishes.
async fn merge(
    subject: &dyn Subject,
    number: u64,
    stage: Stage,
    pages: &[&[Version<'_>]],
) -> Outcome {
    let mut writer = open(subject, number, stage).await?;
    for (seq, rows) in (1..).zip(pages) {
        write(&mut writer, versions(number, rows)?, page(seq)).await?;
    }
    let _ = writer.publish().await?;
    Ok(())
}

/// Fails unless the stage holds exactly these records: key, text, and whether they are marked.
async fn holds(subject: &dyn Subject, what: &str, want: &[(i64, &str, Option<bool>)]) -> Outcome {
    let mut schema = versions(0, &[])?.records.schema().as_ref().clone();
    let mut columns: Vec<_> = schema.fields().iter().cloned().collect();
    if want.iter().any(|(.., marked)| marked.is_some()) {
        let marked =
            arrow_schema::Field::new(column::DELETED, arrow_schema::DataType::Boolean, true);
        columns.push(Arc::new(marked));
    }
    schema.fields = columns.into();
    let rows = subject.rows(&stage(None).table, &schema).await?;
    let mut got: Vec<_> = rows
        .unwrap_or_default()
        .into_iter()
        .map(|row| {
            (
                row[0].clone(),
                row[2].clone(),
                row.get(5).cloned().flatten(),
            )
        })
        .collect();
    got.sort();
    let text = |text: &dyn ToString| Some(text.to_string());
    let want = want.iter();
    let want = want.map(|(id, v, marked)| (text(id), text(v), marked.map(|is| is.to_string())));
    same(what, got, want.collect::<Vec<_>>())
}

const NINE: Option<&str> = Some("2026-01-02T09:00:00Z");
const TEN: Option<&str> = Some("2026-01-02T10:00:00Z");
/// Ten o'clock, too.
const ELEVEN_IN_PARIS: Option<&str> = Some("2026-01-02T11:00:00+01:00");
const NOON: Option<&str> = Some("2026-01-02T12:00:00.5Z");

pub(super) async fn latest(subject: &dyn Subject) -> Outcome {
    let mut writer = open(subject, 1, stage(None)).await?;
    let first: &[Version<'_>] = &[
        (Some(1), TEN, "a", None),
        (Some(2), TEN, "b", None),
        (Some(1), NINE, "older", None),
        (None, TEN, "nobody", None),
    ];
    write(&mut writer, versions(1, first)?, page(1)).await?;
    let want = [(1, "a", None), (2, "b", None)];
    holds(subject, "after a page", &want).await?;
    let second: &[Version<'_>] = &[
        (Some(1), ELEVEN_IN_PARIS, "later of two", None),
        (Some(2), NINE, "late", None),
        (Some(3), None, "without", None),
        (Some(3), NINE, "with", None),
        (Some(3), None, "without again", None),
        (Some(4), NOON, "c", None),
    ];
    for _ in 0..2 {
        write(&mut writer, versions(1, second)?, page(2)).await?;
    }
    let want = [
        (1, "later of two", None),
        (2, "b", None),
        (3, "with", None),
        (4, "c", None),
    ];
    holds(subject, "after two pages, one of them repeated", &want).await?;
    let _ = writer.publish().await?;
    let next: &[Version<'_>] = &[(Some(4), Some("2026-01-02T12:00:01Z"), "d", None)];
    merge(subject, 2, stage(None), &[next]).await?;
    let schema = versions(1, &[])?.records.schema();
    let all = subject.rows(&members(), &schema).await?;
    same("versions", all.map(|rows| rows.len()), Some(11))?;
    let want = [
        (1, "later of two", None),
        (2, "b", None),
        (3, "with", None),
        (4, "d", None),
    ];
    holds(subject, "after the next run", &want).await
}

pub(super) async fn deleted(subject: &dyn Subject) -> Outcome {
    let hard = || stage(by_field(false));
    let first: &[Version<'_>] = &[
        (Some(1), NINE, "a", Some(false)),
        (Some(2), NINE, "b", None),
        (Some(3), TEN, "c", Some(true)),
    ];
    merge(subject, 1, hard(), &[first]).await?;
    holds(
        subject,
        "of the first run",
        &[(1, "a", None), (2, "b", None)],
    )
    .await?;
    let second: &[Version<'_>] = &[
        (Some(2), TEN, "gone", Some(true)),
        (Some(3), NINE, "late", None),
    ];
    merge(subject, 2, hard(), &[second]).await?;
    holds(subject, "once deleted", &[(1, "a", None)]).await?;
    let third: &[Version<'_>] = &[(Some(2), NOON, "back", Some(false))];
    merge(subject, 3, hard(), &[third]).await?;
    holds(
        subject,
        "once it is back",
        &[(1, "a", None), (2, "back", None)],
    )
    .await?;
    // The same, marked: the stage is made anew.
    merge(subject, 4, stage(by_field(true)), &[]).await?;
    let want = [
        (1, "a", Some(false)),
        (2, "back", Some(false)),
        (3, "c", Some(true)),
    ];
    holds(subject, "marked", &want).await
}

pub(super) async fn absent(subject: &dyn Subject) -> Outcome {
    let with = |absent, soft| {
        stage(Some(Deletions {
            field: None,
            absent,
            soft,
        }))
    };
    let all: &[Version<'_>] = &[
        (Some(1), NINE, "a", None),
        (Some(2), NINE, "b", None),
        (Some(3), NINE, "c", None),
    ];
    let soft = true;
    merge(subject, 1, with(true, soft), &[all]).await?;
    let some: &[Version<'_>] = &[(Some(1), NINE, "a", None), (Some(3), TEN, "c2", None)];
    merge(subject, 2, with(false, soft), &[some]).await?;
    let none = Some(false);
    let want = [(1, "a", none), (2, "b", none), (3, "c2", none)];
    holds(subject, "while not all was read", &want).await?;
    merge(subject, 3, with(true, soft), &[some]).await?;
    let want = [(1, "a", none), (2, "b", Some(true)), (3, "c2", none)];
    holds(subject, "once all was read", &want).await?;
    merge(subject, 4, with(true, soft), &[all]).await?;
    // What is left of a newer version does not bring an older one back.
    let want = [(1, "a", none), (2, "b", none), (3, "c2", none)];
    holds(subject, "once it is back", &want).await?;
    merge(subject, 5, with(true, false), &[&all[..1]]).await?;
    holds(subject, "removed", &[(1, "a", None)]).await
}

pub(super) async fn made_anew(subject: &dyn Subject) -> Outcome {
    let append = |number, rows| async move {
        let batch = versions(number, rows)?;
        let schema = batch.records.schema();
        let append = Disposition::Append;
        let mut writer = begin(subject, &members(), schema, append, key(number)).await?;
        write(&mut writer, batch, page(1)).await?;
        let _ = writer.publish().await?;
        Ok::<_, Failure>(())
    };
    let first: &[Version<'_>] = &[(Some(1), TEN, "a", None), (Some(1), NINE, "older", None)];
    append(1, first).await?;
    merge(subject, 2, stage(None), &[]).await?;
    holds(subject, "of what was there", &[(1, "a", None)]).await?;
    let second: &[Version<'_>] = &[(Some(1), NOON, "b", None), (Some(2), NINE, "c", None)];
    append(3, second).await?;
    merge(subject, 4, stage(None), &[]).await?;
    holds(
        subject,
        "of what came since",
        &[(1, "b", None), (2, "c", None)],
    )
    .await?;
    let mut other = stage(None);
    other.keys.push("text".to_owned());
    merge(subject, 5, other, &[]).await?;
    let want = [
        (1, "a", None),
        (1, "b", None),
        (1, "older", None),
        (2, "c", None),
    ];
    holds(subject, "by other keys", &want).await?;
    let mut other = stage(None);
    (other.cursor, other.cursor_type) = ("text".to_owned(), CursorType::String);
    merge(subject, 6, other, &[]).await?;
    holds(subject, "by arrival", &[(1, "b", None), (2, "c", None)]).await
}

pub(super) async fn grows(subject: &dyn Subject) -> Outcome {
    let known = batch([("x", Arc::new(Int64Array::from(vec![1])) as ArrayRef)])?;
    let disposition = Disposition::Merge(stage(None));
    let schema = known.records.schema();
    let mut writer = begin(subject, &members(), schema, disposition, key(1)).await?;
    // As long as nobody has seen a key, nothing can be told from anything.
    write(&mut writer, known, page(1)).await?;
    let rows: &[Version<'_>] = &[(Some(1), TEN, "a", None), (Some(2), TEN, "b", None)];
    let rows = versions(1, rows)?;
    let _ = writer.evolve(rows.records.schema()).await?;
    write(&mut writer, rows, page(2)).await?;
    holds(
        subject,
        "with new columns",
        &[(1, "a", None), (2, "b", None)],
    )
    .await?;
    let texts = StringArray::from(vec!["2"]);
    let wider = batch([
        ("id", Arc::new(texts) as ArrayRef),
        ("text", Arc::new(StringArray::from(vec!["c"]))),
    ])?;
    let _ = writer.evolve(wider.records.schema()).await?;
    write(&mut writer, wider, page(3)).await?;
    let _ = writer.publish().await?;
    let schema = batch([("id", Arc::new(StringArray::new_null(0)) as ArrayRef)])?;
    let ids = subject
        .rows(&stage(None).table, &schema.records.schema())
        .await?;
    same(
        "as many as there are keys",
        ids.is_some_and(|ids| ids.len() >= 2),
        true,
    )
}

pub(super) async fn foreign(subject: &dyn Subject) -> Outcome {
    let batch = versions(1, &[(Some(1), TEN, "mine", None)])?;
    let table = stage(None).table;
    let schema = batch.records.schema();
    let mut writer = begin(subject, &table, schema, Disposition::Append, key(1)).await?;
    write(&mut writer, batch, page(1)).await?;
    let _ = writer.publish().await?;
    let begun = open(subject, 2, stage(None)).await;
    same("a table of somebody else is taken", begun.is_ok(), false)?;
    holds(subject, "it stays", &[(1, "mine", None)]).await
}
