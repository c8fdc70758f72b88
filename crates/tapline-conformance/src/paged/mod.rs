//! One collection, served through every way of paging that a spec can say, without a socket.
//!
//! Whatever the way, the records are the same, so what a reader brings home can be compared. New
//! ones may come in between two requests. [`FakeApi`](crate::fake_api::FakeApi) serves the same
//! under `/paged/`.
//!
//! | path | pages by |
//! |---|---|
//! | `offset` | `offset`; the body says `hasMore` and `total` |
//! | `page` | `pageNumber`, from 1; the header `x-pagecount` is the last page's number |
//! | `pointer` | `paging.next` in the body, or the header `x-next-link` |
//! | `link` | a `Link` header, among others that lead elsewhere |
//! | `token` | `meta.after_cursor` in the body, or the header `x-next-token`; sent back as the query parameter `page[after]`, as the header `x-after`, or in the body as `page.after` |
//! | `object` | the members of `continue`, which all go into the query |
//! | `key` | the object `last`, sent back as `start` in the body of a POST |
//! | `none` | nothing: all records at once |
//!
//! `limit`, `count`, `pageSize` or `per_page`, in the query or in the body, is the page size.
//! More in the query: `root=array` makes the body a bare array, `links=relative` makes links
//! relative, `trailing=1` gives a link or token with every page that holds records, and `past=404`
//! (or another status) is the answer to an offset or page past the end; `past=200` is one whose body
//! tells of an error.

mod asked;
mod forms;

use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tapline_core::{Body, Request, Response, Result, Transport};

pub use asked::Asked;

use crate::lock::lock;

/// The collection.
#[derive(Debug, Default)]
pub struct Paged {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    keys: BTreeSet<u64>,
    inserts: Vec<Insert>,
    requests: u64,
}

/// A record that comes in between two requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insert {
    /// Just before this request, counted from 1.
    pub before: u64,
    /// Its key. Records are in the order of their keys.
    pub key: u64,
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Value,
}

impl Paged {
    /// A collection of these records, into which the others come later.
    pub fn new(
        keys: impl IntoIterator<Item = u64>,
        inserts: impl IntoIterator<Item = Insert>,
    ) -> Self {
        let state = State {
            keys: keys.into_iter().collect(),
            inserts: inserts.into_iter().collect(),
            requests: 0,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// How many requests there were.
    pub fn requests(&self) -> u64 {
        lock(&self.state).requests
    }

    /// The answer to `asked`.
    pub fn answer(&self, asked: &Asked) -> Answered {
        let mut state = lock(&self.state);
        state.requests += 1;
        let now = state.requests;
        let due: Vec<u64> = state
            .inserts
            .extract_if(.., |insert| insert.before <= now)
            .map(|insert| insert.key)
            .collect();
        state.keys.extend(due);
        forms::answer(asked, &state.keys)
    }
}

/// The record with the key `key`.
pub fn record(key: u64) -> Value {
    json!({ "id": key, "name": format!("n{key:x}") })
}

#[async_trait]
impl Transport for Paged {
    async fn send(&self, request: Request) -> Result<Response> {
        let body = match &request.body {
            Body::Bytes(bytes) => bytes.as_ref(),
            _ => &[],
        };
        let answered = self.answer(&Asked::new(&request.url, &request.headers, body));
        let body = answered.body.to_string();
        Ok(Response::full(
            answered.status,
            answered.headers,
            body.into(),
        ))
    }
}

#[cfg(test)]
mod tests;
