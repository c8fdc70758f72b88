//! Asks again because a rule of the spec says so, or because an answer that was left to the rules
//! fits none of them: with the transport's pauses, and as often as its limits allow.

use std::sync::Arc;
use std::time::Duration;

use tapline_core::{Error, ErrorKind, FailedRequest, Request, Result, backoff};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::flight::{Answer, millis};
use crate::source::Shared;
use crate::status;

/// Whether `answer` has used up the attempts.
pub(crate) fn is_spent(shared: &Shared, answer: &Answer) -> bool {
    answer.exchange.attempts >= shared.config.limits.attempts
}

/// The answer to `request`, sent again after a wait. It counts what `last` has taken as well.
///
/// # Errors
/// The attempts are used up, the source asks to wait too long, or there is no answer.
pub(crate) async fn again(
    shared: &Arc<Shared>,
    request: Option<Request>,
    last: &Answer,
) -> Result<Answer> {
    let config = &shared.config;
    let Some(request) = request.filter(|_| !is_spent(shared, last)) else {
        let error = status::refused(last.status, &last.body, &config.redactor);
        return Err(error.with("attempts", last.exchange.attempts).spent());
    };
    let wait = wait(shared, last)?;
    config.clock.sleep(wait).await;
    match shared.clone().exchange(request).await {
        Ok(mut answer) => {
            answer.exchange.attempts += last.exchange.attempts;
            answer.exchange.waited += last.exchange.waited + wait;
            answer.duration += last.duration + wait;
            Ok(answer)
        }
        Err(error) => Err(counting(error, last, wait)),
    }
}

/// How long to wait: as long as the source asks, or ever longer.
fn wait(shared: &Shared, last: &Answer) -> Result<Duration> {
    let (limits, attempts) = (&shared.config.limits, last.exchange.attempts);
    let asked = last.exchange.asked.filter(|asked| !asked.is_zero());
    match asked {
        None => Ok(backoff(attempts, jitter(shared.run_id(), last))),
        Some(asked) if asked > limits.max_wait => Err(Error::new(
            ErrorKind::Quota,
            "read page",
            format!(
                "the source asks to wait {} s, longer than the {} s allowed",
                asked.as_secs(),
                limits.max_wait.as_secs()
            ),
        )),
        Some(asked) => Ok(asked),
    }
}

/// A fraction that differs between runs and between moments, without a source of randomness.
fn jitter(run: Uuid, last: &Answer) -> f64 {
    let moment = last.received_at.as_nanosecond().to_le_bytes();
    xxh3_64_with_seed(&moment, run.as_u64_pair().1) as f64 / u64::MAX as f64
}

/// `error` with what the attempts before it have taken.
fn counting(error: Error, last: &Answer, wait: Duration) -> Error {
    let Some(request) = error.request().cloned() else {
        return error;
    };
    error.with_request(FailedRequest {
        attempts: request.attempts + last.exchange.attempts,
        waited_ms: request.waited_ms + millis(last.exchange.waited + wait),
        ..request
    })
}
