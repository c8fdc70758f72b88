//! A page as a tree, for the queries that need one, with the place of every value in the body.
//!
//! The tree decides what a query selects; what is selected is then cut out of the body, so that
//! every value stays as it was written. Only a filter sees a number of 23 digits as the nearest
//! one of 64 bits.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::{Map, Number, Value};
use tapline_expr::{Query, Step};

use super::{BOM, LocateError};
use crate::decode::scan::{Lexeme, Scanner};
use crate::decode::text;

/// Deepest nesting: reading and querying a tree take a stack frame for each level.
const MAX_DEPTH: usize = 128;

/// Most values on a page. A tree takes many times the memory of its text.
const MAX_VALUES: usize = 1_000_000;

/// A body as a tree.
#[derive(Debug)]
pub(super) struct Tree {
    value: Value,
    place: Place,
}

/// Where a value is, and where what it holds is.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) span: Range<usize>,
    pub(super) inner: Inner,
}

/// Where what a value holds is.
#[derive(Debug)]
pub(super) enum Inner {
    Scalar,
    Members(HashMap<String, Place>),
    Items(Vec<Place>),
}

impl Tree {
    /// Reads `body`.
    pub(super) fn read(body: &str) -> Result<Self, LocateError> {
        let start = if body.as_bytes().starts_with(BOM) {
            BOM.len()
        } else {
            0
        };
        let mut reader = Reader {
            body,
            scan: Scanner::new(body.as_bytes(), start, MAX_DEPTH),
            values: 0,
        };
        reader.scan.space();
        let (value, place) = reader.value(0)?;
        reader.scan.space();
        if reader.scan.peek().is_some() {
            return Err(reader.scan.malformed("the end of the body").into());
        }
        Ok(Self { value, place })
    }

    /// What `steps` lead to.
    pub(super) fn at(&self, steps: &[Step]) -> Option<&Place> {
        steps.iter().try_fold(&self.place, Place::step)
    }

    /// Everything that `query` leads to, in its order.
    pub(super) fn find(&self, query: &Query) -> Vec<&Place> {
        let paths = query.locate(&self.value);
        paths.iter().filter_map(|steps| self.at(steps)).collect()
    }
}

impl Place {
    fn step(&self, step: &Step) -> Option<&Self> {
        match (&self.inner, step) {
            (Inner::Members(members), Step::Key(key)) => members.get(key),
            (Inner::Items(items), Step::Index(index)) => items.get(*index),
            _ => None,
        }
    }
}

struct Reader<'a> {
    body: &'a str,
    scan: Scanner<'a>,
    values: usize,
}

type Read<T = Place> = Result<(Value, T), LocateError>;

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Read {
        let start = self.scan.pos();
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(LocateError::TooMany {
                at: start,
                limit: MAX_VALUES,
            });
        }
        let (value, inner) = match self.scan.peek() {
            Some(b'{' | b'[') if depth == MAX_DEPTH => {
                return Err(LocateError::TooDeep { at: start });
            }
            Some(b'{') => self.object(depth + 1)?,
            Some(b'[') => self.array(depth + 1)?,
            _ => (self.scalar()?, Inner::Scalar),
        };
        let span = start..self.scan.pos();
        Ok((value, Place { span, inner }))
    }

    fn scalar(&mut self) -> Result<Value, LocateError> {
        let start = self.scan.pos();
        let lexeme = self.scan.value()?;
        let text = &self.body[start..self.scan.pos()];
        Ok(match lexeme {
            Lexeme::True => Value::Bool(true),
            Lexeme::False => Value::Bool(false),
            Lexeme::Number => number(text),
            Lexeme::Plain | Lexeme::Escaped => Value::String(unescaped(text)),
            Lexeme::Null | Lexeme::Nested => Value::Null,
        })
    }

    fn object(&mut self, depth: usize) -> Read<Inner> {
        let mut value = Map::new();
        let mut members = HashMap::new();
        self.scan.advance(1);
        self.scan.space();
        if self.scan.eat(b'}') {
            return Ok((Value::Object(value), Inner::Members(members)));
        }
        loop {
            let key = self.scan.key()?;
            let name = unescaped(&self.body[key.span]);
            let (member, place) = self.value(depth)?;
            value.insert(name.clone(), member);
            members.insert(name, place);
            self.scan.space();
            if self.scan.eat(b'}') {
                return Ok((Value::Object(value), Inner::Members(members)));
            }
            if !self.scan.eat(b',') {
                return Err(self.scan.malformed("`,` or `}`").into());
            }
            self.scan.space();
        }
    }

    fn array(&mut self, depth: usize) -> Read<Inner> {
        let (mut value, mut items) = (Vec::new(), Vec::new());
        self.scan.advance(1);
        self.scan.space();
        if self.scan.eat(b']') {
            return Ok((Value::Array(value), Inner::Items(items)));
        }
        loop {
            let (item, place) = self.value(depth)?;
            value.push(item);
            items.push(place);
            self.scan.space();
            if self.scan.eat(b']') {
                return Ok((Value::Array(value), Inner::Items(items)));
            }
            if !self.scan.eat(b',') {
                return Err(self.scan.malformed("`,` or `]`").into());
            }
            self.scan.space();
        }
    }
}

/// The nearest number of 64 bits.
fn number(text: &str) -> Value {
    if let Ok(number) = text.parse::<Number>() {
        return Value::Number(number);
    }
    let nearest = text.parse::<f64>().unwrap_or(f64::MAX);
    let nearest = nearest.clamp(f64::MIN, f64::MAX);
    Number::from_f64(nearest).map_or(Value::Null, Value::Number)
}

/// What `quoted` says; as written where no text holds it (a lone surrogate).
fn unescaped(quoted: &str) -> String {
    text::unescaped(quoted).unwrap_or_else(|| text::inner(quoted).to_owned())
}
