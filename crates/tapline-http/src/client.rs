//! One connection's client: a pool of sockets, credentials, a list of hosts, a pace, a quota.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tapline_core::{
    Clock, Error, ErrorKind, Events, HookKind, Hooks, Limits, Params, Purpose, Redactor, Result,
    Transport,
};
use tapline_spec::{AuthPlan, oauth_param};
use url::Url;

use crate::allow::{Allow, AllowList};
use crate::auth::{Auth, Connection, TokenStore, fingerprint, token_url};
use crate::backoff::random;
use crate::decode::Decode;
use crate::hop::Hop;
use crate::origin::Origin;
use crate::pace::{Pace, Paced};
use crate::prepare::Prepare;
use crate::quota::{Metered, Quota, QuotaConfig, Surroundings};
use crate::redirect::Redirect;
use crate::retry::Retrying;

/// What a [`Client`] is made of.
pub struct ClientConfig {
    /// The origins of the connection's own base URLs. Only these are given credentials; they are
    /// allowed without being in `allow`.
    pub base: Vec<Origin>,
    /// How to sign in.
    pub auth: AuthPlan,
    /// The values that `auth` names.
    pub params: Params,
    /// Further hosts, as the operator wrote them.
    pub allow: AllowList,
    /// Limits.
    pub limits: Limits,
    /// Least time between the starts of two requests.
    pub delay: Duration,
    /// How much may be asked of the source.
    pub quota: QuotaConfig,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Told of every wait.
    pub events: Events,
    /// Knows the secrets that no message may show.
    pub redactor: Redactor,
    /// Where tokens are kept that the project does not have; `None`: in memory only.
    pub tokens: Option<TokenStore>,
    /// `User-Agent`, unless a request has its own.
    pub user_agent: String,
}

/// A connection over HTTP. All transports made from it share its sockets, its pace and its quota.
pub struct Client {
    /// Hop, decoding and the list of hosts: all that a request to a foreign host goes through.
    bare: Arc<dyn Transport>,
    /// The same with credentials.
    signed: Arc<dyn Transport>,
    base: Arc<[Origin]>,
    test_url: Option<Url>,
    pace: Arc<Pace>,
    quota: Arc<Quota>,
    limits: Limits,
    clock: Arc<dyn Clock>,
    events: Events,
    redactor: Redactor,
}

impl Client {
    /// Sets up a client; nothing is sent.
    ///
    /// # Errors
    /// A parameter that `auth` names is missing or cannot be a header; TLS cannot be set up.
    pub fn new(config: ClientConfig) -> Result<Self> {
        let mut list = config.allow.clone();
        for origin in &config.base {
            list.derive(origin);
        }
        if let Some(url) = token_url(&config.auth, &config.params)? {
            list.derive_for(Purpose::Token, &Origin::of(&url)?);
        }
        let test_url = test_url(&config.params)?;
        let test = test_url.as_ref().map(Origin::of).transpose()?;
        if let Some(origin) = &test {
            list.derive_for(Purpose::Check, origin);
        }
        let bare = bare(list, &config)?;
        let base: Arc<[Origin]> = config.base.into();
        let connection = Connection {
            params: &config.params,
            transport: bare.clone(),
            store: config.tokens,
            limits: &config.limits,
            clock: config.clock.clone(),
            events: config.events.clone(),
            redactor: config.redactor.clone(),
        };
        let auth = Auth::new(base.clone(), test, &config.auth, connection)?;
        let key = |origin: &Origin| fingerprint(&config.auth, &config.params, &origin.authority());
        let quota = Quota::new(
            config.quota,
            Surroundings {
                base: &base,
                key: &key,
                max_wait: config.limits.max_wait,
                clock: config.clock.clone(),
                events: config.events.clone(),
                redactor: config.redactor.clone(),
            },
        )?;
        let pace = Pace::new(
            config.delay,
            config.limits.max_wait,
            config.clock.clone(),
            config.events.clone(),
        );
        Ok(Self {
            bare,
            signed: Arc::new(auth),
            base,
            test_url,
            pace: Arc::new(pace),
            quota: Arc::new(quota),
            limits: config.limits,
            clock: config.clock,
            events: config.events,
            redactor: config.redactor,
        })
    }

    /// Where the credentials are tried, if the operator says so: `authorizationTestUrl`. A request
    /// for [`Purpose::Check`] may go there, with credentials.
    pub fn test_url(&self) -> Option<&Url> {
        self.test_url.as_ref()
    }

    /// Gives back what was taken of the quota and not used: to be called when all is sent. What
    /// fails of it is told as a warning.
    pub async fn settle(&self) {
        self.quota.settle().await;
    }

    /// A transport for one connector's requests; see the crate's documentation for its layers.
    pub fn transport(&self, hooks: Arc<dyn Hooks>) -> Arc<dyn Transport> {
        let mut inner = self.signed.clone();
        if hooks.set().has(HookKind::PrepareRequest) {
            inner = Arc::new(Prepare {
                inner,
                base: self.base.clone(),
                hooks,
            });
        }
        let metered = Metered {
            inner,
            quota: self.quota.clone(),
        };
        let redirect = Redirect {
            inner: Arc::new(Paced {
                inner: Arc::new(metered),
                pace: self.pace.clone(),
            }),
            foreign: self.bare.clone(),
            base: self.base.clone(),
            hops: self.limits.hops,
            redactor: self.redactor.clone(),
        };
        Arc::new(Retrying {
            inner: Arc::new(redirect),
            pace: self.pace.clone(),
            limits: self.limits,
            clock: self.clock.clone(),
            events: self.events.clone(),
            redactor: self.redactor.clone(),
            jitter: random,
        })
    }
}

/// All that a request to a foreign host goes through.
fn bare(list: AllowList, config: &ClientConfig) -> Result<Arc<dyn Transport>> {
    let redactor = config.redactor.clone();
    let hop = Hop::new(list.clone(), &config.limits, &config.user_agent, redactor)?;
    let decode = Decode::new(Arc::new(hop), &config.limits);
    Ok(Arc::new(Allow {
        inner: Arc::new(decode),
        list,
    }))
}

fn test_url(params: &Params) -> Result<Option<Url>> {
    let name = oauth_param::TEST_URL;
    let url = params.get(name).map(|param| Url::parse(param.expose()));
    url.transpose().map_err(|_| {
        let message = format!("the parameter {name:?} is not a whole URL");
        Error::new(ErrorKind::Usage, "read credentials", message)
    })
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}
