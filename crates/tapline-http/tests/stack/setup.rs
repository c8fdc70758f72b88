//! A client as a test wants it, with everything it waited for and told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use tapline_core::{
    Body, Clock, Events, Hooks, Limits, NoHooks, Param, Params, Purpose, Redactor, Request,
    Response, Result, RunEvent, Secret, Transport,
};
use tapline_http::{AllowList, Client, ClientConfig, QuotaConfig, TokenStore};
use tapline_spec::{AuthPlan, KeyLocation};

/// The secret of every test; it contains what must be escaped.
pub(crate) const SECRET: &str = "hush&hush";

/// A clock that moves only when something sleeps, and keeps a record of that.
#[derive(Default)]
pub(crate) struct TestClock {
    sleeps: Mutex<Vec<Duration>>,
}

impl TestClock {
    pub(crate) fn sleeps(&self) -> Vec<Duration> {
        self.sleeps.lock().unwrap().clone()
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        // 2026-01-01T00:00:00Z.
        Timestamp::from_second(1_767_225_600).unwrap() + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        self.sleeps().iter().sum()
    }

    async fn sleep(&self, duration: Duration) {
        self.sleeps.lock().unwrap().push(duration);
    }
}

/// What a client is made of, to be changed before [`Setup::client`].
pub(crate) struct Setup {
    pub(crate) base: Vec<String>,
    pub(crate) allow: Vec<String>,
    pub(crate) auth: AuthPlan,
    /// Besides the secret, which is called `key`.
    pub(crate) params: Params,
    pub(crate) tokens: Option<TokenStore>,
    pub(crate) limits: Limits,
    pub(crate) delay: Duration,
    pub(crate) quota: QuotaConfig,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) events: Arc<Mutex<Vec<RunEvent>>>,
}

impl Setup {
    pub(crate) fn new(base: impl Into<String>) -> Self {
        Self {
            base: vec![base.into()],
            allow: Vec::new(),
            auth: AuthPlan::None,
            params: Params::default(),
            tokens: None,
            limits: Limits::default(),
            delay: Duration::ZERO,
            quota: QuotaConfig::default(),
            clock: Arc::default(),
            events: Arc::default(),
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.try_client().unwrap()
    }

    pub(crate) fn try_client(&self) -> Result<Client> {
        let secret = Secret::new(SECRET);
        let events = self.events.clone();
        let mut params = Params::from_iter([("key", Param::Secret(secret.clone()))]);
        params.overlay(&self.params);
        Client::new(ClientConfig {
            base: self.base.iter().map(|text| text.parse().unwrap()).collect(),
            auth: self.auth.clone(),
            redactor: Redactor::new([&secret]),
            params,
            tokens: self.tokens.clone(),
            allow: AllowList::explicit(self.allow.iter().map(|text| text.parse().unwrap())),
            limits: self.limits,
            delay: self.delay,
            quota: self.quota.clone(),
            clock: self.clock.clone(),
            events: Events::new(move |event| events.lock().unwrap().push(event)),
            user_agent: "tapline-test".to_owned(),
        })
    }

    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        self.client().transport(Arc::new(NoHooks))
    }

    pub(crate) fn hooked(&self, hooks: impl Hooks + 'static) -> Arc<dyn Transport> {
        self.client().transport(Arc::new(hooks))
    }

    /// The reasons and attempts of the waits that were told.
    pub(crate) fn waits(&self) -> Vec<(String, u32)> {
        let events = self.events.lock().unwrap();
        let waits = events.iter().filter_map(|event| match event {
            RunEvent::Waiting {
                reason, attempt, ..
            } => Some((reason.clone(), *attempt)),
            _ => None,
        });
        waits.collect()
    }
}

impl Setup {
    /// The warnings that were told.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let events = self.events.lock().unwrap();
        let warnings = events.iter().filter_map(|event| match event {
            RunEvent::Warning { message } => Some(message.clone()),
            _ => None,
        });
        warnings.collect()
    }
}

pub(crate) fn bearer() -> AuthPlan {
    AuthPlan::Bearer {
        token: "key".to_owned(),
    }
}

pub(crate) fn api_key(location: KeyLocation, name: &str) -> AuthPlan {
    AuthPlan::ApiKey {
        location,
        name: name.to_owned(),
        key: "key".to_owned(),
    }
}

pub(crate) fn get(url: impl AsRef<str>) -> Request {
    Request::get(url.as_ref().parse().unwrap())
}

pub(crate) fn post(url: impl AsRef<str>, purpose: Purpose, body: &'static str) -> Request {
    Request {
        method: Method::POST,
        body: Body::Bytes(Bytes::from_static(body.as_bytes())),
        purpose,
        ..get(url)
    }
}

pub(crate) async fn text(response: Result<Response>) -> String {
    let bytes = response.unwrap().bytes(usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}
