//! The gate every request passes: it is noted, then the faults have their turn.

use std::sync::Arc;
use std::time::Duration;

use axum::body::HttpBody;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::fault::{FaultAction, Lies};
use super::wire::Cut;
use super::{Shared, lock};

/// Answers a request, or does to it what the table of faults says.
pub(super) async fn pass(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let number = lock(&shared.stats).note(&parts);
    if shared.kill_after.is_some_and(|last| number > last) {
        shared.dead.cancel();
        return std::future::pending().await;
    }
    let actions = shared.faults.hits(parts.uri.path());
    let mut request = Request::from_parts(parts, body);
    request.extensions_mut().insert(lies(&actions));
    meet(&actions, &cut, request, next).await
}

fn lies(actions: &[FaultAction]) -> Lies {
    let lie = |action: &FaultAction| match action {
        FaultAction::Lie(lie) => Some(lie.clone()),
        _ => None,
    };
    Lies(actions.iter().filter_map(lie).collect())
}

/// Lets the actions happen in turn, the answer last.
async fn meet(actions: &[FaultAction], cut: &Cut, request: Request, next: Next) -> Response {
    let mut halved = false;
    for action in actions {
        match action {
            FaultAction::Lie(_) | FaultAction::Headers(_) => {}
            FaultAction::Hang => return std::future::pending().await,
            FaultAction::SlowFirstByte(duration) => wait(*duration).await,
            FaultAction::Status { code, headers } => return refuse(*code, headers),
            FaultAction::Drop => cut.after(0),
            FaultAction::DropMidBody => halved = true,
        }
    }
    let mut response = next.run(request).await;
    for action in actions {
        if let FaultAction::Headers(headers) = action {
            add(&mut response, headers);
        }
    }
    if halved {
        cut.after(response.body().size_hint().lower() / 2);
    }
    response
}

#[expect(
    clippy::disallowed_methods,
    reason = "the fault is a wait on a real socket"
)]
async fn wait(duration: Duration) {
    tokio::time::sleep(duration).await;
}

fn refuse(code: u16, headers: &[(String, String)]) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = axum::Json(json!({ "error": "fault", "status": status.as_u16() }));
    let mut response = (status, body).into_response();
    add(&mut response, headers);
    response
}

fn add(response: &mut Response, headers: &[(String, String)]) {
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
}
