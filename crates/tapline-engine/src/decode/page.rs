//! A page as the decoder sees it: valid UTF-8, its elements, and what every record repeats.

use std::ops::Range;

use tapline_core::{Error, ErrorKind};
use tapline_spec::ContentPlan;

use super::kind::Value;
use super::scan::Scanner;
use super::text;
use crate::locate::{Content, Located};

/// Name of the only column of a record that is not an object.
const VALUE: &str = "value";

/// A page to decode.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    /// The content: records, or one record.
    pub(crate) text: &'a str,
    /// Where the content starts in the body.
    pub(crate) base: usize,
    /// How the records stand in it.
    pub(crate) layout: Layout,
    /// What every record repeats.
    pub(crate) siblings: Vec<Member<'a>>,
    /// Bytes that every record repeats.
    pub(crate) repeated: usize,
    /// Whether an object's own members are its record's.
    pub(crate) unwrap: bool,
    /// The member that holds an element which is not taken apart.
    pub(crate) whole: Key,
}

/// How records stand in the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// It is one.
    One,
    /// As the elements of an array.
    Array,
    /// Each on a line of its own.
    Lines,
}

/// A key: as written, and what it says.
#[derive(Debug)]
pub(crate) struct Key {
    /// With quotes and escapes.
    pub(crate) quoted: String,
    /// `None` if no text holds it (a lone surrogate).
    pub(crate) name: Option<String>,
}

/// A member of an object.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) key: Key,
    pub(crate) value: Value<'a>,
}

impl<'a> Page<'a> {
    /// The page at `located` of `body`; `None` if there is no content.
    pub(crate) fn new(
        plan: &ContentPlan,
        body: &'a [u8],
        located: &Located,
    ) -> Result<Option<Self>, Error> {
        let (span, layout) = match &located.content {
            Content::Array { span, .. } => (span, Layout::Array),
            Content::Lines { span, .. } => (span, Layout::Lines),
            Content::Object(span) => (span, Layout::One),
            Content::Missing | Content::Null => return Ok(None),
        };
        let siblings = located.siblings.iter();
        let siblings: Vec<_> = siblings
            .map(|sibling| {
                let key = utf8(body, &sibling.key)?;
                member(key, utf8(body, &sibling.value)?)
            })
            .collect::<Result<_, Error>>()?;
        let name = plan.wrapper.as_deref().unwrap_or(VALUE);
        Ok(Some(Self {
            text: utf8(body, span)?,
            base: span.start,
            layout,
            repeated: siblings.iter().map(Member::len).sum(),
            siblings,
            unwrap: plan.wrapper.is_none(),
            whole: Key {
                quoted: text::quote(name),
                name: Some(name.to_owned()),
            },
        }))
    }
}

impl Member<'_> {
    /// Bytes that a row needs for it at most: in the rest its key is repeated too.
    fn len(&self) -> usize {
        self.key.quoted.len() + self.value.raw.len()
    }
}

fn member<'a>(key: &'a str, raw: &'a str) -> Result<Member<'a>, Error> {
    // Locating has followed its nesting already.
    let mut scan = Scanner::new(raw.as_bytes(), 0, usize::MAX);
    let lexeme = scan.value().map_err(|fault| super::malformed(fault, 0))?;
    Ok(Member {
        key: Key {
            quoted: key.to_owned(),
            name: text::unescaped(key),
        },
        value: Value::new(raw, lexeme, scan.number()),
    })
}

fn utf8<'a>(body: &'a [u8], span: &Range<usize>) -> Result<&'a str, Error> {
    let bytes = body.get(span.clone()).unwrap_or_default();
    std::str::from_utf8(bytes).map_err(|error| {
        Error::new(ErrorKind::Protocol, "decode page", "the body is not UTF-8")
            .with("byte", span.start + error.valid_up_to())
    })
}
