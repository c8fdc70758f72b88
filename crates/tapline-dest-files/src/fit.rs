//! Makes a batch one of other columns: matched by name, missing ones null, narrower ones widened.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, ListArray, RecordBatch, RecordBatchOptions, StructArray, new_null_array,
};
use arrow_schema::{DataType, Field};
use tapline_core::{NestedCells, is_json};

use crate::cells::Cells;
use crate::columns::Columns;
use crate::failure::Result;
use crate::kind::Kind;

/// `batch` with the columns `wanted`, each wide enough for what the batch holds.
pub(crate) fn fit(batch: &RecordBatch, wanted: &Columns) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let arrays = wanted.0.iter().map(|column| {
        let Some((at, field)) = batch.schema_ref().column_with_name(&column.name) else {
            return Ok(new_null_array(&column.kind.data_type(), rows));
        };
        widen(batch.column(at), field, &column.kind)
    });
    let arrays: Vec<ArrayRef> = arrays.collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        wanted.schema(),
        arrays,
        &options,
    )?)
}

fn widen(array: &ArrayRef, field: &Field, kind: &Kind) -> Result<ArrayRef> {
    let wanted = kind.data_type();
    match array.data_type() {
        held if *held == wanted => Ok(ArrayRef::clone(array)),
        DataType::Null => Ok(new_null_array(&wanted, array.len())),
        DataType::LargeUtf8 => Ok(arrow_cast::cast(array, &wanted)?),
        _ if kind.is_typed_nested() => widen_within(array, field, kind),
        _ if wanted == DataType::Utf8 => as_text(array),
        _ => Ok(arrow_cast::cast(array, &wanted)?),
    }
}

/// The values at a place in nested ones, which is the column, a member or an item `field`.
fn widen_within(array: &ArrayRef, field: &Field, kind: &Kind) -> Result<ArrayRef> {
    match (kind, array.data_type()) {
        (kind, DataType::Null) => Ok(new_null_array(&kind.data_type(), array.len())),
        (kind, _) if kind.is_json_text() && is_json(field) => Ok(ArrayRef::clone(array)),
        (kind, _) if kind.is_json_text() => as_json(array, field),
        (Kind::Struct(members), held) => {
            // What is no struct in a file are objects without members.
            let own = array.as_struct_opt();
            let arrays = members.0.iter().map(|member| {
                let found = own.and_then(|own| find(own, held, &member.name));
                match found {
                    Some((array, field)) => widen_within(array, field, &member.kind),
                    None => Ok(new_null_array(&member.kind.data_type(), array.len())),
                }
            });
            let arrays: Vec<ArrayRef> = arrays.collect::<Result<_>>()?;
            let (fields, nulls) = (members.fields().collect(), array.nulls().cloned());
            Ok(Arc::new(StructArray::try_new(fields, arrays, nulls)?))
        }
        (Kind::List(item), DataType::List(held)) => {
            let own = array.as_list::<i32>();
            let items = widen_within(own.values(), held, item)?;
            let item = Arc::new(item.field(Field::LIST_FIELD_DEFAULT_NAME));
            let (offsets, nulls) = (own.offsets().clone(), own.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(item, offsets, items, nulls)?))
        }
        (kind, held) if kind.data_type() == *held => Ok(ArrayRef::clone(array)),
        _ => Ok(arrow_cast::cast(array, &kind.data_type())?),
    }
}

/// The member `name` of `objects`, which have the type `held`.
fn find<'a>(
    objects: &'a StructArray,
    held: &'a DataType,
    name: &str,
) -> Option<(&'a ArrayRef, &'a Field)> {
    let DataType::Struct(fields) = held else {
        return None;
    };
    let (at, field) = fields.find(name)?;
    Some((objects.column(at), field))
}

fn as_json(array: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    let cells = NestedCells::new(array, field)?;
    let mut json = String::new();
    let mut texts = StringBuilder::new();
    for row in 0..array.len() {
        json.clear();
        cells.write(row, &mut json);
        texts.append_option(array.is_valid(row).then_some(&json));
    }
    Ok(Arc::new(texts.finish()))
}

fn as_text(array: &ArrayRef) -> Result<ArrayRef> {
    let cells = Cells::new(array)?;
    let mut scratch = String::new();
    let mut texts = StringBuilder::new();
    for row in 0..array.len() {
        if cells.is_null(row) {
            texts.append_null();
        } else {
            texts.append_value(cells.read(row, &mut scratch)?);
        }
    }
    Ok(Arc::new(texts.finish()))
}
