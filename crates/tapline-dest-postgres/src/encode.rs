//! Rows in the binary form of `COPY`: what pgpq encodes, and what has to change its type first
//! because the column of the table has become wider.

use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, FieldRef};
use bytes::{BufMut, BytesMut};
use pgpq::encoders::{
    BuildEncoder, Encode, Encoder, EncoderBuilder, LargeStringEncoderBuilder, StringEncoderBuilder,
};
use pgpq::pg_schema::PostgresType;

use crate::cells::Cells;
use crate::failure::Result;
use crate::kind::Kind;
use crate::numeric;

/// What every `COPY` in binary begins with: a signature, no flags, no extension.
pub(crate) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub(crate) const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
const NULL: i32 = -1;

/// How the values of one field become those of a column.
pub(crate) enum Form {
    /// There are none.
    Null,
    /// As they are.
    Same(EncoderBuilder),
    Text,
    Numeric,
}

impl Form {
    /// The form of `field` in a column of `kind`, which is wide enough.
    pub(crate) fn of(field: &FieldRef, kind: Kind) -> Result<Self> {
        let is_text = matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8);
        Ok(match (kind, field.data_type()) {
            (_, DataType::Null) => Self::Null,
            (Kind::Text, _) if !is_text => Self::Text,
            (Kind::Numeric, DataType::Int64 | DataType::Float64) => Self::Numeric,
            (Kind::Jsonb, _) => Self::Same(text(field, PostgresType::Jsonb)?),
            (Kind::Json, _) => Self::Same(text(field, PostgresType::Json)?),
            _ => Self::Same(EncoderBuilder::try_new(field.clone())?),
        })
    }

    fn values<'a>(&'a self, array: &'a dyn Array) -> Result<Values<'a>> {
        Ok(match self {
            Self::Same(builder) => Values::Same(builder.try_new(array)?),
            Self::Text => Cells::new(array).map_or(Values::Null, Values::Text),
            Self::Numeric => Cells::new(array).map_or(Values::Null, Values::Numeric),
            Self::Null => Values::Null,
        })
    }
}

fn text(field: &FieldRef, output: PostgresType) -> Result<EncoderBuilder> {
    let field = field.clone();
    Ok(match field.data_type() {
        DataType::LargeUtf8 => {
            EncoderBuilder::LargeString(LargeStringEncoderBuilder::new_with_output(field, output)?)
        }
        _ => EncoderBuilder::String(StringEncoderBuilder::new_with_output(field, output)?),
    })
}

/// The values of one column of a batch.
enum Values<'a> {
    Null,
    Same(Encoder<'a>),
    Text(Cells<'a>),
    Numeric(Cells<'a>),
}

/// The rows of a batch, each ready to be written.
pub(crate) struct Rows<'a>(Vec<Values<'a>>);

impl<'a> Rows<'a> {
    pub(crate) fn new(forms: &'a [Form], batch: &'a RecordBatch) -> Result<Self> {
        let pairs = forms.iter().zip(batch.columns());
        let values = pairs.map(|(form, array)| form.values(array.as_ref()));
        Ok(Self(values.collect::<Result<_>>()?))
    }

    /// Appends `row` to `out`.
    pub(crate) fn put(&self, row: usize, out: &mut BytesMut, scratch: &mut String) -> Result<()> {
        // A table has 1600 columns at most.
        out.put_i16(self.0.len() as i16);
        for values in &self.0 {
            match values {
                Values::Null => out.put_i32(NULL),
                Values::Same(encoder) => encoder.encode(row, out)?,
                Values::Text(cells) => match cells.text(row, scratch) {
                    Some(text) => put_text(text, out),
                    None => out.put_i32(NULL),
                },
                Values::Numeric(cells) => match cells.text(row, scratch) {
                    Some(text) => numeric::put(text, out),
                    None => out.put_i32(NULL),
                },
            }
        }
        Ok(())
    }
}

/// These are texts of numbers and times: they are short.
fn put_text(text: &str, out: &mut BytesMut) {
    out.put_i32(text.len() as i32);
    out.extend_from_slice(text.as_bytes());
}
