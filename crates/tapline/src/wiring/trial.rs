//! Whether the credentials are right, asked where the operator says: `authorizationTestUrl`.

use std::sync::Arc;

use tapline_core::{Error, ErrorKind, Hooks, Purpose, Request, Result, Transport};
use tapline_http::Client;
use url::Url;

/// A place that answers whoever has the right credentials.
pub(crate) struct Trial {
    url: Url,
    transport: Arc<dyn Transport>,
}

impl Trial {
    /// The one that `client` knows.
    pub(super) fn of(client: &Client, hooks: Arc<dyn Hooks>) -> Option<Self> {
        client.test_url().map(|url| Self {
            url: url.clone(),
            transport: client.transport(hooks),
        })
    }

    /// Asks there, and says what came of it.
    ///
    /// # Errors
    /// No token can be had, nobody answers, or the answer is not the expected one.
    pub(crate) async fn run(self) -> Result<String> {
        let request = Request {
            purpose: Purpose::Check,
            ..Request::get(self.url)
        };
        let response = self.transport.send(request).await?;
        let message = format!("authorizationTestUrl answered {}", response.status);
        if response.status.is_success() {
            return Ok(message);
        }
        let kind = match response.status.as_u16() {
            401 | 403 => ErrorKind::Auth,
            408 | 429 | 500..=599 => ErrorKind::Unavailable,
            _ => ErrorKind::Protocol,
        };
        Err(Error::new(kind, "check", message).with("url", response.exchange.url))
    }
}
