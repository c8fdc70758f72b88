//! What a plugin can ask of the runner: all the I/O it has.

use std::sync::Arc;

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{ROption, RResult, RStr, RString, RVec};
use serde_json::Value;
use tapline_abi::message::{RequestHead, ResponseHead};
use tapline_abi::{Answer, FfiFuture, Host, Host_TO, HostBox, PluginError, Reply, failure, level};
use tapline_core::{
    Clock, Error, ErrorKind, Limits, Purpose, Redactor, Request, Result, StateStore, Transport,
};

use crate::wire;

/// The doors that the hooks of one connection may use.
#[derive(Clone)]
pub struct Services {
    /// The connection's name.
    pub connection: String,
    /// Sends a plugin's own requests. It stands below the hooks: what goes through it is not
    /// prepared by `prepare_request` again.
    pub transport: Arc<dyn Transport>,
    /// The plugin's documents are in the namespace `plugin/<id>/<connection>`: what it remembers
    /// of one account, such as a token, is not for another.
    pub state: Arc<dyn StateStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Knows the connection's secrets, which nothing that a plugin says may show.
    pub redactor: Redactor,
}

/// The services for the plugin `id`, as they cross the border.
pub(crate) fn host(id: &str, services: Services) -> HostBox {
    let provider = Provider {
        id: id.to_owned(),
        services,
    };
    Host_TO::from_value(provider, TD_Opaque)
}

struct Provider {
    id: String,
    services: Services,
}

impl Provider {
    fn namespace(&self) -> String {
        format!("plugin/{}/{}", self.id, self.services.connection)
    }
}

impl Host for Provider {
    fn http(&self, head: RString, body: RVec<u8>) -> FfiFuture<Answer<Reply>> {
        let transport = self.services.transport.clone();
        FfiFuture::new(async move { answer(http(&*transport, &head, body).await) })
    }

    fn log(&self, level: u8, message: RStr<'_>) {
        let plugin = self.id.as_str();
        let message = self.services.redactor.redact(message.as_str());
        match level {
            level::ERROR => tracing::error!(plugin, "{message}"),
            level::WARN => tracing::warn!(plugin, "{message}"),
            level::INFO => tracing::info!(plugin, "{message}"),
            _ => tracing::debug!(plugin, "{message}"),
        }
    }

    fn now(&self) -> i64 {
        self.services.clock.now().as_millisecond()
    }

    fn state_get(&self, key: RString) -> FfiFuture<Answer<ROption<RString>>> {
        let (state, namespace) = (self.services.state.clone(), self.namespace());
        FfiFuture::new(async move {
            let document = state.get(&namespace, &key).await;
            answer(document.map(|found| found.map(|d| d.value.to_string().into()).into()))
        })
    }

    fn state_put(&self, key: RString, json: RString) -> FfiFuture<Answer<()>> {
        let (state, namespace) = (self.services.state.clone(), self.namespace());
        FfiFuture::new(async move { answer(put(&*state, &namespace, &key, &json).await) })
    }
}

async fn http(transport: &dyn Transport, head: &str, body: RVec<u8>) -> Result<Reply> {
    let head: RequestHead = serde_json::from_str(head).map_err(unreadable)?;
    let request = Request {
        method: wire::method(&head.method).map_err(unusable)?,
        url: wire::url(&head.url).map_err(unusable)?,
        headers: wire::headers(&head.headers).map_err(unusable)?,
        body: wire::body(body),
        purpose: Purpose::Plugin,
        judged: Vec::new(),
    };
    let mut response = transport.send(request).await?;
    let head = ResponseHead {
        status: response.status.as_u16(),
        headers: wire::pairs(&response.headers),
    };
    let body = response.bytes(Limits::default().page_bytes).await?;
    Ok(Reply {
        header: serde_json::to_string(&head).map_err(unreadable)?.into(),
        body: body.to_vec().into(),
    })
}

/// Whoever writes last wins; two writers at the same moment are told so.
async fn put(state: &dyn StateStore, namespace: &str, key: &str, json: &str) -> Result<()> {
    let value: Value = serde_json::from_str(json).map_err(unreadable)?;
    let version = state.get(namespace, key).await?.map(|found| found.version);
    state.put(namespace, key, &value, version).await?;
    Ok(())
}

fn unreadable(error: serde_json::Error) -> Error {
    unusable(error.to_string())
}

fn unusable(reason: String) -> Error {
    Error::new(ErrorKind::Plugin, "serve the plugin", reason)
}

fn answer<T>(result: Result<T>) -> Answer<T> {
    match result {
        Ok(value) => RResult::ROk(value),
        Err(error) => RResult::RErr(PluginError {
            kind: failure::OTHER,
            message: error.to_string().into(),
        }),
    }
}
