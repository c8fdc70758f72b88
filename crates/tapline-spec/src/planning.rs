//! From a document to the [`Plan`] of one of its streams.

use crate::{ConnectorDocument, Diagnostic, Params, Plan};

/// A plan, and the parameters to run it with.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What to do.
    pub plan: Plan,
    /// Declared defaults overlaid by what was given; passwords are secrets.
    pub params: Params,
}

/// Plans `stream` of `document`, signing in by the way called `auth`.
///
/// # Errors
/// An unknown stream, way to sign in or parameter; a missing or invalid parameter; something the
/// engine cannot do yet.
pub fn plan(
    document: &ConnectorDocument,
    stream: &str,
    auth: Option<&str>,
    params: &Params,
) -> Result<Planned, Vec<Diagnostic>> {
    let _ = (document, auth, params);
    Err(vec![Diagnostic::error(
        "E-stream",
        "/streams",
        format!("stream `{stream}` cannot be planned yet"),
    )])
}
