//! Places in YAML text.
//!
//! `serde_saphyr` reads the text twice under a budget: once for the value, once for the places.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::{Error, Location, Options, Spanned};

use crate::Diagnostic;
use crate::locate::{At, Inner, Member, Tree};

/// Nodes that aliases may copy. Nesting and size are bounded by the reader's own budget.
const MAX_COPIED: usize = 100_000;

/// Reads `text` into a value and the places of its parts.
pub(crate) fn read(text: &str) -> Result<(Value, Tree), Diagnostic> {
    let value = parse(text)?;
    let tree: Spanned<Inner> = parse(text)?;
    Ok((value, tree.into()))
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Diagnostic> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| syntax(&error))
}

fn options() -> Options {
    serde_saphyr::options! {
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_COPIED,
        },
        strict_booleans: true,
        with_snippet: false,
    }
}

fn syntax(error: &serde_saphyr::Error) -> Diagnostic {
    let error = error.without_snippet();
    let (code, message) = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            ("E-duplicate-key", format!("`{key}` is written twice"))
        }
        Error::MultipleDocuments { .. } => {
            let message = "a second document begins here; only one is read".to_owned();
            ("E-syntax", message)
        }
        _ => ("E-syntax", first_line(&error.to_string())),
    };
    let mut diagnostic = Diagnostic::error(code, "", message);
    diagnostic.hint = match diagnostic.message.as_str() {
        message if message.contains("a tab") => Some("YAML is indented with spaces".to_owned()),
        message if message.starts_with("alias replay") => {
            Some("write out what the aliases repeat".to_owned())
        }
        _ => None,
    };
    if let Some(at) = error.location().map(At::from) {
        (diagnostic.line, diagnostic.column) = (Some(at.line), Some(at.column));
    }
    diagnostic
}

/// The message without its place, which is reported on its own.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line);
    line.to_owned()
}

impl From<Location> for At {
    fn from(location: Location) -> Self {
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            line: number(location.line()),
            column: number(location.column()),
        }
    }
}

impl From<Spanned<Inner>> for Tree {
    fn from(spanned: Spanned<Inner>) -> Self {
        Self {
            at: spanned.referenced.into(),
            span: 0..0,
            inner: spanned.value,
        }
    }
}

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Places)
    }
}

struct Places;

impl<'de> Visitor<'de> for Places {
    type Value = Inner;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Inner, E> {
        Ok(Inner::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Inner, E> {
        Ok(Inner::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Inner, E> {
        Ok(Inner::Scalar)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Inner, E> {
        Ok(Inner::Scalar)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Inner, E> {
        Ok(Inner::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Inner, E> {
        Ok(Inner::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Inner, E> {
        Ok(Inner::Scalar)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Inner, E> {
        Ok(Inner::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Inner, E> {
        Ok(Inner::Scalar)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Inner, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element::<Spanned<Inner>>()? {
            items.push(item.into());
        }
        Ok(Inner::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Inner, A::Error> {
        let mut members = HashMap::new();
        while let Some(key) = access.next_key::<Spanned<String>>()? {
            let value = access.next_value::<Spanned<Inner>>()?;
            let member = Member {
                key: key.referenced.into(),
                key_span: 0..0,
                value: value.into(),
            };
            members.insert(key.value, member);
        }
        Ok(Inner::Map(members))
    }
}
