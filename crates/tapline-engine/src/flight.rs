//! A request that is on its way, and the answer it brings.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, MaybeDone, maybe_done, ready};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use tapline_core::{Error, Exchange, FailedRequest, Position, Request, RequestRecord, Result};
use uuid::Uuid;

use crate::observation::{Finds, Observation};

/// Size of a page, in bytes, beyond which nothing is fetched while it is decoded or kept: two of
/// the largest pages at once would pass the memory that a run may take.
pub(crate) const LARGE: usize = 8 << 20;

/// A response, read to its end.
pub(crate) struct Answer {
    pub(crate) method: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) exchange: Exchange,
    pub(crate) duration: Duration,
    pub(crate) received_at: Timestamp,
}

impl Answer {
    /// The row of `_tapline_requests`. Request ids sort by the time of their response.
    pub(crate) fn record(&self) -> RequestRecord {
        RequestRecord {
            request_id: Uuid::new_v7(uuid_time(self.received_at)),
            method: self.method.clone(),
            url: self.exchange.url.clone(),
            status: self.status.as_u16(),
            bytes: self.body.len() as u64,
            attempts: self.exchange.attempts,
            waited_ms: millis(self.exchange.waited),
            duration_ms: millis(self.duration),
            received_at: self.received_at,
        }
    }

    /// What is told of the request if its answer is no page.
    pub(crate) fn failed(&self) -> FailedRequest {
        FailedRequest {
            method: self.method.clone(),
            url: self.exchange.url.clone(),
            status: Some(self.status.as_u16()),
            bytes: self.body.len() as u64,
            attempts: self.exchange.attempts,
            waited_ms: millis(self.exchange.waited),
        }
    }

    /// The answer as the pagination sees it, with its `body` and what was found in that.
    pub(crate) fn seen<'a>(&'a self, body: &'a [u8], finds: Finds<'a>) -> Observation<'a> {
        Observation {
            status: self.status,
            headers: &self.headers,
            body,
            finds,
        }
    }

    pub(crate) fn content_type(&self) -> &str {
        self.headers
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }
}

/// A request that has been sent, or will be at its first poll.
pub(crate) struct Flight {
    pub(crate) position: Position,
    /// To be sent again if a rule says so; `None` if it could not be built.
    pub(crate) request: Option<Request>,
    pub(crate) answer: MaybeDone<BoxFuture<'static, Result<Answer>>>,
}

impl Flight {
    /// A flight that never took off: its answer is `error`.
    pub(crate) fn failed(position: Position, error: Error) -> Self {
        Self {
            position,
            request: None,
            answer: maybe_done(ready(Err(error)).boxed()),
        }
    }
}

/// Requests that are on their way, in the order of their pages. All of them go on whichever is
/// awaited.
#[derive(Default)]
pub(crate) struct Flights(VecDeque<Flight>);

impl Flights {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Where the next page starts.
    pub(crate) fn next(&self) -> Option<&Position> {
        self.0.front().map(|flight| &flight.position)
    }

    /// Where the last page starts that is asked for.
    pub(crate) fn last(&self) -> Option<&Position> {
        self.0.back().map(|flight| &flight.position)
    }

    /// Adds the flight for the page after the last.
    pub(crate) fn push(&mut self, flight: Flight) {
        self.0.push_back(flight);
    }

    /// Nobody wants their answers; how many those are.
    pub(crate) fn clear(&mut self) -> u64 {
        let count = self.0.len() as u64;
        self.0.clear();
        count
    }

    fn poll(&mut self, context: &mut Context<'_>) {
        for flight in &mut self.0 {
            // What comes out is kept in the flight.
            let _ = Pin::new(&mut flight.answer).poll(context);
        }
    }

    /// Waits for the first of them, and takes it.
    pub(crate) async fn land(&mut self) -> Option<(Flight, Result<Answer>)> {
        poll_fn(|context| {
            self.poll(context);
            match self.0.front_mut() {
                None => Poll::Ready(None),
                Some(flight) => match Pin::new(&mut flight.answer).take_output() {
                    None => Poll::Pending,
                    Some(answer) => Poll::Ready(self.0.pop_front().map(|flight| (flight, answer))),
                },
            }
        })
        .await
    }

    /// Does `work` while they go on.
    pub(crate) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            self.poll(context);
            work.as_mut().poll(context)
        })
        .await
    }
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn uuid_time(at: Timestamp) -> uuid::Timestamp {
    let nanos = at.as_nanosecond().max(0);
    let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(0);
    let rest = u32::try_from(nanos % 1_000_000_000).unwrap_or(0);
    uuid::Timestamp::from_unix(uuid::NoContext, seconds, rest)
}
