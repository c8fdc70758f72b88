//! What fits no column, as one JSON object for each row: more put in, and what is hidden taken out.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use tapline_core::column;

use super::{JOIN, Shape, mask};
use crate::decode::quote;

/// What is kept of a record, or of a value, in which something is hidden and cannot be told from the rest.
pub(super) const WITHHELD: &str = "\"withheld: the pipeline masks or drops columns\"";

/// Members for the rest of rows.
#[derive(Debug, Default)]
pub(super) struct Additions(Vec<(usize, String)>);

impl Additions {
    /// Puts `raw`, which is JSON, under `name` into the rest of `row`.
    pub(super) fn add(&mut self, row: usize, name: &str, raw: &str) {
        self.0.push((row, format!("{}:{raw}", quote(name))));
    }

    /// `rest` with them in it.
    pub(super) fn into_rest(mut self, rest: &ArrayRef) -> ArrayRef {
        if self.0.is_empty() {
            return ArrayRef::clone(rest);
        }
        self.0.sort_by_key(|(row, _)| *row);
        let mut added = self.0.iter().peekable();
        let mut texts = StringBuilder::new();
        for row in 0..rest.len() {
            let mut text = text(rest, row).map(str::to_owned);
            while let Some((_, member)) = added.next_if(|(of, _)| *of == row) {
                text = Some(match &text {
                    Some(text) if text.len() > 2 => {
                        format!("{},{member}}}", &text[..text.len() - 1])
                    }
                    _ => format!("{{{member}}}"),
                });
            }
            texts.append_option(text);
        }
        Arc::new(texts.finish())
    }
}

fn text(rest: &ArrayRef, row: usize) -> Option<&str> {
    let is_text = *rest.data_type() == DataType::Utf8 && rest.is_valid(row);
    is_text.then(|| rest.as_string::<i32>().value(row))
}

/// `rest` without what `shape` hides.
pub(super) fn scrubbed(rest: &ArrayRef, shape: &Shape) -> ArrayRef {
    if !shape.hides() || rest.null_count() == rest.len() {
        return ArrayRef::clone(rest);
    }
    let mut texts = StringBuilder::new();
    for row in 0..rest.len() {
        texts.append_option(text(rest, row).map(|text| scrub(text, shape)));
    }
    Arc::new(texts.finish())
}

/// The JSON object `raw` without what `shape` hides.
fn scrub(raw: &str, shape: &Shape) -> String {
    let mut parser = serde_json::Deserializer::from_str(raw);
    let Ok(members) = parser.deserialize_map(Members) else {
        return WITHHELD.to_owned();
    };
    let mut scrubbed = String::from("{");
    for (name, value) in members {
        let of = shape.columns.get(name.as_ref());
        if of.is_some_and(|of| of.drop) {
            continue;
        }
        if scrubbed.len() > 1 {
            scrubbed.push(',');
        }
        scrubbed.push_str(&quote(&name));
        scrubbed.push(':');
        match of {
            Some(of) if of.mask && value.get() != "null" => {
                scrubbed.push_str(&quote(&mask::of_json(value.get(), shape.mask_key.as_ref())));
            }
            // A part of what is hidden may stand anywhere within.
            _ if hides_within(shape, &name) => scrubbed.push_str(WITHHELD),
            _ => scrubbed.push_str(value.get()),
        }
    }
    scrubbed.push('}');
    scrubbed
}

/// The JSON object `raw` with the members of its `_tapline_rest` among its own, and without its number.
pub(crate) fn hoisted(raw: &str) -> String {
    let members = |raw| serde_json::Deserializer::from_str(raw).deserialize_map(Members);
    let Ok(own) = members(raw) else {
        return raw.to_owned();
    };
    let mut parts = Vec::with_capacity(own.len());
    for (name, value) in own {
        if name == column::ROW {
            continue;
        }
        match members(value.get()) {
            Ok(inner) if name == column::REST => {
                parts.extend(inner.iter().map(|(name, value)| member(name, value)));
            }
            _ => parts.push(member(&name, value)),
        }
    }
    format!("{{{}}}", parts.join(","))
}

fn member(name: &str, value: &RawValue) -> String {
    format!("{}:{}", quote(name), value.get())
}

/// Whether something of the flattened column `name` is hidden.
pub(super) fn hides_within(shape: &Shape, name: &str) -> bool {
    let prefix = format!("{name}{JOIN}");
    let mut parts = shape.columns.range(prefix.clone()..);
    parts
        .by_ref()
        .take_while(|(part, _)| part.starts_with(&prefix))
        .any(|(_, of)| of.mask || of.drop)
}

/// The members of an object in their order, their values unread: those may be nested at any depth.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            members.push((Cow::from(name), value));
        }
        Ok(members)
    }
}
