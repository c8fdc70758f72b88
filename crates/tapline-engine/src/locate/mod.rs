//! Finds what the engine needs on a page, without building a tree of it.
//!
//! Locating runs before the next request is sent, so it must be cheap: it reads what surrounds
//! the content strictly, and in the content, nearly the whole page, only counts brackets. That
//! the content is JSON is proved when it is decoded.

mod count;
mod queries;
mod tree;
mod trie;

use std::ops::Range;

use bytes::Bytes;
use tapline_core::{Error, ErrorKind};
use tapline_expr::{Place, Selector};
use tapline_spec::{BodyFormat, ContentPlan, Siblings};
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

use self::queries::Queries;
pub(crate) use self::queries::values;
use self::trie::Node;
use crate::decode::balance::balanced_len;
use crate::decode::scan::{Fault, Scanner, Token};
use crate::decode::text;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// What is looked for on every page of a stream.
#[derive(Clone, Debug)]
pub struct Wanted {
    root: Node,
    values: usize,
    siblings: Siblings,
    depth: usize,
    queries: Option<Queries>,
    format: BodyFormat,
}

/// What was found on a page. Every range is of the page's body, or of [`Located::body`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// What stands for the page's body where it took queries to find something.
    pub body: Option<Bytes>,
    /// The content.
    pub content: Content,
    /// The values asked for, in the order of their selectors; `None` where there is none.
    pub values: Vec<Option<Range<usize>>>,
    /// Members to copy onto each record.
    pub siblings: Vec<Sibling>,
    /// Hash of the content's bytes; 0 without content. Two pages with the same one repeat.
    pub content_hash: u64,
}

impl Located {
    /// Whether each line of the body is a record.
    pub(crate) fn has_lines(&self) -> bool {
        matches!(self.content, Content::Lines { .. })
    }

    /// What every range is of, if `body` is the page's.
    pub(crate) fn text<'a>(&'a self, body: &'a [u8]) -> &'a [u8] {
        self.body.as_deref().unwrap_or(body)
    }
}

/// What the content path leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    #[default]
    Missing,
    /// `null`.
    Null,
    /// One record.
    Object(Range<usize>),
    /// An array of records.
    Array {
        /// Where it is, brackets included.
        span: Range<usize>,
        /// Whether nothing is in it.
        empty: bool,
    },
    /// A record on each line.
    Lines {
        /// Where they are: all of the body.
        span: Range<usize>,
        /// Whether there is none.
        empty: bool,
    },
}

impl Content {
    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Missing | Self::Null => true,
            Self::Object(_) => false,
            Self::Array { empty, .. } | Self::Lines { empty, .. } => *empty,
        }
    }
}

/// A member beside the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sibling {
    /// Where its key is, quotes included.
    pub key: Range<usize>,
    /// Where its value is.
    pub value: Range<usize>,
}

/// Why a page cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocateError {
    /// There is nothing but white space.
    #[error("the body is empty")]
    Empty,
    /// The body is not JSON.
    #[error("the body is not JSON: expected {expected} at byte {at}")]
    Malformed {
        /// Where.
        at: usize,
        /// What would have been allowed there.
        expected: &'static str,
    },
    /// The body is not UTF-8.
    #[error("the body is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Where.
        at: usize,
    },
    /// The body is nested deeper than the limit, outside the content.
    #[error("the body is nested too deep at byte {at}")]
    TooDeep {
        /// Where.
        at: usize,
    },
    /// The body holds more values than a tree of it may have.
    #[error(
        "the body holds more than {limit} values, at byte {at}; smaller pages, or a path without \
         wildcards and filters, have no such limit"
    )]
    TooMany {
        /// Where.
        at: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The content path leads to a string, a number or a boolean.
    #[error("the content path leads to a {found} at byte {at}, to neither an array nor an object")]
    Scalar {
        /// Where.
        at: usize,
        /// What is there.
        found: &'static str,
    },
    /// The body is one array, where each line should be a record.
    #[error(
        "the body is one JSON array, and not a record on each line: without `format` ndjson in \
         `responseParams` it is read as it is"
    )]
    NoLines,
    /// The content path leads to two places: a key on it occurs twice.
    #[error("the content occurs a second time at byte {at}")]
    Twice {
        /// Where.
        at: usize,
    },
}

impl From<LocateError> for Error {
    fn from(error: LocateError) -> Self {
        let kind = match error {
            LocateError::TooDeep { .. } | LocateError::TooMany { .. } => ErrorKind::Limit,
            _ => ErrorKind::Protocol,
        };
        Self::new(kind, "read page", error.to_string())
    }
}

impl From<Fault> for LocateError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed { at, expected } => Self::Malformed { at, expected },
            Fault::TooDeep { at } => Self::TooDeep { at },
        }
    }
}

impl Wanted {
    /// Looks for the content of `plan` and for what `reads` selects of a body, following `depth`
    /// levels of nesting.
    pub fn new(plan: &ContentPlan, reads: &[Selector], depth: usize) -> Self {
        let mut root = Node::default();
        if let Place::Path(path) = &plan.path {
            root.want_content(path.steps(), !plan.siblings.is_none());
        }
        for (index, read) in reads.iter().enumerate() {
            if let Selector::Body(path) = read {
                root.want_value(path.steps(), index);
            }
        }
        Self {
            root,
            values: reads.len(),
            siblings: plan.siblings.clone(),
            depth,
            queries: Queries::of(plan, reads),
            format: plan.format,
        }
    }

    /// Reads `body` once; a second time, and into a tree, if that takes queries.
    ///
    /// # Errors
    /// The body is not JSON outside the content, or there is no content in it.
    pub fn locate(&self, body: &[u8]) -> Result<Located, LocateError> {
        let mut located = match self.format {
            BodyFormat::Json => self.scan(body)?,
            BodyFormat::Ndjson => self.lines(body)?,
        };
        if let Some(queries) = &self.queries {
            queries.locate(body, &mut located)?;
        }
        Ok(located)
    }

    /// All of `body`: the decoder finds where a line ends, so it is not looked at twice. One without
    /// lines has no records.
    fn lines(&self, body: &[u8]) -> Result<Located, LocateError> {
        let span = start(body)..body.len();
        let lines = body.get(span.clone()).unwrap_or_default();
        let text = lines.trim_ascii();
        if text.first() == Some(&b'[') && balanced_len(text) == Some(text.len()) {
            return Err(LocateError::NoLines);
        }
        let empty = text.is_empty();
        Ok(Located {
            body: None,
            content: Content::Lines { span, empty },
            values: vec![None; self.values],
            siblings: Vec::new(),
            content_hash: if empty { 0 } else { xxh3_64(lines) },
        })
    }

    fn scan(&self, body: &[u8]) -> Result<Located, LocateError> {
        let start = start(body);
        let mut walk = Walk {
            body,
            scan: Scanner::new(body, start, self.depth),
            siblings: &self.siblings,
            found: Located {
                body: None,
                content: Content::Missing,
                values: vec![None; self.values],
                siblings: Vec::new(),
                content_hash: 0,
            },
        };
        walk.scan.space();
        if walk.scan.peek().is_none() {
            return Err(LocateError::Empty);
        }
        walk.value(&self.root)?;
        walk.scan.space();
        if walk.scan.peek().is_some() {
            return Err(walk.scan.malformed("the end of the body").into());
        }
        walk.finish()
    }
}

/// Where the text of `body` starts.
fn start(body: &[u8]) -> usize {
    if body.starts_with(BOM) { BOM.len() } else { 0 }
}

/// A walk over a body, one function deep per step of a path.
struct Walk<'a> {
    body: &'a [u8],
    scan: Scanner<'a>,
    siblings: &'a Siblings,
    found: Located,
}

impl Walk<'_> {
    /// Reads the value that starts here, which `node` says what to do with.
    fn value(&mut self, node: &Node) -> Result<(), LocateError> {
        let start = self.scan.pos();
        if node.content {
            self.content()?;
            let end = self.scan.pos();
            if node.has_children() {
                self.scan.seek(start);
                self.descend(node)?;
                self.scan.seek(end);
            }
        } else {
            self.descend(node)?;
        }
        for &index in &node.values {
            if let Some(found @ None) = self.found.values.get_mut(index) {
                *found = Some(start..self.scan.pos());
            }
        }
        Ok(())
    }

    fn descend(&mut self, node: &Node) -> Result<(), LocateError> {
        match self.scan.peek() {
            Some(b'{') if node.has_keys() => self.object(node),
            Some(b'[') if node.has_indices() => self.array(node),
            _ => Ok(self.scan.value().map(drop)?),
        }
    }

    fn content(&mut self) -> Result<(), LocateError> {
        let at = self.scan.pos();
        if self.found.content != Content::Missing {
            return Err(LocateError::Twice { at });
        }
        self.found.content = match self.scan.peek() {
            Some(b'{') => Content::Object(self.balanced()?),
            Some(b'[') => {
                let span = self.balanced()?;
                let mut inner = Scanner::new(self.body, at + 1, 0);
                inner.space();
                let empty = inner.peek() == Some(b']');
                Content::Array { span, empty }
            }
            first => {
                self.scan.value()?;
                let found = match first {
                    Some(b'n') => None,
                    Some(b'"') => Some("string"),
                    Some(b't' | b'f') => Some("boolean"),
                    _ => Some("number"),
                };
                match found {
                    None => Content::Null,
                    Some(found) => return Err(LocateError::Scalar { at, found }),
                }
            }
        };
        Ok(())
    }

    fn balanced(&mut self) -> Result<Range<usize>, LocateError> {
        let start = self.scan.pos();
        let Some(length) = balanced_len(self.scan.rest()) else {
            self.scan.seek(self.body.len());
            return Err(self.scan.malformed("the end of the content").into());
        };
        self.scan.advance(length);
        Ok(start..self.scan.pos())
    }

    fn object(&mut self, node: &Node) -> Result<(), LocateError> {
        self.scan.advance(1);
        self.scan.space();
        if self.scan.eat(b'}') {
            return Ok(());
        }
        loop {
            let key = self.scan.key()?;
            self.member(node, key)?;
            self.scan.space();
            if self.scan.eat(b'}') {
                return Ok(());
            }
            if !self.scan.eat(b',') {
                return Err(self.scan.malformed("`,` or `}`").into());
            }
            self.scan.space();
        }
    }

    fn member(&mut self, node: &Node, key: Token) -> Result<(), LocateError> {
        let start = self.scan.pos();
        let name = self.name(&key)?;
        let child = name.as_deref().and_then(|name| node.key(name));
        match child {
            Some(child) => self.value(child)?,
            None => self.scan.value().map(drop)?,
        }
        let beside = node.around_content && !child.is_some_and(|child| child.content);
        if beside && name.is_some_and(|name| self.siblings.wants(&name)) {
            self.found.siblings.push(Sibling {
                key: key.span,
                value: start..self.scan.pos(),
            });
        }
        Ok(())
    }

    /// What `key` says; `None` if no text holds it.
    fn name(&self, key: &Token) -> Result<Option<String>, LocateError> {
        let quoted = self.body.get(key.span.clone()).unwrap_or_default();
        let quoted = std::str::from_utf8(quoted).map_err(|error| LocateError::NotUtf8 {
            at: key.span.start + error.valid_up_to(),
        })?;
        Ok(text::unescaped(quoted))
    }

    fn array(&mut self, node: &Node) -> Result<(), LocateError> {
        self.scan.advance(1);
        self.scan.space();
        if self.scan.eat(b']') {
            return Ok(());
        }
        for index in 0.. {
            match node.index(index) {
                Some(child) => self.value(child)?,
                None => self.scan.value().map(drop)?,
            }
            self.scan.space();
            if self.scan.eat(b']') {
                break;
            }
            if !self.scan.eat(b',') {
                return Err(self.scan.malformed("`,` or `]`").into());
            }
            self.scan.space();
        }
        Ok(())
    }

    /// Checks what no decoder will see, and hashes what it will.
    fn finish(mut self) -> Result<Located, LocateError> {
        let content = match &self.found.content {
            Content::Object(span) | Content::Array { span, .. } | Content::Lines { span, .. } => {
                span.clone()
            }
            Content::Missing | Content::Null => 0..0,
        };
        for outside in [0..content.start, content.end..self.body.len()] {
            let bytes = self.body.get(outside.clone()).unwrap_or_default();
            std::str::from_utf8(bytes).map_err(|error| LocateError::NotUtf8 {
                at: outside.start + error.valid_up_to(),
            })?;
        }
        if !content.is_empty() {
            let bytes = self.body.get(content).unwrap_or_default();
            self.found.content_hash = xxh3_64(bytes);
        }
        Ok(self.found)
    }
}

#[cfg(test)]
mod tests;
