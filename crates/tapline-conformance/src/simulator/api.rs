//! An API that pages, and lies if it is told to. It notes what it gave away: that is what a
//! verdict is held against.

mod asked;
mod bend;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, StatusCode};
use tapline_core::{Error, ErrorKind, Exchange, Request, Response, Result, Transport};
use url::Url;

pub(super) use self::asked::Window;
use self::asked::{Asked, Start};
use self::written::Reply;
use super::lie::{Lie, Silence, Wait};
use super::plan::HOST;
use super::records::{Rank, Records, Version};
use super::scenario::{Drift, Scenario};
use super::stage::Stage;
use super::trouble::Trouble;
use crate::lock::lock;
use crate::random::Random;

/// What an API has given to one run.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    /// Requests that arrived.
    pub(super) requests: u64,
    /// Numbers of the versions in well-formed pages, in order.
    pub(super) shown: Vec<u64>,
    /// The windows that were asked for.
    pub(super) asked: BTreeSet<Window>,
    /// Whether the lie has been told.
    pub(super) lied: bool,
    /// Kinds of fault that it has met.
    pub(super) met: BTreeSet<Trouble>,
    /// The last page of each window.
    before: BTreeMap<Window, Before>,
}

/// A page that was given.
#[derive(Clone, Debug)]
struct Before {
    start: Start,
    items: Vec<Version>,
}

/// A page before it is written down.
#[derive(Clone, PartialEq, Eq)]
struct Page {
    items: Vec<Version>,
    next: Option<Rank>,
    total: u64,
    pages: u64,
}

/// The API as one run sees it.
pub(super) struct SimApi {
    pub(super) scenario: Arc<Scenario>,
    pub(super) lie: Option<Lie>,
    /// A planted bug: records are left out whose cursor is where the window starts.
    pub(super) withholds: bool,
    pub(super) stage: Stage,
    pub(super) run: u64,
    pub(super) records: Arc<Mutex<Records>>,
    pub(super) given: Arc<Mutex<Given>>,
}

impl SimApi {
    fn answer(&self, url: &Url) -> Result<Reply> {
        if self.has_expired(url) {
            return Ok(Reply::of(410, "expired"));
        }
        let asked = Asked::read(&self.scenario, url)?;
        let number = {
            let mut given = lock(&self.given);
            given.requests += 1;
            given.asked.insert(asked.window);
            given.requests
        };
        if self.refuses(asked.start) {
            return Ok(Reply::of(400, "beyond what is given"));
        }
        let lie = self.lie.filter(|lie| lie.is_told(number));
        if let Some(Lie::Drift(_, drift)) = lie {
            self.drift(drift);
        }
        match lie.and_then(|lie| self.refusal(lie)) {
            Some(refusal) => {
                self.lied(lie);
                refusal
            }
            None => Ok(self.reply(&asked, lie)),
        }
    }

    /// Whether an API that gives only so many records refuses to look beyond them. Others have an empty page
    /// there.
    fn refuses(&self, start: Start) -> bool {
        let is_strict = self.scenario.seed.is_multiple_of(3);
        let most = self.scenario.most.filter(|_| is_strict);
        start
            .index()
            .zip(most)
            .is_some_and(|(index, most)| index >= most)
    }

    /// The page that `asked` asks for, bent as `lie` wants it.
    fn reply(&self, asked: &Asked, lie: Option<Lie>) -> Reply {
        let before = lock(&self.given).before.get(&asked.window).cloned();
        let (mut page, mut told) = self.page(asked, lie);
        if let Some(lie) = lie {
            told |= bend::bend(&mut page, lie, asked, before.as_ref(), self);
        }
        if told {
            self.lied(lie);
        }
        match lie {
            Some(Lie::CapError(most)) if asked.start.index().is_some_and(|index| index >= most) => {
                self.lied(lie);
                return Reply::of(400, "offset too large");
            }
            Some(Lie::CutBody(_)) => return self.write(&page, asked.window, lie).cut(),
            Some(Lie::ResetBody(_)) => return self.write(&page, asked.window, lie).reset(),
            Some(Lie::NoContent(_)) => page.items.clear(),
            _ => {}
        }
        let mut given = lock(&self.given);
        given
            .shown
            .extend(page.items.iter().map(|version| version.serial));
        let before = Before {
            start: asked.start,
            items: page.items.clone(),
        };
        given.before.insert(asked.window, before);
        drop(given);
        let reply = self.write(&page, asked.window, lie);
        match lie {
            Some(Lie::NoContent(_)) => Reply::of(204, ""),
            Some(Lie::SlowBody(_)) => reply.slow(),
            Some(Lie::TooMany(_, Wait::Some)) => reply.late(),
            _ => reply,
        }
    }

    /// Takes note that `lie` was told.
    fn lied(&self, lie: Option<Lie>) {
        let Some(lie) = lie else { return };
        let mut given = lock(&self.given);
        given.lied |= !lie.is_harmless();
        let is_total = matches!(lie, Lie::Drift(_, Drift::Insert));
        if !is_total || self.scenario.total {
            given.met.extend(lie.trouble());
        }
    }

    fn drift(&self, drift: Drift) {
        let mut random = Random::new(self.scenario.seed, 5, self.run);
        let now = self.stage.timeline.second() + self.scenario.cursor.skew;
        lock(&self.records).drift(drift, now, &mut random);
        let mut given = lock(&self.given);
        given.lied |= !self.scenario.stands(drift);
        if drift == Drift::Move || self.scenario.total {
            given.met.extend(Lie::Drift(0, drift).trouble());
        }
    }

    /// What is answered in the place of a page.
    fn refusal(&self, lie: Lie) -> Option<Result<Reply>> {
        let failed = |kind, message: &str| Some(Err(Error::new(kind, "send", message)));
        match lie {
            Lie::NoAnswer(_, silence) => failed(
                ErrorKind::Unavailable,
                match silence {
                    Silence::Refused => "connection refused",
                    Silence::NoName => "no address",
                    Silence::Timeout => "timed out",
                    Silence::NoTls => "no secure connection",
                    Silence::Reset => "connection reset",
                    Silence::Lost => "connection closed before the answer",
                },
            ),
            Lie::TooMany(_, Wait::Absurd) => {
                failed(ErrorKind::Quota, "the source asks to wait 99999999 s")
            }
            Lie::TooMany(_, Wait::Unsaid) => Some(Ok(Reply::of(429, "slow down"))),
            Lie::Redirect(_, true) => failed(ErrorKind::Refused, "redirects more than 5 times"),
            Lie::Redirect(_, false) => failed(ErrorKind::Refused, "redirects to another host"),
            Lie::Status(_, status) => Some(Ok(Reply::of(status, "no"))),
            Lie::ErrorObject(_) => Some(Ok(Reply::of(200, "{\"error\":\"no\"}"))),
            Lie::Html(_) => Some(Ok(Reply::of(200, "<!DOCTYPE html><p>Sign in</p>"))),
            Lie::EmptyBody(_) => Some(Ok(Reply::of(200, ""))),
            Lie::Duplicate(_) => {
                lock(&self.given).requests += 1;
                self.lied(Some(lie));
                None
            }
            _ => None,
        }
    }

    /// Whether `url` leads on from what another run was given, and this API keeps none of that.
    fn has_expired(&self, url: &Url) -> bool {
        let mut pairs = url.query_pairs();
        let token = pairs.find_map(|(key, value)| (key == "after").then_some(value));
        let mine = format!("r{}", self.run);
        self.scenario.forgetful && token.is_some_and(|token| !token.ends_with(&mine))
    }

    /// The records of `window` as far as the API admits that they are there, and how many it counts;
    /// and whether those are not all.
    fn list(&self, window: Window, lie: Option<Lie>) -> (Vec<Version>, u64, bool) {
        let records = lock(&self.records);
        let stale = match lie {
            Some(Lie::Stale(moments)) => {
                let moment = records.moment().saturating_sub(moments);
                Some(records.shelf_at(window.part, moment))
            }
            _ => None,
        };
        let shelf = stale
            .as_deref()
            .unwrap_or_else(|| records.shelf(window.part));
        let (low, high) = records.span();
        let all = shelf.iter().filter(|version| window.contains(version.at));
        let is_hidden = |version: &Version| self.hides(version, window, lie, (low, high));
        let mut list: Vec<Version> = all.clone().copied().collect();
        let mut total = list.len() as u64;
        let whole = total;
        list.retain(|version| !is_hidden(version));
        let mut is_less = list.len() as u64 != whole || stale.is_some();
        if !matches!(lie, Some(Lie::Withhold(_))) {
            total = list.len() as u64;
        }
        if let Some(most) = self.scenario.most {
            list.truncate(most as usize);
            if self.scenario.seed.is_multiple_of(2) {
                total = total.min(most);
            }
        }
        if let Some(Lie::Cap(most)) = lie {
            is_less |= list.len() as u64 > most;
            list.truncate(most as usize);
        }
        (list, total, is_less)
    }

    /// Whether the API does as if `version` was not there.
    fn hides(
        &self,
        version: &Version,
        window: Window,
        lie: Option<Lie>,
        (low, high): (i64, i64),
    ) -> bool {
        let page = self.scenario.page;
        if self.withholds && window.from == Some(version.at) {
            return true;
        }
        match lie {
            Some(Lie::Withhold(n) | Lie::Hide(n)) => {
                ((n - 1) * page..n * page).contains(&version.id)
            }
            Some(Lie::Boundary) => window.from == Some(version.at),
            Some(Lie::Clamp(percent)) => {
                version.at < low + (high - low) * percent.cast_signed() / 100
            }
            Some(Lie::EmptyPart(part)) => version.part == part,
            _ => false,
        }
    }

    /// The page that `asked` asks for, from what the API admits; and whether that is not all.
    fn page(&self, asked: &Asked, lie: Option<Lie>) -> (Page, bool) {
        let (list, total, is_less) = self.list(asked.window, lie);
        let from = {
            let records = lock(&self.records);
            match asked.start {
                Start::Index(index) => index.min(list.len() as u64) as usize,
                Start::After(rank) => list.partition_point(|version| records.rank(version) <= rank),
            }
        };
        let size = self.size(list.get(from), lie);
        let end = list.len().min(from + size);
        let more = end < list.len() || (self.scenario.trailing && from < end);
        let next = list[from..end].last().filter(|_| more);
        let page = Page {
            next: next.map(|version| lock(&self.records).rank(version)),
            items: list[from..end].to_vec(),
            total,
            pages: (list.len() as u64).div_ceil(self.scenario.page),
        };
        (page, is_less)
    }

    /// How many records the page that begins with `first` holds.
    fn size(&self, first: Option<&Version>, lie: Option<Lie>) -> usize {
        let page = self.scenario.page as usize;
        match (lie, first) {
            _ if self.scenario.paging == super::scenario::Paging::None => usize::MAX / 2,
            (Some(Lie::SmallPages(most)), _) => page.min(most as usize),
            (_, Some(first)) if self.scenario.ragged => {
                let below = Random::new(self.scenario.seed, 2, first.serial).below(page as u64);
                1 + below as usize
            }
            _ => page,
        }
    }
}

#[async_trait]
impl Transport for SimApi {
    async fn send(&self, request: Request) -> Result<Response> {
        self.stage.pause().await;
        if request.url.origin().ascii_serialization() != HOST {
            return Err(Error::new(ErrorKind::Refused, "send", "not on the list"));
        }
        let answer = self.answer(&request.url);
        let told = answer.as_ref().map_or(0, |reply| reply.status);
        self.stage.note(self.run, || {
            let (path, query) = (request.url.path(), request.url.query().unwrap_or(""));
            let query: String = query.chars().take(80).collect();
            format!("GET {path}?{query}: {told}")
        });
        self.stage.pause().await;
        let reply = answer?;
        let waited = match reply.is_late {
            true => Duration::from_secs(1),
            false => Duration::ZERO,
        };
        self.stage.timeline.wait(waited).await;
        let status =
            StatusCode::from_u16(reply.status).expect("the simulator's statuses are valid");
        let mut headers = HeaderMap::new();
        if let Some(link) = &reply.link {
            let link = link.parse().expect("the simulator's links are valid");
            headers.insert("link", link);
        }
        Ok(Response {
            status,
            headers,
            exchange: Exchange {
                attempts: 1 + u32::from(reply.is_late),
                waited,
                ..Exchange::default()
            },
            body: reply.body(self.stage.timeline.clone()),
        })
    }
}
