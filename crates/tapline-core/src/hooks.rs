//! The hooks a connector may have: small changes to what its spec already says.
//!
//! A hook does no I/O of its own. Whatever it returns is checked by the host: a request may not
//! leave the allowed origins, a position may not be larger than 64 KB.

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{PageInfo, Position, Request, Result, Slice, Window};

/// The five hooks, in the order of their numbers in the plugin ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookKind {
    /// Changes a request just before it is sent: signs it, say.
    PrepareRequest,
    /// Says where the next request starts.
    NextPosition,
    /// Turns a response body into JSON that the spec can read.
    TransformPage,
    /// Names the independent parts of a window.
    Partitions,
    /// Tries whether the connection works.
    Check,
}

impl HookKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::PrepareRequest,
        Self::NextPosition,
        Self::TransformPage,
        Self::Partitions,
        Self::Check,
    ];

    /// The hook's name, as authors write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::PrepareRequest => "prepare_request",
            Self::NextPosition => "next_position",
            Self::TransformPage => "transform_page",
            Self::Partitions => "partitions",
            Self::Check => "check",
        }
    }
}

/// Which hooks a connector has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HookSet(u64);

impl HookSet {
    /// From the bits of the plugin ABI; unknown bits are hooks of a newer plugin and are ignored.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Whether `hook` is there.
    pub fn has(self, hook: HookKind) -> bool {
        self.0 & (1 << hook as u64) != 0
    }

    /// The hooks that are there.
    pub fn iter(self) -> impl Iterator<Item = HookKind> {
        HookKind::ALL
            .into_iter()
            .filter(move |hook| self.has(*hook))
    }
}

/// What the `check` hook found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Whether the connection works.
    pub ok: bool,
    /// What was tried, or what is wrong.
    pub message: String,
}

/// A connector's hooks. Only those in [`Hooks::set`] are called.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Which hooks are there.
    fn set(&self) -> HookSet;

    /// Changes a request just before each attempt.
    ///
    /// # Errors
    /// The hook failed; the request is not sent.
    async fn prepare_request(&self, request: Request) -> Result<Request> {
        Ok(request)
    }

    /// Where the next request starts, given the page just read; `None` ends the slice.
    ///
    /// # Errors
    /// The hook failed.
    async fn next_position(&self, page: &PageInfo, body: Bytes) -> Result<Option<Position>> {
        let _ = body;
        Ok(page.next.clone())
    }

    /// Turns a response body into JSON that the spec can read.
    ///
    /// # Errors
    /// The hook failed; the page is not read.
    async fn transform_page(&self, content_type: &str, body: Bytes) -> Result<Bytes> {
        let _ = content_type;
        Ok(body)
    }

    /// The independent parts of `window`.
    ///
    /// # Errors
    /// The hook failed.
    async fn partitions(&self, window: &Window) -> Result<Vec<Slice>> {
        Ok(vec![Slice {
            window: window.clone(),
            ..Slice::default()
        }])
    }

    /// Tries whether the connection works.
    ///
    /// # Errors
    /// The hook itself failed.
    async fn check(&self) -> Result<CheckReport> {
        Ok(CheckReport {
            ok: true,
            message: "the connector has no check of its own".to_owned(),
        })
    }
}

/// A connector without hooks: a bare spec file.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {
    fn set(&self) -> HookSet {
        HookSet::default()
    }
}
