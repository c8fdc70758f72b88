//! `tapline preview`: the first records of a pipeline, without a destination.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, Field};
use futures::StreamExt;
use serde_json::{Map, Value, json};
use tapline_core::{Batch, Error, ErrorKind, Limits, Source, Window, column, first_slice};
use tapline_engine::shape::{Cells, Children, Numbers, Shaper, numbered};
use tapline_engine::{HttpSource, PageForm};
use uuid::Uuid;

use crate::app::App;
use crate::cli::PreviewArgs;
use crate::commands::job;
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::output::Table;
use crate::output::numbers::plural;
use crate::output::table::Cell;
use crate::project::Lookup;
use crate::wiring::overrides;
use crate::wiring::{Reading, Wiring};

/// Pages that are read at most: a source may begin with empty ones.
const PAGES: u64 = 5;

/// Shows the first records of a pipeline.
///
/// # Errors
/// The project is not valid, or the source does not answer as its spec says.
pub(crate) async fn preview(app: &App, args: &PreviewArgs) -> Result<Exit> {
    let project = overrides::project(app).await?;
    let catalogue = app.catalogue();
    let wiring = Wiring::new(&project, &catalogue);
    let stream = wiring.stream(&args.pipeline, Lookup::Real)?;
    let cursor_type = job::cursor_type(&project, &args.pipeline, stream.plan())?;
    let asked = (stream.plan(), cursor_type);
    let window = args
        .window
        .window(&args.pipeline, asked, wiring.clock.now())?;
    let reading = Reading {
        run_id: Uuid::now_v7(),
        max_pages: Some(PAGES),
        max_requests: None,
        form: PageForm::Rows,
        concurrency: 1,
        keep_raw: false,
        events: app.screen.warnings(),
    };
    let opened = wiring.source(&stream, reading, wiring.state().await?)?;
    let shape = Arc::new(project.shape(&args.pipeline)?);
    let of_table = job::table(&project, &args.pipeline)?;
    let shaping = (
        Shaper::new(Arc::clone(&shape), Limits::default()),
        Children::new(&shape, &of_table, Limits::default()),
    );
    let first = first_rows(&opened.source, window, shaping, args.limit);
    let seen = tokio::select! {
        seen = first => seen,
        () = app.cancel.cancelled() => {
            return Err(Error::new(ErrorKind::Stopped, "preview", "asked to stop").into());
        }
    };
    opened.client.settle().await;
    let Seen { batches, children } = seen?;
    if app.screen.is_json() {
        let mut shown = json!({ "pipeline": args.pipeline, "rows": all_documents(&batches)? });
        if !children.is_empty() {
            let children = children.iter();
            let children = children
                .map(|(table, batches)| Ok((table.to_string(), all_documents(batches)?.into())));
            shown["child_tables"] = Value::Object(children.collect::<Result<_>>()?);
        }
        app.screen.json(&shown)?;
        return Ok(Exit::COMPLETE);
    }
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if let Some(table) = table(&batches)? {
        app.screen.line(table.render_records(app.screen.width()))?;
    }
    for (name, batches) in &children {
        app.screen.line(format!("\n{name}:"))?;
        if let Some(table) = table(batches)? {
            app.screen.line(table.render_records(app.screen.width()))?;
        }
    }
    app.screen.note(format!(
        "{} of {}; nothing was stored",
        plural(rows as u64, "record"),
        stream.label
    ));
    Ok(Exit::COMPLETE)
}

/// Rows, as the pipeline keeps them.
#[derive(Default)]
struct Seen {
    batches: Vec<RecordBatch>,
    /// Their parts in child tables.
    children: BTreeMap<Arc<str>, Vec<RecordBatch>>,
}

/// The first `limit` rows of the first slice of `window`, in the shape that the pipeline keeps.
async fn first_rows(
    source: &Arc<HttpSource>,
    window: Window,
    (mut shaper, mut children): (Shaper, Children),
    limit: u64,
) -> Result<Seen> {
    let mut seen = Seen::default();
    let Some(slice) = first_slice(source.slices(&window)).await? else {
        return Ok(seen);
    };
    let mut pages = source.open(&slice, None);
    let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
    while left > 0
        && let Some(page) = pages.next().await
    {
        let mut batches = shaper.shape(page?.batches)?;
        for batch in &mut batches {
            let rows = batch.rows().min(left);
            left -= rows;
            batch.records = batch.records.slice(0, rows);
        }
        if !children.is_empty() {
            batches = children.split(numbered(batches, &Numbers::default())?)?;
        }
        for Batch { child, records, .. } in batches {
            match child {
                None => seen.batches.push(records),
                Some(child) => seen.children.entry(child).or_default().push(records),
            }
        }
    }
    Ok(seen)
}

/// The columns that the source sent, with their place in the batch.
fn columns(batch: &RecordBatch) -> Vec<(usize, Arc<Field>)> {
    let fields = batch.schema_ref().fields().iter().cloned().enumerate();
    fields
        .filter(|(_, field)| !field.name().starts_with(column::PREFIX))
        .collect()
}

/// All rows under the columns of the last page, which has all there are.
fn table(batches: &[RecordBatch]) -> Result<Option<Table>> {
    let Some(last) = batches.last() else {
        return Ok(None);
    };
    let shown = columns(last);
    let mut table = Table::new(shown.iter().map(|(_, field)| field.name()));
    for batch in batches {
        let columns: Vec<Option<(&ArrayRef, Cells<'_>)>> = shown
            .iter()
            .map(|(_, field)| {
                let Some((at, own)) = batch.schema_ref().column_with_name(field.name()) else {
                    return Ok(None);
                };
                let array = batch.column(at);
                Ok(Some((array, Cells::new(array, own)?)))
            })
            .collect::<Result<_, ArrowError>>()
            .map_err(|error| unshown(&error))?;
        for row in 0..batch.num_rows() {
            let cells = columns.iter().map(|column| {
                let Some((array, cells)) = column else {
                    return Cell::Null;
                };
                match cells.get(row).text() {
                    Some(number) if array.data_type().is_numeric() => Cell::Number(number.into()),
                    Some(text) => Cell::Text(text.into()),
                    None => Cell::Null,
                }
            });
            table.row(cells);
        }
    }
    Ok(Some(table))
}

fn unshown(error: &impl std::fmt::Display) -> Failure {
    Error::new(ErrorKind::Internal, "show a column", error.to_string()).into()
}

fn all_documents(batches: &[RecordBatch]) -> Result<Vec<Value>> {
    let rows = batches.iter().map(documents);
    Ok(rows.collect::<Result<Vec<_>>>()?.concat())
}

/// The rows of `batch` as objects; columns without a value are left out.
fn documents(batch: &RecordBatch) -> Result<Vec<Value>> {
    let columns = columns(batch).into_iter().map(|(index, field)| {
        let cells = Cells::new(batch.column(index), &field)?;
        Ok((field, cells))
    });
    let columns: Vec<_> = columns
        .collect::<Result<_, ArrowError>>()
        .map_err(|error| unshown(&error))?;
    let row = |row: usize| {
        let members = columns.iter().filter_map(|(field, cells)| {
            let cell = cells.get(row);
            let raw = cell.member()?;
            let value = serde_json::from_str(&raw).unwrap_or_else(|_| json!(raw));
            Some((field.name().clone(), value))
        });
        Value::Object(members.collect::<Map<_, _>>())
    };
    Ok((0..batch.num_rows()).map(row).collect())
}

#[cfg(test)]
mod tests {
    use arrow_array::{BooleanArray, Int64Array, StringArray};
    use arrow_schema::DataType;

    use super::*;

    fn batch() -> RecordBatch {
        let json = Field::new("tags", DataType::Utf8, true)
            .with_metadata([("ARROW:extension:name".to_owned(), "arrow.json".to_owned())].into());
        let schema = arrow_schema::Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("vip", DataType::Boolean, true),
            json,
            Field::new(column::RUN_ID, DataType::Utf8, false),
        ]);
        let arrays: Vec<Arc<dyn Array>> = vec![
            Arc::new(Int64Array::from(vec![1, 2])),
            Arc::new(BooleanArray::from(vec![Some(true), None])),
            Arc::new(StringArray::from(vec![Some("[1]"), Some("broken [")])),
            Arc::new(StringArray::from(vec!["r", "r"])),
        ];
        RecordBatch::try_new(Arc::new(schema), arrays).unwrap()
    }

    #[test]
    fn rows_are_what_the_source_sent() {
        let expected = json!([
            { "id": 1, "vip": true, "tags": [1] },
            { "id": 2, "tags": "broken [" },
        ]);
        assert_eq!(Value::Array(documents(&batch()).unwrap()), expected);
    }

    #[test]
    fn the_table_has_no_columns_of_ours() {
        let shown = table(&[batch()]).unwrap().unwrap().render(80);
        let shown = anstream::adapter::strip_str(&shown).to_string();
        assert_eq!(
            shown,
            "id  vip   tags\n──  ────  ────────\n 1  true  [1]\n 2  null  broken ["
        );
        assert!(table(&[]).unwrap().is_none());
    }
}
