//! Cases on what is written: every type, columns by name, names of every kind.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    LargeStringArray, NullArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow_schema::{Field, Schema};
use tapline_core::{Batch, Disposition, TableRef};

use super::fixture::{batch, begin, fixture, key, members, page, write};
use super::{Failure, Outcome, Subject, TextRows};
use crate::outcome::same;

/// One column of each type: two values, the second null, with the text of the first.
fn samples() -> Result<Vec<(&'static str, ArrayRef, &'static str)>, Failure> {
    let decimal = Decimal128Array::from(vec![Some(-12_345), None])
        .with_precision_and_scale(20, 2)
        .map_err(fixture)?;
    let time = TimestampMicrosecondArray::from(vec![Some(1_767_323_045_000_006), None]);
    Ok(vec![
        (
            "bool",
            Arc::new(BooleanArray::from(vec![Some(true), None])),
            "true",
        ),
        (
            "int",
            Arc::new(Int64Array::from(vec![Some(i64::MIN), None])),
            "-9223372036854775808",
        ),
        (
            "uint",
            Arc::new(UInt64Array::from(vec![Some(u64::MAX), None])),
            "18446744073709551615",
        ),
        (
            "float",
            Arc::new(Float64Array::from(vec![Some(0.1 + 0.2), None])),
            "0.30000000000000004",
        ),
        (
            "text",
            Arc::new(StringArray::from(vec![Some("007 é\u{1F600}'\""), None])),
            "007 é\u{1F600}'\"",
        ),
        (
            "digits",
            Arc::new(StringArray::from(vec![Some("1e3"), None])),
            "1e3",
        ),
        (
            "large",
            Arc::new(LargeStringArray::from(vec![Some(" x "), None])),
            " x ",
        ),
        (
            "json",
            Arc::new(StringArray::from(vec![Some("1.0"), None])),
            "1.0",
        ),
        (
            "time",
            Arc::new(time.with_timezone("UTC")),
            "2026-01-02T03:04:05.000006Z",
        ),
        (
            "date",
            Arc::new(Date32Array::from(vec![Some(20_455), None])),
            "2026-01-02",
        ),
        (
            "bytes",
            Arc::new(BinaryArray::from(vec![Some(&[0, 255][..]), None])),
            "00ff",
        ),
        ("decimal", Arc::new(decimal), "-123.45"),
    ])
}

pub(super) async fn round_trip(subject: &dyn Subject) -> Outcome {
    let samples = samples()?;
    let field = |(name, array, _): &(&str, ArrayRef, &str)| {
        let field = Field::new(*name, array.data_type().clone(), true);
        let json = HashMap::from([("ARROW:extension:name".into(), "arrow.json".into())]);
        if *name == "json" {
            field.with_metadata(json)
        } else {
            field
        }
    };
    let mut fields: Vec<Field> = samples.iter().map(field).collect();
    let mut arrays: Vec<ArrayRef> = samples.iter().map(|(_, array, _)| array.clone()).collect();
    fields.push(Field::new("nothing", arrow_schema::DataType::Null, true));
    arrays.push(Arc::new(NullArray::new(2)));
    let schema = Arc::new(Schema::new(fields));
    let records = RecordBatch::try_new(schema.clone(), arrays).map_err(fixture)?;

    let mut writer = begin(
        subject,
        &members(),
        schema.clone(),
        Disposition::Append,
        key(1),
    )
    .await?;
    write(&mut writer, Batch::insert(records), page(1)).await?;
    let mut first: Vec<Option<String>> = samples.iter().map(|s| Some(s.2.to_owned())).collect();
    first.push(None);
    let nulls = vec![None; first.len()];
    let got = subject.rows(&members(), &schema).await?;
    same("rows", got, Some(vec![first, nulls]))
}

/// Two columns of one type in another order: by position their values would be swapped.
pub(super) async fn by_name(subject: &dyn Subject) -> Outcome {
    let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let first = batch([("a", text("a1")), ("b", text("b1"))])?;
    let schema = first.records.schema();
    let mut writer = begin(
        subject,
        &members(),
        schema.clone(),
        Disposition::Append,
        key(1),
    )
    .await?;
    write(&mut writer, first, page(1)).await?;
    let second = batch([("b", text("b2")), ("a", text("a2"))])?;
    write(&mut writer, second, page(2)).await?;
    write(&mut writer, batch([("b", text("b3"))])?, page(3)).await?;
    let cell = |text: &str| Some(text.to_owned());
    let want: TextRows = vec![
        vec![cell("a1"), cell("b1")],
        vec![cell("a2"), cell("b2")],
        vec![None, cell("b3")],
    ];
    same("rows", subject.rows(&members(), &schema).await?, Some(want))
}

pub(super) async fn odd_names(subject: &dyn Subject) -> Outcome {
    let long = "n".repeat(300);
    for name in [
        "two words",
        "a\"b",
        "a'b",
        "a]b`c",
        "\"; drop table members--",
        "sélect \u{1F600}",
        "../../x",
        "CON",
        "order",
        "1",
        long.as_str(),
    ] {
        let table = TableRef::public(name.get(..40).unwrap_or(name));
        let value: ArrayRef = Arc::new(StringArray::from(vec![name]));
        let rows = batch([(name, value)])?;
        let schema = rows.records.schema();
        let mut writer =
            begin(subject, &table, schema.clone(), Disposition::Append, key(1)).await?;
        write(&mut writer, rows, page(1)).await?;
        let want = vec![vec![Some(name.to_owned())]];
        same(name, subject.rows(&table, &schema).await?, Some(want))?;
    }
    Ok(())
}
