//! An API that pages, and lies if it is told to. It notes what it gave away: that is what a
//! verdict is held against.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tapline_core::{Error, ErrorKind, Request, Response, Result, Transport};
use url::Url;

use super::scenario::{HOST, HUGE, Lie, Paging, Scenario};
use super::stage::Stage;
use crate::lock::lock;
use crate::random::Random;

/// What an API has given to one run.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    /// Requests that arrived.
    pub(super) requests: u64,
    /// Ids of the records in well-formed pages, in order.
    pub(super) ids: Vec<u64>,
    /// The total announced last.
    pub(super) total: Option<u64>,
    /// Whether the lie has been told.
    pub(super) lied: bool,
    /// Where the last page began.
    last: Option<u64>,
}

/// The API as one run sees it.
pub(super) struct SimApi {
    scenario: Scenario,
    stage: Stage,
    run: u64,
    given: Arc<Mutex<Given>>,
}

/// A request, understood.
struct Asked {
    number: u64,
    start: u64,
    /// Where the page before began.
    before: u64,
}

/// A page before it is written down.
#[derive(Clone, PartialEq, Eq)]
struct Page {
    ids: Vec<u64>,
    next: Option<u64>,
    total: u64,
    pages: u64,
}

impl SimApi {
    pub(super) fn new(scenario: Scenario, stage: Stage, run: u64) -> Self {
        Self {
            scenario,
            stage,
            run,
            given: Arc::default(),
        }
    }

    /// Where it is noted what this run is given.
    pub(super) fn given(&self) -> Arc<Mutex<Given>> {
        self.given.clone()
    }

    fn answer(&self, url: &Url) -> Result<(u16, Bytes)> {
        if self.has_expired(url) {
            return Ok((410, Bytes::from_static(b"expired")));
        }
        let start = self.start(url)?;
        let asked = {
            let mut given = lock(&self.given);
            given.requests += 1;
            let before = given.last.replace(start).unwrap_or(0);
            Asked {
                number: given.requests,
                start,
                before,
            }
        };
        let lie = self.scenario.lie.filter(|lie| tells(*lie, asked.number));
        let mut page = self.page(start);
        if let Some(lie) = lie {
            let told = self.bend(&mut page, lie, &asked);
            lock(&self.given).lied |= told;
        }
        match lie {
            Some(Lie::NoAnswer(_)) => Err(Error::new(ErrorKind::Unavailable, "send", "no answer")),
            Some(Lie::Status(_, status)) => Ok((status, Bytes::from_static(b"no"))),
            Some(Lie::ErrorObject(_)) => Ok((200, Bytes::from_static(b"{\"error\":\"no\"}"))),
            Some(Lie::Html(_)) => Ok((200, Bytes::from_static(b"<!DOCTYPE html><p>Sign in</p>"))),
            Some(Lie::CutBody(_)) => {
                let whole = self.write(&page, None);
                Ok((200, whole.slice(..whole.len() / 2)))
            }
            lie => {
                let mut given = lock(&self.given);
                given.ids.extend(&page.ids);
                given.total = self.scenario.total.then_some(page.total);
                Ok((200, self.write(&page, lie)))
            }
        }
    }

    /// Whether `url` leads on from what another run was given, and this API keeps none of that.
    fn has_expired(&self, url: &Url) -> bool {
        let mut pairs = url.query_pairs();
        let token = pairs.find_map(|(key, value)| (key == "after").then_some(value));
        let mine = format!("r{}", self.run);
        self.scenario.forgetful && token.is_some_and(|token| !token.ends_with(&mine))
    }

    /// Index of the first record that `url` asks for.
    fn start(&self, url: &Url) -> Result<u64> {
        let strange = || {
            Error::new(
                ErrorKind::Protocol,
                "send",
                "asked for what was never offered",
            )
        };
        let param = |name: &str| {
            let mut pairs = url.query_pairs();
            let value = pairs.find_map(|(key, value)| (key == name).then_some(value));
            value.map(|value| {
                let value = value.trim_start_matches('t');
                let number = value.split_once('r').map_or(value, |(number, _)| number);
                number.parse::<u64>()
            })
        };
        let wanted = match self.scenario.paging {
            Paging::Offset => param("offset"),
            Paging::Page | Paging::CountedPages => param("page"),
            Paging::Pointer | Paging::Token => param("after").or(Some(Ok(0))),
        };
        let wanted = wanted.ok_or_else(strange)?.map_err(|_| strange())?;
        Ok(match self.scenario.paging {
            Paging::Page | Paging::CountedPages => wanted.saturating_sub(1) * self.scenario.page,
            _ => wanted,
        })
    }

    /// The records that are there as far as the API admits.
    fn admitted(&self) -> Vec<u64> {
        let Scenario { records, page, .. } = self.scenario;
        let hidden = match self.scenario.lie {
            Some(Lie::Withhold(n)) => (n - 1) * page..n * page,
            _ => 0..0,
        };
        (0..records).filter(|id| !hidden.contains(id)).collect()
    }

    fn page(&self, start: u64) -> Page {
        let Scenario { seed, records, .. } = self.scenario;
        let size = match self.scenario.ragged {
            true => 1 + Random::new(seed, 2, start).below(self.scenario.page),
            false => self.scenario.page,
        };
        let admitted = self.admitted();
        let all = admitted.len() as u64;
        let (from, end) = (start.min(all), (start + size).min(all));
        let more = end < all || (self.scenario.trailing && start < all);
        Page {
            ids: admitted[from as usize..end as usize].to_vec(),
            next: more.then_some(end),
            total: records,
            pages: all.div_ceil(self.scenario.page),
        }
    }

    /// Bends what is honest; whether that makes a difference.
    fn bend(&self, page: &mut Page, lie: Lie, asked: &Asked) -> bool {
        let honest = page.clone();
        match lie {
            Lie::WrongTotal(off) => page.total = page.total.saturating_add_signed(off),
            Lie::RepeatToken(_) => page.next = Some(asked.start),
            Lie::TokenCycle(_) => page.next = Some(asked.before),
            Lie::IgnoreOffset => page.ids = self.page(0).ids,
            Lie::Withhold(_) => return (self.admitted().len() as u64) < self.scenario.records,
            Lie::EmptyPage(_) => page.ids.clear(),
            Lie::EarlyEnd(n) => {
                page.next = page.next.filter(|_| asked.number != n);
                page.pages = page.pages.min(n);
            }
            Lie::Overlap(_) if !page.ids.is_empty() => {
                page.ids.splice(..0, asked.start.checked_sub(1));
            }
            Lie::Overlap(_) => {}
            Lie::ForeignNext(_) | Lie::HugeNext(_) => return page.next.is_some(),
            Lie::Status(..) | Lie::NoAnswer(_) | Lie::ErrorObject(_) => return true,
            Lie::Html(_) | Lie::CutBody(_) => return true,
        }
        *page != honest
    }

    fn write(&self, page: &Page, lie: Option<Lie>) -> Bytes {
        let items: Vec<Value> = page.ids.iter().map(|id| record(*id)).collect();
        let mut body = json!({ "items": items });
        if self.scenario.total {
            body["total"] = json!(page.total);
        }
        match self.scenario.paging {
            Paging::Offset | Paging::Page => {}
            Paging::CountedPages => body["pages"] = json!(page.pages),
            Paging::Pointer | Paging::Token => body["next"] = self.next(page, lie),
        }
        body.to_string().into()
    }

    fn next(&self, page: &Page, lie: Option<Lie>) -> Value {
        let Some(next) = page.next else {
            return Value::Null;
        };
        let token = match lie {
            Some(Lie::HugeNext(_)) => "t".repeat(HUGE),
            _ => format!("t{next}r{}", self.run),
        };
        match (self.scenario.paging, lie) {
            (Paging::Token, _) => json!(token),
            (_, Some(Lie::ForeignNext(_))) => json!("http://elsewhere.test/items"),
            _ => json!(format!("{HOST}/items?after={token}")),
        }
    }
}

/// Whether `lie` is told to the request `number`.
fn tells(lie: Lie, number: u64) -> bool {
    match lie {
        Lie::WrongTotal(_) | Lie::Withhold(_) => true,
        Lie::IgnoreOffset => number > 1,
        // The count must be told with every page, or the next page would contradict it.
        Lie::EarlyEnd(_) => true,
        Lie::RepeatToken(n) | Lie::TokenCycle(n) | Lie::EmptyPage(n) | Lie::Overlap(n) => {
            number == n
        }
        Lie::Status(n, _) | Lie::NoAnswer(n) | Lie::ErrorObject(n) => number == n,
        Lie::Html(n) | Lie::CutBody(n) | Lie::ForeignNext(n) | Lie::HugeNext(n) => number == n,
    }
}

/// Every fifth record has a field that the others have not.
fn record(id: u64) -> Value {
    let mut record = json!({ "id": id, "name": name(id) });
    if id % 5 == 4 {
        record["extra"] = json!(id as f64 / 2.0);
    }
    record
}

/// What stands beside an id, so that a mixed-up row is seen.
pub(super) fn name(id: u64) -> String {
    format!("n{}", id.wrapping_mul(0x9e37_79b9))
}

#[async_trait]
impl Transport for SimApi {
    async fn send(&self, request: Request) -> Result<Response> {
        self.stage.pause().await;
        if request.url.origin().ascii_serialization() != HOST {
            return Err(Error::new(ErrorKind::Refused, "send", "not on the list"));
        }
        let answer = self.answer(&request.url);
        let query = request.url.query().unwrap_or("");
        let query: String = query.chars().take(80).collect();
        let told = answer.as_ref().map_or(0, |(status, _)| *status);
        self.stage.note(self.run, format!("GET {query}: {told}"));
        self.stage.pause().await;
        let (status, body) = answer?;
        let status = StatusCode::from_u16(status).expect("the simulator's statuses are valid");
        Ok(Response::full(status, HeaderMap::new(), body))
    }
}
