//! What the runner does for a hook.

use serde_json::Value;
use tapline_abi::message::{RequestHead, ResponseHead};
use tapline_abi::{Answer, HostBox, level};

use crate::error::from_abi;
use crate::{Error, Request, Response};

/// The runner, for the time of one call.
pub struct Ctx<'a> {
    host: &'a HostBox,
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The connector cannot go on.
    Error,
    /// Something an operator should look at.
    Warn,
    /// Something an operator may want to know.
    Info,
    /// For the connector's author.
    Debug,
}

impl<'a> Ctx<'a> {
    pub(crate) fn new(host: &'a HostBox) -> Self {
        Self { host }
    }

    /// Sends a request under the connection's list of hosts and its rate budget. It has the
    /// connection's credentials, but does not pass through `prepare_request`.
    ///
    /// # Errors
    /// There is no response. A response with a status of 400 or more is none of these.
    pub async fn http(&self, request: Request) -> Result<Response, Error> {
        let head = RequestHead {
            method: request.method,
            url: request.url,
            headers: request.headers,
        };
        let head = serde_json::to_string(&head)?;
        let reply = answer(self.host.http(head.into(), request.body.into()).await)?;
        let head: ResponseHead = serde_json::from_str(&reply.header)?;
        Ok(Response {
            status: head.status,
            headers: head.headers,
            body: reply.body.into_vec(),
        })
    }

    /// Writes to the runner's log.
    pub fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Error => level::ERROR,
            Level::Warn => level::WARN,
            Level::Info => level::INFO,
            Level::Debug => level::DEBUG,
        };
        self.host.log(level, message.into());
    }

    /// Wall time in milliseconds since 1970 (UTC).
    pub fn now(&self) -> i64 {
        self.host.now()
    }

    /// What [`Ctx::remember`] stored under `key`, in this run or an earlier one of the
    /// same connection.
    ///
    /// # Errors
    /// The runner's state cannot be read.
    pub async fn recall(&self, key: &str) -> Result<Option<Value>, Error> {
        let stored = answer(self.host.state_get(key.into()).await)?;
        let json = stored.into_option();
        Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
    }

    /// Stores `value` under `key`; the last writer wins. Nothing secret belongs here.
    ///
    /// # Errors
    /// The runner's state cannot be written.
    pub async fn remember(&self, key: &str, value: &Value) -> Result<(), Error> {
        let json = value.to_string();
        answer(self.host.state_put(key.into(), json.into()).await)
    }
}

fn answer<T>(answer: Answer<T>) -> Result<T, Error> {
    answer.into_result().map_err(from_abi)
}
