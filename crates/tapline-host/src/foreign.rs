//! A plugin's instance as the engine's [`Hooks`]. Whatever comes back is checked here.

use abi_stable::std_types::RVec;
use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tapline_abi::message::{Check, Content, Empty, Next, PageHead, RequestHead, Slices};
use tapline_abi::{HostBox, InstanceBox};
use tapline_core::{
    Body, CheckReport, Error, ErrorKind, HookKind, HookSet, Hooks, PageInfo, Position, Redactor,
    Request, Result, Slice, Window,
};

use crate::wire;

/// A plugin's instance.
pub(crate) struct Foreign {
    pub(crate) id: String,
    pub(crate) hooks: HookSet,
    pub(crate) instance: InstanceBox,
    pub(crate) host: HostBox,
    pub(crate) redactor: Redactor,
}

/// One call of a hook: gives every failure its place.
struct Call<'a> {
    plugin: &'a Foreign,
    hook: HookKind,
}

impl Call<'_> {
    /// Sends `header` and `body`, and reads what comes back.
    async fn send<R: DeserializeOwned>(
        &self,
        header: &impl Serialize,
        body: &[u8],
    ) -> Result<(R, RVec<u8>)> {
        let header = serde_json::to_string(header).map_err(|e| self.failed(e.to_string()))?;
        let (instance, host) = (&self.plugin.instance, &self.plugin.host);
        let number = self.hook as u32;
        let answer = instance.call(number, header.as_str().into(), body.into(), host);
        let reply = answer
            .await
            .into_result()
            .map_err(|error| self.failed(error.message.into_string()))?;
        let header = serde_json::from_str(&reply.header)
            .map_err(|error| self.failed(format!("the answer cannot be read: {error}")))?;
        Ok((header, reply.body))
    }

    fn failed(&self, reason: String) -> Error {
        let reason = self.plugin.redactor.redact(&reason).into_owned();
        Error::new(ErrorKind::Plugin, "call hook", reason)
            .with("plugin", &self.plugin.id)
            .with("hook", self.hook.name())
    }
}

impl Foreign {
    fn call(&self, hook: HookKind) -> Call<'_> {
        Call { plugin: self, hook }
    }
}

#[async_trait]
impl Hooks for Foreign {
    fn set(&self) -> HookSet {
        self.hooks
    }

    async fn prepare_request(&self, request: Request) -> Result<Request> {
        let call = self.call(HookKind::PrepareRequest);
        let body = match &request.body {
            Body::Empty => Bytes::new(),
            Body::Bytes(bytes) => bytes.clone(),
            Body::Stream(_) => {
                let reason = "a body that can be sent only once cannot be prepared";
                return Err(call.failed(reason.to_owned()));
            }
        };
        let head = RequestHead {
            method: request.method.to_string(),
            url: request.url.to_string(),
            headers: wire::pairs(&request.headers),
        };
        let (head, body) = call.send(&head, &body).await?;
        prepared(&request, &head, body).map_err(|reason| call.failed(reason))
    }

    async fn next_position(&self, page: &PageInfo, body: Bytes) -> Result<Option<Position>> {
        let call = self.call(HookKind::NextPosition);
        let head = PageHead {
            seq: page.seq,
            status: page.request.status,
            records: page.evidence.records,
            total: page.evidence.total,
            next: page.next.as_ref().map(wire::position),
        };
        let (answer, _): (Next, _) = call.send(&head, &body).await?;
        let next = answer.next.map(wire::read_position).transpose();
        next.map_err(|reason| call.failed(reason))
    }

    async fn transform_page(&self, content_type: &str, body: Bytes) -> Result<Bytes> {
        let head = Content {
            content_type: content_type.to_owned(),
        };
        let call = self.call(HookKind::TransformPage);
        let (Empty {}, page) = call.send(&head, &body).await?;
        Ok(Bytes::from_owner(page))
    }

    async fn partitions(&self, window: &Window) -> Result<Vec<Slice>> {
        let call = self.call(HookKind::Partitions);
        let (answer, _): (Slices, _) = call.send(&wire::window(window), &[]).await?;
        if answer.slices.is_empty() {
            return Err(call.failed("it names no part of the window".to_owned()));
        }
        let slices = answer.slices.into_iter();
        let slices = slices.map(|slice| wire::read_slice(slice, window));
        let slices: wire::Result<Vec<Slice>> = slices.collect();
        slices.map_err(|reason| call.failed(reason))
    }

    async fn check(&self) -> Result<CheckReport> {
        let call = self.call(HookKind::Check);
        let (answer, _): (Check, _) = call.send(&Empty {}, &[]).await?;
        Ok(CheckReport {
            ok: answer.ok,
            message: self.redactor.redact(&answer.message).into_owned(),
        })
    }
}

/// The request that a hook made of `before`. It stays at its origin: the credentials added later
/// are meant for that one.
fn prepared(before: &Request, head: &RequestHead, body: RVec<u8>) -> wire::Result<Request> {
    let url = wire::url(&head.url)?;
    if url.origin() != before.url.origin() {
        let elsewhere = url.origin().ascii_serialization();
        return Err(format!("it sends the request elsewhere, to {elsewhere}"));
    }
    Ok(Request {
        method: wire::method(&head.method)?,
        url,
        headers: wire::headers(&head.headers)?,
        body: wire::body(body),
        purpose: before.purpose,
        judged: before.judged.clone(),
    })
}
