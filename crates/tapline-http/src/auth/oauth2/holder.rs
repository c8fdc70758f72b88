//! Holds the newest token, and sends one token request however many wait for it.

use std::sync::Arc;

use tapline_core::{
    Clock, Error, ErrorKind, Events, Limits, Param, Params, Redactor, Result, Retry, RunEvent,
    Secret, Transport,
};
use tapline_spec::{OAuth2Grant, OAuth2Plan, oauth_param};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::answer::{self, Granted};
use super::failure::Failure;
use super::server::TokenServer;
use super::token::{Token, end_of, expiration};
use super::vault::{TokenStore, Vault};
use crate::auth::invalid;
use crate::hop::never_left;

/// What tokens are got with.
pub(crate) struct Connection<'a> {
    pub(crate) params: &'a Params,
    /// For token requests: no credentials, no redirects.
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) store: Option<TokenStore>,
    pub(crate) limits: &'a Limits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: Events,
    pub(crate) redactor: Redactor,
}

/// The tokens of one connection.
pub(super) struct Holder {
    /// `None`: the token that is there has to do.
    server: Option<TokenServer>,
    vault: Option<Vault>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    events: Events,
    redactor: Redactor,
    held: Arc<Mutex<Held>>,
}

/// What may change.
#[derive(Default)]
struct Held {
    access: Option<Token>,
    /// `None` where the client's own credentials are shown.
    refresh: Option<Secret>,
    /// Whether the vault was looked into.
    is_opened: bool,
    /// Whether the refresh token is no longer the project's.
    is_rotated: bool,
    /// Whether the vault lacks the newest tokens.
    is_unsealed: bool,
    /// Whether the operator knows that tokens are not kept.
    is_warned: bool,
    /// Why no further token is asked for.
    failure: Option<Failure>,
}

impl Holder {
    pub(super) fn new(plan: &OAuth2Plan, parts: Connection<'_>) -> Result<Self> {
        let held = given(plan, &parts)?;
        let server = server(plan, &parts, &held)?;
        let texts = held.access.as_ref().map(Token::text).into_iter();
        for secret in texts.chain(&held.refresh) {
            parts.redactor.learn(secret);
        }
        let timeout = parts.limits.request_timeout;
        let vault = match (parts.store, &server, &held.refresh) {
            (Some(store), Some(server), Some(given)) => {
                Some(Vault::new(store, server, given, timeout))
            }
            _ => None,
        };
        Ok(Self {
            server,
            vault,
            transport: parts.transport,
            clock: parts.clock,
            events: parts.events,
            redactor: parts.redactor,
            held: Arc::new(Mutex::new(held)),
        })
    }

    /// A token to sign with: not one that was `refused`.
    pub(super) async fn token(self: &Arc<Self>, refused: Option<&Token>) -> Result<Token> {
        let mut held = Arc::clone(&self.held).lock_owned().await;
        if !held.is_opened {
            self.open(&mut held).await;
        }
        if let Some(token) = self.usable(&held, refused) {
            return Ok(token);
        }
        let (this, refused) = (Arc::clone(self), refused.cloned());
        // A task of its own: whoever asked may give up, and a new refresh token must not be lost
        // with that.
        let task = tokio::spawn(async move { this.renew(held, refused).await });
        task.await.unwrap_or_else(|_| Err(broken_off()))
    }

    /// Another token than the one `refused`; `None` if there can be no other.
    pub(super) async fn renewed(self: &Arc<Self>, refused: &Token) -> Result<Option<Token>> {
        if self.server.is_none() {
            return Ok(None);
        }
        self.token(Some(refused)).await.map(Some)
    }

    /// Takes what another run, or another process, has left.
    async fn open(&self, held: &mut Held) {
        let is_first = !std::mem::replace(&mut held.is_opened, true);
        let Some(vault) = &self.vault else {
            return;
        };
        match vault.open(self.clock.now()).await {
            Ok(Some(kept)) if held.refresh.as_ref() != Some(&kept.refresh) => {
                self.redactor.learn(&kept.refresh);
                self.redactor.learn(kept.access.text());
                held.refresh = Some(kept.refresh);
                held.access = Some(kept.access);
                held.is_rotated = true;
            }
            Ok(_) => {}
            Err(error) if is_first => self.warn(format!(
                "the sealed tokens cannot be read, so the project's are used: {error}"
            )),
            Err(_) => {}
        }
    }

    /// The held token, unless another must be asked for first.
    fn usable(&self, held: &Held, refused: Option<&Token>) -> Option<Token> {
        let token = held.access.as_ref()?;
        let is_fresh = self.server.is_none() || token.is_fresh(self.clock.now());
        let is_refused = refused.is_some_and(|refused| refused.is(token));
        (is_fresh && !is_refused && !held.is_unsealed).then(|| token.clone())
    }

    /// Gets another token, and seals it before it is used.
    async fn renew(
        &self,
        mut held: OwnedMutexGuard<Held>,
        refused: Option<Token>,
    ) -> Result<Token> {
        let refused = refused.as_ref();
        let _lease = match &self.vault {
            Some(vault) => Some(vault.lease().await?),
            None => None,
        };
        if !held.is_unsealed {
            // Another process may just have done what this one is about to do.
            self.open(&mut held).await;
            if let Some(token) = self.usable(&held, refused) {
                return Ok(token);
            }
            if let Err(failure) = self.ask(&mut held).await {
                return self.endure(&held, refused, failure);
            }
        }
        self.seal(&mut held).await?;
        held.access.clone().ok_or_else(broken_off)
    }

    /// Asks the token server, unless it has given its last word.
    async fn ask(&self, held: &mut Held) -> Result<(), Failure> {
        if let Some(failure) = &held.failure {
            return Err(failure.clone());
        }
        let granted = self.granted(held.refresh.as_ref()).await;
        let taken = granted.and_then(|granted| self.take(held, granted));
        if let Err(failure) = &taken
            && failure.is_lasting()
        {
            held.failure = Some(failure.clone());
        }
        taken
    }

    /// One token request.
    async fn granted(&self, refresh: Option<&Secret>) -> Result<Granted, Failure> {
        let server = self.server.as_ref();
        let server = server
            .ok_or_else(|| Failure::lasting(ErrorKind::Usage, "there is no token server to ask"))?;
        for secret in server.sent_secrets().iter().chain(refresh) {
            self.redactor.learn(secret);
        }
        let request = server
            .request(refresh)
            .map_err(|error| Failure::lasting(error.kind(), error.message()))?;
        let response = self.transport.send(request).await;
        let response = response.map_err(|error| unanswered(&error, server.grant))?;
        let fields = server.answer_fields();
        answer::read(
            response,
            &fields,
            server.grant,
            &self.redactor,
            self.clock.now(),
        )
        .await
    }

    fn take(&self, held: &mut Held, granted: Granted) -> Result<(), Failure> {
        self.redactor.learn(&granted.access);
        let now = self.clock.now();
        let ends = granted.life.map(|life| end_of(life, now));
        let token = Token::new(granted.access, ends, now).map_err(|_| {
            let message = "the token server's access token cannot be sent in a header";
            Failure::lasting(ErrorKind::Protocol, message)
        })?;
        held.access = Some(token);
        if let (Some(new), true) = (granted.refresh, held.refresh.is_some()) {
            self.redactor.learn(&new);
            held.is_rotated |= held.refresh.as_ref() != Some(&new);
            held.refresh = Some(new);
        }
        held.is_unsealed = held.is_rotated;
        Ok(())
    }

    /// Goes on with a token that has not ended yet, where no other can be had.
    fn endure(&self, held: &Held, refused: Option<&Token>, failure: Failure) -> Result<Token> {
        let token = held.access.as_ref();
        let alive =
            token.filter(|token| token.ends().is_some() && token.is_alive(self.clock.now()));
        match alive {
            Some(token) if !refused.is_some_and(|refused| refused.is(token)) => Ok(token.clone()),
            _ => Err(failure.into()),
        }
    }

    /// Stores what is newer than the project's tokens. If that fails, it is tried again before the
    /// token is used.
    async fn seal(&self, held: &mut Held) -> Result<()> {
        if let (true, Some(vault), Some(refresh), Some(access)) =
            (held.is_unsealed, &self.vault, &held.refresh, &held.access)
        {
            let sealed = vault.seal(refresh, access).await;
            let is_sealed = sealed.map_err(|error| error.retry_later(None))?;
            if !is_sealed && !std::mem::replace(&mut held.is_warned, true) {
                self.warn(vault.unkept());
            }
        }
        held.is_unsealed = false;
        Ok(())
    }

    fn warn(&self, message: String) {
        self.events.emit(RunEvent::Warning { message });
    }
}

/// What the project gives.
fn given(plan: &OAuth2Plan, parts: &Connection<'_>) -> Result<Held> {
    if plan.grant == OAuth2Grant::ClientCredentials {
        return Ok(Held::default());
    }
    let text = |name| parts.params.get(name).map(Param::expose);
    let ends = text(oauth_param::EXPIRATION_DATE)
        .map(expiration)
        .transpose()?;
    let access = text(oauth_param::ACCESS_TOKEN)
        .map(|text| Token::new(Secret::new(text), ends, parts.clock.now()))
        .transpose()?;
    Ok(Held {
        access,
        refresh: text(oauth_param::REFRESH_TOKEN).map(Secret::new),
        ..Held::default()
    })
}

/// Who is asked for tokens; `None` if the one that is there has to do.
fn server(plan: &OAuth2Plan, parts: &Connection<'_>, held: &Held) -> Result<Option<TokenServer>> {
    let refreshes = plan.grant == OAuth2Grant::RefreshToken;
    if refreshes && held.refresh.is_none() {
        return match held.access {
            Some(_) => Ok(None),
            None => Err(invalid(format!(
                "one of the parameters \"accessToken\" and \"refreshToken\" is missing (given: {})",
                parts.params.names()
            ))),
        };
    }
    TokenServer::new(plan, parts.params)?
        .map(Some)
        .ok_or_else(|| {
            invalid(
                "the parameter \"accessTokenUrl\" is missing: tokens are asked for there"
                    .to_owned(),
            )
        })
}

/// No answer. A request that may have arrived may also have ended a refresh token.
fn unanswered(error: &Error, grant: OAuth2Grant) -> Failure {
    let message = format!("the token server did not answer: {error}");
    let can_pass = matches!(error.retry(), Retry::Later { .. });
    if can_pass && (grant == OAuth2Grant::ClientCredentials || never_left(error)) {
        return Failure::passing(error.kind(), message, None);
    }
    Failure::lasting(error.kind(), message)
}

fn broken_off() -> Error {
    let message = "the token request was broken off";
    Error::new(ErrorKind::Internal, "get access token", message)
}
