//! Where the next request of a slice starts: a plain value that can be stored and sent.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where the next request starts. Serialised as `{"kind": "offset", "value": 200}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Position {
    /// The first request, where it carries nothing of its own.
    Start,
    /// Index of the first record wanted, or another number that the page is asked for by.
    Offset(u64),
    /// Number of the page wanted.
    Page(u64),
    /// Absolute URL of the page wanted.
    Url(String),
    /// Token that the last response gave.
    Token(String),
    /// Several tokens that go together, in the order of the plan, each as JSON text; `null` for
    /// one that was not there.
    Tokens(Vec<String>),
    /// What a plugin's `next_position` hook gave, as JSON text: the `url`, `query`, `headers` and
    /// `body` that the request carries in place of what its pagination would add.
    Custom(String),
}

impl Position {
    /// Largest position tapline stores, in bytes.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// Size of what the source determines about this position, in bytes.
    pub fn size(&self) -> usize {
        match self {
            Self::Start | Self::Offset(_) | Self::Page(_) => 8,
            Self::Url(text) | Self::Token(text) | Self::Custom(text) => text.len(),
            Self::Tokens(texts) => texts.iter().map(String::len).sum(),
        }
    }
}

impl fmt::Display for Position {
    /// A short form without anything secret: tokens and URLs are only named by kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::Offset(offset) => write!(f, "offset {offset}"),
            Self::Page(page) => write!(f, "page {page}"),
            Self::Url(_) => f.write_str("a next link"),
            Self::Token(_) | Self::Tokens(_) => f.write_str("a continuation token"),
            Self::Custom(_) => f.write_str("a position of the connector"),
        }
    }
}
