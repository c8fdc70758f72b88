//! Structs and lists, read as the JSON that they stand for.
//!
//! Rows may hold nested values as Arrow structs and lists. Whoever needs one as text, for the rejects or
//! for a column that has become text, reads it here, so that it is the same text everywhere.

use std::fmt::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    Array, BooleanArray, Float64Array, Int64Array, ListArray, StringArray, StructArray,
};
use arrow_schema::{ArrowError, DataType, Field};
use serde_json::Value;

/// The values of a column, or of a place within one, as JSON.
pub struct NestedCells<'a>(Reader<'a>);

enum Reader<'a> {
    Null,
    Boolean(&'a BooleanArray),
    Integer(&'a Int64Array),
    Number(&'a Float64Array),
    Text(&'a StringArray),
    /// JSON kept as text.
    Json(&'a StringArray),
    Struct(&'a StructArray, Vec<Member<'a>>),
    List(&'a ListArray, Box<Reader<'a>>),
}

struct Member<'a> {
    /// Its name, quoted, with the colon.
    key: String,
    values: Reader<'a>,
}

impl<'a> NestedCells<'a> {
    /// The values of `array`, which is the column `field`.
    ///
    /// # Errors
    /// It holds, at whatever depth, a type that nested values are not made of: those are structs, lists,
    /// booleans, `Int64`, `Float64`, text and JSON kept as text.
    pub fn new(array: &'a dyn Array, field: &Field) -> Result<Self, ArrowError> {
        Reader::new(array, field).map(Self)
    }

    /// Appends the value of `row` to `json`. Members that are null are left out.
    pub fn write(&self, row: usize, json: &mut String) {
        self.0.write(row, json);
    }
}

impl<'a> Reader<'a> {
    fn new(array: &'a dyn Array, field: &Field) -> Result<Self, ArrowError> {
        Ok(match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean(array.as_boolean()),
            DataType::Int64 => Self::Integer(array.as_primitive::<Int64Type>()),
            DataType::Float64 => Self::Number(array.as_primitive::<Float64Type>()),
            DataType::Utf8 if is_json(field) => Self::Json(array.as_string()),
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Struct(fields) => {
                let array = array.as_struct();
                let members = fields.iter().zip(array.columns()).map(|(field, values)| {
                    Ok(Member {
                        key: format!("{}:", Value::from(field.name().as_str())),
                        values: Self::new(values, field)?,
                    })
                });
                Self::Struct(array, members.collect::<Result<_, ArrowError>>()?)
            }
            DataType::List(item) => {
                let array = array.as_list::<i32>();
                Self::List(array, Box::new(Self::new(array.values(), item)?))
            }
            other => {
                return Err(ArrowError::NotYetImplemented(format!(
                    "a nested value of the type {other}"
                )));
            }
        })
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Null => true,
            Self::Boolean(array) => array.is_null(row),
            Self::Integer(array) => array.is_null(row),
            Self::Number(array) => array.is_null(row),
            Self::Text(array) | Self::Json(array) => array.is_null(row),
            Self::Struct(array, _) => array.is_null(row),
            Self::List(array, _) => array.is_null(row),
        }
    }

    fn write(&self, row: usize, json: &mut String) {
        if self.is_null(row) {
            return json.push_str("null");
        }
        match self {
            Self::Null => {}
            Self::Boolean(array) => json.push_str(if array.value(row) { "true" } else { "false" }),
            Self::Integer(array) => print(json, array.value(row)),
            Self::Number(array) => print(json, Value::from(array.value(row))),
            Self::Text(array) => print(json, Value::from(array.value(row))),
            Self::Json(array) => json.push_str(array.value(row)),
            Self::Struct(_, members) => {
                json.push('{');
                let there = members.iter().filter(|member| !member.values.is_null(row));
                for (index, member) in there.enumerate() {
                    if index > 0 {
                        json.push(',');
                    }
                    json.push_str(&member.key);
                    member.values.write(row, json);
                }
                json.push('}');
            }
            Self::List(array, items) => {
                let offsets = array.value_offsets();
                let (start, end) = (offsets[row] as usize, offsets[row + 1] as usize);
                json.push('[');
                for at in start..end {
                    if at > start {
                        json.push(',');
                    }
                    items.write(at, json);
                }
                json.push(']');
            }
        }
    }
}

/// Writing to a `String` does not fail.
fn print(json: &mut String, value: impl std::fmt::Display) {
    let _ = write!(json, "{value}");
}

/// Whether `field` holds JSON kept as text, by Arrow's own extension type.
pub fn is_json(field: &Field) -> bool {
    let name = field.metadata().get("ARROW:extension:name");
    name.is_some_and(|name| name == "arrow.json")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Date32Array, NullArray, new_null_array};
    use arrow_buffer::OffsetBuffer;
    use arrow_schema::Fields;

    use super::*;

    fn json(name: &str) -> Field {
        let marks = [("ARROW:extension:name".to_owned(), "arrow.json".to_owned())];
        Field::new(name, DataType::Utf8, true).with_metadata(marks.into())
    }

    #[test]
    fn nested_values_are_the_json_that_they_stand_for() {
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.5), None]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a \"b\"\n"), None]));
        let raws: ArrayRef = Arc::new(StringArray::from(vec![Some("[1, {}]"), None]));
        let nothing: ArrayRef = Arc::new(NullArray::new(2));
        let fields = Fields::from(vec![
            Field::new("n", DataType::Float64, true),
            Field::new("\"t\"", DataType::Utf8, true),
            json("j"),
            Field::new("0", DataType::Null, true),
        ]);
        let arrays = vec![numbers, texts, raws, nothing];
        let objects = StructArray::new(fields.clone(), arrays, None);
        let item = Arc::new(Field::new_list_field(DataType::Struct(fields), true));
        let offsets = vec![0, 2, 2].into();
        let lists = ListArray::new(item, OffsetBuffer::new(offsets), Arc::new(objects), None);
        let column = Field::new("c", lists.data_type().clone(), true);
        let cells = NestedCells::new(&lists, &column).unwrap();
        let read = |row| {
            let mut text = String::new();
            cells.write(row, &mut text);
            text
        };
        assert_eq!(read(0), r#"[{"n":0.5,"\"t\"":"a \"b\"\n","j":[1, {}]},{}]"#);
        assert_eq!(read(1), "[]");
        let nulls = new_null_array(lists.data_type(), 1);
        let mut text = String::new();
        NestedCells::new(&nulls, &column)
            .unwrap()
            .write(0, &mut text);
        assert_eq!(text, "null");
    }

    #[test]
    fn what_no_nested_value_is_made_of_is_refused() {
        let days = Date32Array::from(vec![1]);
        let field = Field::new("day", DataType::Date32, true);
        assert!(NestedCells::new(&days, &field).is_err());
    }
}
