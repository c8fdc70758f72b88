//! What an author implements.

use std::future::Future;

use crate::{Check, Config, Ctx, Error, Hooks, Page, Position, Request, Slice, Window};

/// A connector: a document, and whatever hooks it needs.
///
/// Implement only the hooks named in [`Connector::HOOKS`], as plain `async fn`. The rest keep
/// what the document says.
pub trait Connector: Sized + Send + Sync + 'static {
    /// The connector document as JSON, usually `include_str!("../spec.json")`.
    const SPEC: &'static str;

    /// The hooks it has.
    const HOOKS: Hooks = Hooks::NONE;

    /// Opens the connector for one connection.
    ///
    /// # Errors
    /// The configuration lacks something.
    fn open(config: Config) -> Result<Self, Error>;

    /// Changes a request just before each attempt to send it. The origin of its URL must stay.
    ///
    /// # Errors
    /// The request is not sent.
    fn prepare_request(
        &self,
        ctx: &Ctx<'_>,
        request: Request,
    ) -> impl Future<Output = Result<Request, Error>> + Send {
        let _ = ctx;
        async { Ok(request) }
    }

    /// Where the next request starts, given the page just read; `None` ends the slice.
    ///
    /// # Errors
    /// The run stops with what it has.
    fn next_position(
        &self,
        ctx: &Ctx<'_>,
        page: Page,
        body: &[u8],
    ) -> impl Future<Output = Result<Option<Position>, Error>> + Send {
        let _ = (ctx, body);
        async { Ok(page.next) }
    }

    /// Turns a response body into JSON that the document can read.
    ///
    /// # Errors
    /// The page is not read.
    fn transform_page(
        &self,
        ctx: &Ctx<'_>,
        content_type: &str,
        body: &[u8],
    ) -> impl Future<Output = Result<Vec<u8>, Error>> + Send {
        let _ = (ctx, content_type);
        async { Ok(body.to_vec()) }
    }

    /// The independent parts of `window`; at least one.
    ///
    /// # Errors
    /// The run does not start.
    fn partitions(
        &self,
        ctx: &Ctx<'_>,
        window: Window,
    ) -> impl Future<Output = Result<Vec<Slice>, Error>> + Send {
        let _ = ctx;
        let partition = String::new();
        async { Ok(vec![Slice { partition, window }]) }
    }

    /// Tries whether the connection works.
    ///
    /// # Errors
    /// The check itself could not be made.
    fn check(&self, ctx: &Ctx<'_>) -> impl Future<Output = Result<Check, Error>> + Send {
        let _ = ctx;
        async {
            let message = "the connector has no check of its own".to_owned();
            Ok(Check { ok: true, message })
        }
    }
}
