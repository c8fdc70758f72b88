//! Cases on changing schemas: columns come and widen, values stay.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow_schema::{DataType, Field, Schema};
use tapline_core::{Disposition, TableRef};

use super::fixture::{batch, begin, key, members, page, write};
use super::{Outcome, Subject};
use crate::outcome::same;

pub(super) async fn adds(subject: &dyn Subject) -> Outcome {
    let id = |id: i64| ("id", Arc::new(Int64Array::from(vec![id])) as ArrayRef);
    let first = batch([id(1)])?;
    let schema = first.records.schema();
    let mut writer = begin(subject, &members(), schema, Disposition::Append, key(1)).await?;
    write(&mut writer, first, page(1)).await?;

    let flag: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    let second = batch([("new", flag), id(2)])?;
    let wider = second.records.schema();
    let change = writer.evolve(wider.clone()).await?;
    same("added", change.added, vec!["new".to_owned()])?;
    write(&mut writer, second, page(2)).await?;
    write(&mut writer, batch([id(3)])?, page(3)).await?;
    let again = writer.evolve(wider.clone()).await?;
    same("added again", again.added, vec![])?;
    let want = [
        [None, Some("1")],
        [Some("true"), Some("2")],
        [None, Some("3")],
    ];
    sees(subject, &wider, &want).await
}

/// Integers, then floats, then texts in one column. Whether the destination calls a step wider
/// is its own business: some keep each value in its type.
pub(super) async fn widens(subject: &dyn Subject) -> Outcome {
    let steps = steps()?;
    let schema = steps[0].records.schema();
    let mut writer = begin(subject, &members(), schema, Disposition::Append, key(1)).await?;
    for (seq, step) in (1..).zip(steps) {
        let change = writer.evolve(step.records.schema()).await?;
        same("columns added", change.added, vec![])?;
        write(&mut writer, step, page(seq)).await?;
    }
    sees(subject, &text("v"), &WIDENED).await
}

pub(super) async fn fits_existing(subject: &dyn Subject) -> Outcome {
    for (number, step) in (1..).zip(steps()?) {
        let schema = step.records.schema();
        let append = Disposition::Append;
        let mut writer = begin(subject, &members(), schema, append, key(number)).await?;
        write(&mut writer, step, page(1)).await?;
        let _ = writer.publish().await?;
    }
    sees(subject, &text("v"), &WIDENED).await
}

const WIDENED: [[Option<&str>; 1]; 5] = [
    [Some("7")],
    [Some("9007199254740993")],
    [Some("1.5")],
    [Some("007")],
    [Some("true")],
];

fn steps() -> Result<Vec<tapline_core::Batch>, super::Failure> {
    let arrays: [ArrayRef; 3] = [
        Arc::new(Int64Array::from(vec![7, 9_007_199_254_740_993])),
        Arc::new(Float64Array::from(vec![1.5])),
        Arc::new(StringArray::from(vec!["007", "true"])),
    ];
    arrays
        .into_iter()
        .map(|array| batch([("v", array)]))
        .collect()
}

fn text(column: &str) -> Schema {
    Schema::new(vec![Field::new(column, DataType::Utf8, true)])
}

async fn sees<const N: usize>(
    subject: &dyn Subject,
    schema: &Schema,
    want: &[[Option<&str>; N]],
) -> Outcome {
    let got = subject.rows(&TableRef::public("members"), schema).await?;
    let row = |row: &[Option<&str>; N]| row.iter().map(|cell| cell.map(str::to_owned)).collect();
    same("rows", got, Some(want.iter().map(row).collect()))
}
