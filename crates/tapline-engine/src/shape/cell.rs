//! One value of a column, whatever its type: as text, and as JSON.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType, Field, TimeUnit};
use jiff::Timestamp;
use serde::de::IgnoredAny;
use tapline_core::{NestedCells, column, is_json};

use crate::decode::quote;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text, or a value of any other type as one.
    Text(Cow<'a, str>),
    /// JSON.
    Json(Cow<'a, str>),
}

/// The values of a column.
pub struct Cells<'a> {
    array: &'a dyn Array,
    is_json: bool,
    nested: Option<NestedCells<'a>>,
    other: Option<ArrayFormatter<'a>>,
}

impl<'a> Cells<'a> {
    /// The values of `array`, the column `field`.
    ///
    /// # Errors
    /// They are of a type that has no text.
    pub fn new(array: &'a dyn Array, field: &Field) -> Result<Self, ArrowError> {
        let is_plain = matches!(
            array.data_type(),
            DataType::Null
                | DataType::Boolean
                | DataType::Int64
                | DataType::Float64
                | DataType::Utf8
                | DataType::Timestamp(TimeUnit::Microsecond, Some(_))
        );
        let is_nested = matches!(array.data_type(), DataType::Struct(_) | DataType::List(_));
        let nested = || NestedCells::new(array, field);
        let format = || ArrayFormatter::try_new(array, &FormatOptions::default());
        Ok(Self {
            array,
            is_json: is_json(field),
            nested: is_nested.then(nested).transpose()?,
            other: (!is_plain && !is_nested).then(format).transpose()?,
        })
    }

    /// The value of `row`.
    pub fn get(&self, row: usize) -> Cell<'a> {
        if self.array.data_type() == &DataType::Null || self.array.is_null(row) {
            return Cell::Null;
        }
        match self.array.data_type() {
            DataType::Boolean => Cell::Boolean(self.array.as_boolean().value(row)),
            DataType::Int64 => Cell::Integer(self.array.as_primitive::<Int64Type>().value(row)),
            DataType::Float64 => Cell::Number(self.array.as_primitive::<Float64Type>().value(row)),
            DataType::Utf8 => {
                let text = self.array.as_string::<i32>().value(row);
                match self.is_json {
                    true => Cell::Json(text.into()),
                    false => Cell::Text(text.into()),
                }
            }
            // Arrow knows no zones by name.
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
                let array = self.array.as_primitive::<TimestampMicrosecondType>();
                let at = Timestamp::from_microsecond(array.value(row));
                Cell::Text(at.map(|at| at.to_string()).unwrap_or_default().into())
            }
            DataType::Struct(_) | DataType::List(_) => {
                let mut json = String::new();
                if let Some(nested) = &self.nested {
                    nested.write(row, &mut json);
                }
                Cell::Json(json.into())
            }
            _ => {
                let text = self.other.as_ref().map(|it| it.value(row).to_string());
                Cell::Text(text.unwrap_or_default().into())
            }
        }
    }
}

impl<'a> Cell<'a> {
    /// As text; `None` if it is null.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Null => return None,
            Self::Boolean(true) => "true".into(),
            Self::Boolean(false) => "false".into(),
            Self::Integer(number) => number.to_string().into(),
            Self::Number(number) => serde_json::Value::from(*number).to_string().into(),
            Self::Text(text) | Self::Json(text) => text.as_ref().into(),
        })
    }

    /// As JSON. A text that is JSON already, in a column where texts and other values met, stays that.
    pub(super) fn json(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(match is_value(text) {
                true => text.as_ref().into(),
                false => quote(text).into(),
            }),
            other => other.text(),
        }
    }

    /// As JSON, a text always as a text.
    pub fn member(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(quote(text).into()),
            other => other.text(),
        }
    }

    /// The object that it is.
    pub(super) fn object(self) -> Option<Cow<'a, str>> {
        let text = match self {
            Self::Json(text) => text,
            Self::Text(text) if text.trim_start().starts_with('{') && is_value(&text) => text,
            _ => return None,
        };
        text.trim_start().starts_with('{').then_some(text)
    }
}

fn is_value(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A row as one JSON object, without what is null and without what tapline has added.
pub(super) fn row(batch: &RecordBatch, row: usize) -> Result<String, ArrowError> {
    let mut text = String::from("{");
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let name = field.name();
        if name.starts_with(column::PREFIX) && name != column::REST {
            continue;
        }
        if let Some(value) = Cells::new(array, field)?.get(row).member() {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&quote(name));
            text.push(':');
            text.push_str(&value);
        }
    }
    text.push('}');
    Ok(text)
}
