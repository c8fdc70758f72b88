//! Where each value of a text stands: its line and column.
//!
//! The places are kept as a tree of the same shape as the value, and looked up by JSON pointer
//! only when there is something to say.

use std::collections::HashMap;
use std::ops::Range;

use crate::pointer;

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    /// From 1.
    pub(crate) line: u32,
    /// In characters, from 1.
    pub(crate) column: u32,
}

/// A value's place, and those of everything in it.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) at: At,
    /// The bytes of the text it takes up; known of JSON only.
    pub(crate) span: Range<usize>,
    pub(crate) inner: Inner,
}

/// A member of an object.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Place of the key.
    pub(crate) key: At,
    /// The bytes of the key, quotes and all; known of JSON only.
    pub(crate) key_span: Range<usize>,
    pub(crate) value: Tree,
}

/// What is in a value.
#[derive(Clone, Debug)]
pub(crate) enum Inner {
    Scalar,
    List(Vec<Tree>),
    Map(HashMap<String, Member>),
}

/// Which of the two places of a member is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Key,
    Value,
}

impl Tree {
    /// The place of what `pointer` leads to, or of the nearest thing around it.
    pub(crate) fn find(&self, pointer: &str, part: Part) -> At {
        let mut tree = self;
        let mut at = self.at;
        for step in pointer::steps(pointer) {
            let found = match &tree.inner {
                Inner::Scalar => None,
                Inner::List(items) => step
                    .parse::<usize>()
                    .ok()
                    .and_then(|index| items.get(index))
                    .map(|item| (item.at, item)),
                Inner::Map(members) => members.get(&step).map(|member| (member.key, &member.value)),
            };
            let Some((key, value)) = found else { break };
            tree = value;
            at = match part {
                Part::Key => key,
                Part::Value => value.at,
            };
        }
        at
    }
}
