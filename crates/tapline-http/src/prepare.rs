//! The connector's `prepare_request` hook, called for each attempt anew: a signature has a date.
//!
//! It stands above the credentials, which no hook sees, and below redirects. Like the credentials
//! it is for the connection's own origins: a signature is not for a host that a redirect or a
//! next link leads to.

use std::sync::Arc;

use async_trait::async_trait;
use tapline_core::{Hooks, Request, Response, Result, Transport};

use crate::origin::{Origin, refused};

/// Lets the hook change a request, within its origin and its purpose.
pub(crate) struct Prepare {
    pub(crate) inner: Arc<dyn Transport>,
    pub(crate) base: Arc<[Origin]>,
    pub(crate) hooks: Arc<dyn Hooks>,
}

#[async_trait]
impl Transport for Prepare {
    async fn send(&self, request: Request) -> Result<Response> {
        let origin = Origin::of(&request.url)?;
        if !self.base.contains(&origin) {
            return self.inner.send(request).await;
        }
        let purpose = request.purpose;
        let mut prepared = self.hooks.prepare_request(request).await?;
        let found = Origin::of(&prepared.url)?;
        if found != origin {
            return Err(refused(format!(
                "the prepare_request hook led a request for {origin} to {found}"
            )));
        }
        prepared.purpose = purpose;
        self.inner.send(prepared).await
    }
}
