//! Tries again what may work the next time.
//!
//! An attempt includes the body of everything that is held in memory anyway, so a body that
//! breaks off is fetched again and never taken for a short page. Files and the batches of a sink
//! are retried only up to the response's head. When the attempts are used up, the last response
//! is the answer, whatever its status; the last error is marked as spent and tells what was spent.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;
use tapline_core::{
    Clock, Error, ErrorKind, Events, FailedRequest, Limits, Purpose, Redactor, Request, Response,
    Result, Retry, RunEvent, Transport, backoff, in_ranges,
};

use crate::pace::Pace;
use crate::place::place;
use crate::wait::{asked, too_long};

/// Retries with pauses.
pub(crate) struct Retrying {
    pub(crate) inner: Arc<dyn Transport>,
    /// Told when the source asks for a wait, so that other streams keep it too.
    pub(crate) pace: Arc<Pace>,
    pub(crate) limits: Limits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: Events,
    pub(crate) redactor: Redactor,
    /// A number in `0..=1`, for the backoff.
    pub(crate) jitter: fn() -> f64,
}

#[async_trait]
impl Transport for Retrying {
    async fn send(&self, request: Request) -> Result<Response> {
        let (method, url) = (request.method.clone(), request.url.clone());
        let mut spent = Spent::default();
        let sent = self.persist(request, &mut spent).await;
        sent.map_err(|error| {
            if spent.attempts == 0 {
                return error;
            }
            error.with_request(FailedRequest {
                method: method.to_string(),
                url: place(&self.redactor, &url),
                status: spent.status.map(|status| status.as_u16()),
                bytes: 0,
                attempts: spent.attempts,
                waited_ms: millis(spent.waited),
            })
        })
    }
}

/// What a request has taken so far.
#[derive(Default)]
struct Spent {
    attempts: u32,
    waited: Duration,
    /// Of the last attempt, if it was answered.
    status: Option<StatusCode>,
}

/// Why an attempt is not the last word.
struct Trouble {
    reason: String,
    /// The wait that the source asks for.
    asked: Option<Duration>,
    /// Whether it concerns the whole connection.
    shared: bool,
}

impl Retrying {
    /// Sends `request` until there is no point in trying again.
    async fn persist(&self, mut request: Request, spent: &mut Spent) -> Result<Response> {
        let judged = std::mem::take(&mut request.judged);
        loop {
            spent.attempts += 1;
            let again = (spent.attempts < self.limits.attempts).then(|| request.try_clone());
            let mut outcome = self.attempt(request).await;
            if is_unsent(&outcome) {
                spent.attempts -= 1;
                return outcome;
            }
            spent.status = outcome.as_ref().ok().map(|response| response.status);
            if let Ok(response) = &mut outcome {
                spent.waited += response.exchange.waited;
                response.exchange.waited = spent.waited;
                response.exchange.attempts = spent.attempts;
                response.exchange.asked =
                    asked(response.status, &response.headers, self.clock.now());
                if in_ranges(&judged, response.status) {
                    self.heed(response);
                    return outcome;
                }
            }
            let Some(trouble) = self.trouble(&outcome) else {
                return outcome;
            };
            let wait = self.wait_after(&trouble, spent.attempts)?;
            let Some(next) = again.flatten() else {
                return outcome.map_err(Error::spent);
            };
            self.sleep(wait, trouble.reason, spent.attempts + 1).await;
            spent.waited += wait;
            request = next;
        }
    }

    /// Has other streams keep the wait that a judged `response` asks for; its sender keeps it too.
    fn heed(&self, response: &Response) {
        if let Some(wait) = response.exchange.asked
            && reason(response.status).is_some()
        {
            self.pace.hold(wait);
        }
    }

    async fn attempt(&self, request: Request) -> Result<Response> {
        let streamed = matches!(request.purpose, Purpose::Download | Purpose::Sink);
        let response = self.inner.send(request).await?;
        if streamed {
            return Ok(response);
        }
        whole(response, self.limits.page_bytes).await
    }

    /// What calls for another attempt; `None` if this is the answer.
    fn trouble(&self, outcome: &Result<Response>) -> Option<Trouble> {
        match outcome {
            Ok(response) => {
                let reason = reason(response.status)?;
                let asked = response.exchange.asked;
                Some(Trouble {
                    reason,
                    asked,
                    shared: asked.is_some() || response.status == StatusCode::TOO_MANY_REQUESTS,
                })
            }
            Err(error) => match error.retry() {
                Retry::Later { after } => Some(Trouble {
                    reason: error.message().to_owned(),
                    asked: after,
                    shared: false,
                }),
                Retry::Never | Retry::Spent => None,
            },
        }
    }

    /// How long to wait after `attempt`. A wish of zero, or for a time that has passed, is no
    /// wish: the backoff decides.
    fn wait_after(&self, trouble: &Trouble, attempt: u32) -> Result<Duration> {
        let wait = match trouble.asked {
            Some(asked) if !asked.is_zero() => asked,
            _ => backoff(attempt, (self.jitter)()),
        };
        if trouble.shared {
            self.pace.hold(wait);
        }
        if trouble.asked.is_some() && wait > self.limits.max_wait {
            return Err(too_long(wait, self.clock.now(), self.limits.max_wait));
        }
        Ok(wait)
    }

    async fn sleep(&self, wait: Duration, reason: String, attempt: u32) {
        // Told however short the wait is: it is also what says that an attempt failed.
        self.events.emit(RunEvent::Waiting {
            reason,
            for_ms: millis(wait),
            attempt,
        });
        self.clock.sleep(wait).await;
    }
}

/// Whether nothing was sent, since the quota or a common wait let nothing out.
fn is_unsent(outcome: &Result<Response>) -> bool {
    let error = outcome.as_ref().err();
    error.is_some_and(|error| error.kind() == ErrorKind::Quota)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Why a status is worth another try; `None` if it is not. 501 and 505 say that the server cannot,
/// not that it cannot now.
fn reason(status: StatusCode) -> Option<String> {
    let what = match status.as_u16() {
        408 => "request timeout",
        429 => "rate limit",
        501 | 505 => return None,
        500..=599 => "server error",
        _ => return None,
    };
    Some(format!("{what} ({})", status.as_u16()))
}

async fn whole(mut response: Response, cap: usize) -> Result<Response> {
    let body: Bytes = response.bytes(cap).await?;
    Ok(Response {
        exchange: response.exchange,
        ..Response::full(response.status, response.headers, body)
    })
}
