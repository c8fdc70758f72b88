//! What goes wrong, and when: a table, so that a test reads as a list of misfortunes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One misfortune.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Only requests whose path starts like this are counted and hit.
    pub path_prefix: String,
    /// Which of them are hit.
    pub when: When,
    /// What happens to them.
    pub action: FaultAction,
}

/// Which requests a fault hits. The first one has number 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Only this one.
    Nth(u64),
    /// This one and all after it.
    From(u64),
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultAction {
    /// It is answered with this status, these headers and a short JSON body.
    Status {
        /// The status code.
        code: u16,
        /// Headers by name, `Retry-After` for instance.
        headers: Vec<(String, String)>,
    },
    /// The connection closes without an answer.
    Drop,
    /// The connection closes when half of the answer has been sent.
    DropMidBody,
    /// No answer ever comes; the connection stays open.
    Hang,
    /// The answer is right, but late.
    SlowFirstByte(Duration),
    /// The answer is right, and has these headers besides, `X-RateLimit-Remaining` for instance.
    Headers(Vec<(String, String)>),
    /// The answer is well-formed, and wrong.
    Lie(Lie),
}

/// Ways in which a well-formed page can be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lie {
    /// The next page is this page: token A leads to A.
    RepeatToken,
    /// The next pages go in a circle: A leads to B, B to A.
    TokenCycle,
    /// The first page comes again, whatever was asked.
    IgnoreOffset,
    /// This is announced as the number of all records.
    WrongTotal(u64),
    /// The next link leads to this origin: `http://example.com`.
    ForeignNext(String),
}

impl Fault {
    /// `action` for the `n`-th request below `path_prefix`.
    pub fn nth(path_prefix: impl Into<String>, n: u64, action: FaultAction) -> Self {
        Self {
            path_prefix: path_prefix.into(),
            when: When::Nth(n),
            action,
        }
    }

    /// `action` for the `n`-th request below `path_prefix`, and for all after it.
    pub fn from(path_prefix: impl Into<String>, n: u64, action: FaultAction) -> Self {
        Self {
            path_prefix: path_prefix.into(),
            when: When::From(n),
            action,
        }
    }
}

impl FaultAction {
    /// A status without headers.
    pub fn status(code: u16) -> Self {
        Self::Status {
            code,
            headers: Vec::new(),
        }
    }

    /// Headers that report a quota: `limit` requests, of which `remaining` are left until `reset`
    /// seconds later.
    pub fn quota(limit: u64, remaining: u64, reset: u64) -> Self {
        let named = [
            ("x-ratelimit-limit", limit),
            ("x-ratelimit-remaining", remaining),
            ("x-ratelimit-reset", reset),
        ];
        let headers = named.map(|(name, value)| (name.to_owned(), value.to_string()));
        Self::Headers(headers.into())
    }

    /// `429 Too Many Requests` with `Retry-After`.
    pub fn too_many_requests(retry_after_seconds: u64) -> Self {
        Self::Status {
            code: 429,
            headers: vec![("retry-after".to_owned(), retry_after_seconds.to_string())],
        }
    }
}

impl When {
    fn hits(self, n: u64) -> bool {
        match self {
            Self::Nth(nth) => n == nth,
            Self::From(first) => n >= first,
        }
    }
}

/// The faults, each with the number of requests it has seen.
#[derive(Debug)]
pub(super) struct FaultTable(Vec<(Fault, AtomicU64)>);

impl FaultTable {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self(faults.into_iter().map(|f| (f, AtomicU64::new(0))).collect())
    }

    /// Counts a request and says what happens to it, in the order of the table.
    pub(super) fn hits(&self, path: &str) -> Vec<FaultAction> {
        let below = |(fault, seen): &(Fault, AtomicU64)| {
            if !path.starts_with(&fault.path_prefix) {
                return None;
            }
            let n = seen.fetch_add(1, Ordering::Relaxed) + 1;
            fault.when.hits(n).then(|| fault.action.clone())
        };
        self.0.iter().filter_map(below).collect()
    }
}

/// What a handler has to lie about, passed on as a request extension.
#[derive(Clone, Debug, Default)]
pub(super) struct Lies(pub(super) Vec<Lie>);
