//! Doors that answer from memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use tapline_core::{
    Clock, Document, Error, ErrorKind, Lease, LogEntry, Redactor, Request, Response, Result,
    Secret, StateStore, Transport,
};
use tapline_host::Services;

/// Answers every request with 200, and keeps it.
#[derive(Default)]
pub(crate) struct FakeTransport {
    pub(crate) requests: Mutex<Vec<Request>>,
}

#[async_trait]
impl Transport for FakeTransport {
    async fn send(&self, request: Request) -> Result<Response> {
        // The future has to cross the border unfinished at least once.
        tokio::task::yield_now().await;
        self.requests.lock().unwrap().push(request);
        let body = Bytes::from_static(b"{}");
        Ok(Response::full(StatusCode::OK, HeaderMap::new(), body))
    }
}

/// Documents only.
#[derive(Default)]
pub(crate) struct FakeState {
    pub(crate) documents: Mutex<HashMap<String, Document>>,
}

fn unused<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Internal, "fake state", "not used"))
}

#[async_trait]
impl StateStore for FakeState {
    async fn get(&self, namespace: &str, key: &str) -> Result<Option<Document>> {
        let documents = self.documents.lock().unwrap();
        Ok(documents.get(&format!("{namespace}:{key}")).cloned())
    }

    async fn put(
        &self,
        namespace: &str,
        key: &str,
        value: &Value,
        expected: Option<u64>,
    ) -> Result<u64> {
        let version = expected.unwrap_or(0) + 1;
        let value = value.clone();
        let document = Document { value, version };
        let key = format!("{namespace}:{key}");
        self.documents.lock().unwrap().insert(key, document);
        Ok(version)
    }

    async fn list(&self, _: &str, _: &str) -> Result<Vec<(String, Document)>> {
        unused()
    }

    async fn lease(&self, _: &str, _: Duration, _: u64) -> Result<Box<dyn Lease>> {
        unused()
    }

    async fn append(&self, _: &str, _: &Value) -> Result<u64> {
        unused()
    }

    async fn tail(&self, _: &str, _: u32) -> Result<Vec<LogEntry>> {
        unused()
    }

    async fn seal(&self, _: &str, _: &Secret) -> Result<bool> {
        unused()
    }

    async fn unseal(&self, _: &str) -> Result<Option<Secret>> {
        unused()
    }
}

/// It is always one second past 1970.
pub(crate) struct FakeClock;

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(1000).unwrap()
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _: Duration) {}
}

/// The doors of a test, to look behind them afterwards.
#[derive(Default)]
pub(crate) struct Doors {
    pub(crate) transport: Arc<FakeTransport>,
    pub(crate) state: Arc<FakeState>,
}

impl Doors {
    pub(crate) fn services(&self) -> Services {
        Services {
            connection: "shop".to_owned(),
            transport: self.transport.clone(),
            state: self.state.clone(),
            clock: Arc::new(FakeClock),
            redactor: Redactor::new([&Secret::new("sesame")]),
        }
    }
}
