//! The quota of a connection: how many requests a source allows, counted before they are sent.
//!
//! Budgets come from three sides: the spec's `rateParams` and the project's `quota` limit seconds,
//! minutes and days ([`window`]); and the source reports what is left in the headers of its answers
//! ([`headers`], [`reported`]). They belong to a key at a host, not to a run, so they are counted in
//! a ledger in the state store that all processes share ([`ledger`]); an [`account`] takes requests
//! from it. Without limits and reports the ledger is read once and never written.
//!
//! A request for which nothing is left waits, and is told to wait, if its time comes within the
//! operator's `max_wait`; else it is an error of the kind Quota that says when to go on. A 429 is
//! the business of [`crate::retry`]; here it is only remembered.

mod account;
mod chunk;
mod config;
mod headers;
mod ledger;
mod reported;
mod spent;
mod window;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use http::header::RETRY_AFTER;
use tapline_core::{
    Clock, Error, ErrorKind, Events, Redactor, Request, Response, Result, RunEvent, StateStore,
    Transport,
};
use url::Url;

use self::account::{Account, Doors, Rules};
pub use self::config::QuotaConfig;
use self::headers::{LONGEST, Names};
use self::reported::{Reported, shape};
use crate::origin::Origin;
use crate::wait::{asked, is_noticeable};

/// The quota of one client.
pub(crate) struct Quota {
    rules: Rules,
    names: Names,
    max_requests: Option<u64>,
    sent: AtomicU64,
    /// By origin: a request to another has no key, and no quota of ours.
    accounts: Vec<(Origin, Account)>,
    store: Option<Arc<dyn StateStore>>,
    max_wait: Duration,
    clock: Arc<dyn Clock>,
    events: Events,
    redactor: Redactor,
}

/// What a [`Quota`] is made of besides its configuration.
pub(crate) struct Surroundings<'a> {
    pub(crate) base: &'a [Origin],
    /// What tells the key that a request to an origin is signed with from others.
    pub(crate) key: &'a dyn Fn(&Origin) -> Result<u16>,
    pub(crate) max_wait: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: Events,
    pub(crate) redactor: Redactor,
}

impl Quota {
    pub(crate) fn new(config: QuotaConfig, around: Surroundings<'_>) -> Result<Self> {
        let mut accounts: Vec<(Origin, Account)> = Vec::new();
        for origin in around.base {
            if accounts.iter().all(|(known, _)| known != origin) {
                let place = around.redactor.redact(&origin.authority()).into_owned();
                let key = format!("{place}/{:04x}", (around.key)(origin)?);
                accounts.push((origin.clone(), Account::new(key)));
            }
        }
        Ok(Self {
            rules: Rules {
                limits: config.limits(),
                share: config.share,
                reported: config.reported,
            },
            names: Names::of(&config.rate)?,
            max_requests: config.max_requests,
            sent: AtomicU64::new(0),
            accounts,
            store: config.ledger,
            max_wait: around.max_wait,
            clock: around.clock,
            events: around.events,
            redactor: around.redactor,
        })
    }

    /// Gives back to the ledger what was taken from it and not used. If that fails it is told, and
    /// is back once its window has passed.
    pub(crate) async fn settle(&self) {
        for (_, account) in &self.accounts {
            if let Err(error) = account.settle(self.doors()).await {
                self.warn(&error);
            }
        }
    }

    /// Counts a request of this client.
    fn count(&self) -> Result<()> {
        let sent = self.sent.fetch_add(1, Ordering::Relaxed);
        match self.max_requests {
            Some(max) if sent >= max => {
                let message = format!("all {max} requests that `--max-requests` allows were sent");
                Err(Error::new(ErrorKind::Quota, "send request", message))
            }
            _ => Ok(()),
        }
    }

    fn account(&self, url: &Url) -> Result<Option<&Account>> {
        let origin = Origin::of(url)?;
        let mut accounts = self.accounts.iter();
        let account = accounts.find(|(known, _)| *known == origin);
        Ok(account.map(|(_, account)| account))
    }

    /// Waits until a request to `url` may be sent, and says how long that took.
    async fn turn(&self, account: &Account, url: &Url) -> Result<Duration> {
        let mut waited = Duration::ZERO;
        let path = || shape(&self.redactor, url);
        while let Some(spent) = account.take(&self.rules, self.doors(), path).await? {
            let now = self.clock.now();
            let wait = spent.wait(now);
            if wait > self.max_wait {
                return Err(spent.too_long(now, self.max_wait));
            }
            if is_noticeable(wait) {
                self.events.emit(RunEvent::Waiting {
                    reason: spent.reason(),
                    for_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                    attempt: 1,
                });
            }
            self.clock.sleep(wait).await;
            waited += wait;
        }
        Ok(waited)
    }

    /// Takes note of what an answer from `url` has `reported`.
    async fn heed(&self, account: &Account, url: &Url, reported: Vec<Reported>) {
        let path = shape(&self.redactor, url);
        let noting = account.note(&self.rules, self.doors(), &path, reported);
        // The source said it to this process, and will say it to others.
        if let Err(error) = noting.await {
            self.warn(&error);
        }
    }

    /// The budgets that `response` speaks of.
    fn reported(&self, response: &Response) -> Vec<Reported> {
        if !self.rules.reported {
            return Vec::new();
        }
        let (headers, now) = (&response.headers, self.clock.now());
        let mut reported = self.names.read(headers, now);
        for budget in &mut reported {
            for name in [&mut budget.scope, &mut budget.policy]
                .into_iter()
                .flatten()
            {
                *name = self.redactor.redact(name).into_owned();
            }
        }
        // A refusal that says how long it holds says more than the numbers beside it.
        let is_refusal = response.status == StatusCode::TOO_MANY_REQUESTS
            && (reported.is_empty() || headers.contains_key(RETRY_AFTER));
        if is_refusal
            && let Some(wait) = asked(response.status, headers, now)
            && wait <= LONGEST
        {
            if reported.is_empty() {
                reported.push(Reported::refusal(now, now));
            }
            for budget in &mut reported {
                budget.refuse(wait);
            }
        }
        reported
    }

    fn warn(&self, error: &Error) {
        let message = format!("the quota's ledger is not up to date: {error}");
        self.events.emit(RunEvent::Warning { message });
    }

    fn doors(&self) -> Doors<'_> {
        Doors {
            store: self.store.as_deref(),
            clock: &*self.clock,
        }
    }
}

/// Sends what the quota allows. What the sign-in sends once more, because its token was refused, is
/// not counted: it knows of no quota, and does so once for a token.
pub(crate) struct Metered {
    pub(crate) inner: Arc<dyn Transport>,
    pub(crate) quota: Arc<Quota>,
}

#[async_trait]
impl Transport for Metered {
    async fn send(&self, request: Request) -> Result<Response> {
        self.quota.count()?;
        let url = request.url.clone();
        let Some(account) = self.quota.account(&url)? else {
            return self.inner.send(request).await;
        };
        let waited = self.quota.turn(account, &url).await?;
        let mut response = self.inner.send(request).await?;
        let reported = self.quota.reported(&response);
        if !reported.is_empty() {
            self.quota.heed(account, &url, reported).await;
        }
        response.exchange.waited += waited;
        Ok(response)
    }
}
