//! Tokens that outlive a run: a refresh token that the server has replaced is good for one use
//! only, so the newest must be there when the next run, or another process, needs it.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use tapline_core::{Error, ErrorKind, Lease, Result, Secret, StateStore};

use super::server::TokenServer;
use super::token::Token;

/// Where the tokens of a connection are kept.
#[derive(Clone)]
pub struct TokenStore {
    /// Keeps them, sealed.
    pub state: Arc<dyn StateStore>,
    /// The connection's name.
    pub connection: String,
}

/// The place of one client's tokens.
pub(super) struct Vault {
    state: Arc<dyn StateStore>,
    connection: String,
    name: String,
    /// Hash of the refresh token that the project gives. What descends from another is of no use:
    /// the operator has signed in anew.
    origin: String,
    patience: Duration,
}

/// What is kept.
pub(super) struct Kept {
    pub(super) refresh: Secret,
    pub(super) access: Token,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    origin: String,
    refresh_token: String,
    access_token: String,
    ends: Option<Timestamp>,
}

impl Vault {
    pub(super) fn new(
        store: TokenStore,
        server: &TokenServer,
        given: &Secret,
        request_timeout: Duration,
    ) -> Self {
        let client = format!(
            "{}\n{}",
            server.url,
            server.client_id.as_deref().unwrap_or_default()
        );
        let client = &hash(&client)[..16];
        Self {
            state: store.state,
            name: format!("oauth2/{}/{client}", store.connection),
            connection: store.connection,
            origin: hash(given.expose()),
            // As long as another process may need for its own request.
            patience: TokenServer::patience(request_timeout),
        }
    }

    /// Keeps other processes from using the same refresh token.
    pub(super) async fn lease(&self) -> Result<Box<dyn Lease>> {
        self.state.lease(&self.name, self.patience, 0).await
    }

    /// The newest tokens that descend from the project's refresh token.
    pub(super) async fn open(&self, now: Timestamp) -> Result<Option<Kept>> {
        let Some(text) = self.state.unseal(&self.name).await? else {
            return Ok(None);
        };
        let sealed: Sealed = serde_json::from_str(text.expose()).map_err(|_| {
            // Not the parser's words: they may quote a token.
            Error::new(ErrorKind::State, "unseal", "the sealed tokens are damaged")
        })?;
        if sealed.origin != self.origin {
            return Ok(None);
        }
        let access = Token::new(Secret::new(sealed.access_token), sealed.ends, now)?;
        Ok(Some(Kept {
            refresh: Secret::new(sealed.refresh_token),
            access,
        }))
    }

    /// Keeps the tokens. `false` without a key: then they last as long as the process.
    pub(super) async fn seal(&self, refresh: &Secret, access: &Token) -> Result<bool> {
        let sealed = Sealed {
            origin: self.origin.clone(),
            refresh_token: refresh.expose().to_owned(),
            access_token: access.text().expose().to_owned(),
            ends: access.ends(),
        };
        let text = serde_json::to_string(&sealed).expect("texts and a time are JSON");
        self.state.seal(&self.name, &Secret::new(text)).await
    }

    /// What the operator should know where there is no key.
    pub(super) fn unkept(&self) -> String {
        format!(
            "the token server replaced the refresh token of the connection `{}`, and the new one \
             is kept in memory only: the next run will have none. Set TAPLINE_STATE_KEY, 32 random \
             bytes in base64, so that it can be sealed in the state store",
            self.connection
        )
    }
}

fn hash(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a string takes everything");
        out
    })
}
