//! From the border's calls to a [`Connector`]'s methods, and back.

use std::mem::ManuallyDrop;

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RSlice, RStr};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tapline_abi::message::{Content, Empty, Next, RequestHead, Slices, hook};
use tapline_abi::{
    Answer, BorrowingFfiFuture, HostBox, Instance, Instance_TO, InstanceBox, Reply, failure, level,
};

use crate::error::into_abi;
use crate::guard::{Guarded, drop_guarded, guarded};
use crate::{Config, Connector, Ctx, Error, Request};

/// A connector as the border sees it. Dropped with care, as the drop may be the author's.
struct Bridge<C>(ManuallyDrop<C>);

/// Opens `C` for [`tapline_abi::Root::open`].
pub(crate) extern "C" fn open<C: Connector>(
    config: RStr<'_>,
    host: &HostBox,
) -> Answer<InstanceBox> {
    let built = concat!("built with tapline-plugin ", env!("CARGO_PKG_VERSION"));
    host.log(level::DEBUG, built.into());
    let opened = guarded(|| C::open(Config::parse(config.as_str())?));
    opened
        .map(|connector| Instance_TO::from_value(Bridge(ManuallyDrop::new(connector)), TD_Opaque))
        .map_err(into_abi)
        .into()
}

impl<C: Connector> Instance for Bridge<C> {
    fn call<'a>(
        &'a self,
        hook: u32,
        header: RStr<'a>,
        body: RSlice<'a, u8>,
        host: &'a HostBox,
    ) -> BorrowingFfiFuture<'a, Answer<Reply>> {
        let answer = Guarded::new(async move {
            let ctx = Ctx::new(host);
            call(&*self.0, &ctx, hook, header.as_str(), body.as_slice()).await
        });
        BorrowingFfiFuture::new(async move { answer.await.map_err(into_abi).into() })
    }
}

impl<C> Drop for Bridge<C> {
    #[expect(
        unsafe_code,
        reason = "a field can be moved out of `Drop` in no other way"
    )]
    fn drop(&mut self) {
        // SAFETY: this is the only place that takes it, and a drop happens once.
        drop_guarded(unsafe { ManuallyDrop::take(&mut self.0) });
    }
}

async fn call<C: Connector>(
    connector: &C,
    ctx: &Ctx<'_>,
    hook: u32,
    header: &str,
    body: &[u8],
) -> Result<Reply, Error> {
    match hook {
        hook::PREPARE_REQUEST => {
            let request = request(read(header)?, body);
            prepared(connector.prepare_request(ctx, request).await?)
        }
        hook::NEXT_POSITION => {
            let next = connector.next_position(ctx, read(header)?, body).await?;
            reply(&Next { next }, Vec::new())
        }
        hook::TRANSFORM_PAGE => {
            let content: Content = read(header)?;
            let page = connector.transform_page(ctx, &content.content_type, body);
            reply(&Empty {}, page.await?)
        }
        hook::PARTITIONS => {
            let slices = connector.partitions(ctx, read(header)?).await?;
            reply(&Slices { slices }, Vec::new())
        }
        hook::CHECK => reply(&connector.check(ctx).await?, Vec::new()),
        other => {
            let message = format!("the connector has no hook number {other}");
            Err(Error::of_kind(failure::HOOK, message))
        }
    }
}

fn request(head: RequestHead, body: &[u8]) -> Request {
    Request {
        method: head.method,
        url: head.url,
        headers: head.headers,
        body: body.to_vec(),
    }
}

fn prepared(request: Request) -> Result<Reply, Error> {
    let head = RequestHead {
        method: request.method,
        url: request.url,
        headers: request.headers,
    };
    reply(&head, request.body)
}

fn read<T: DeserializeOwned>(header: &str) -> Result<T, Error> {
    serde_json::from_str(header).map_err(|error| {
        let message = format!("the runner's message cannot be read: {error}");
        Error::of_kind(failure::MESSAGE, message)
    })
}

fn reply(header: &impl Serialize, body: Vec<u8>) -> Result<Reply, Error> {
    Ok(Reply {
        header: serde_json::to_string(header)?.into(),
        body: body.into(),
    })
}
