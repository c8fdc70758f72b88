//! What a seed stands for: an API, how it lies, and what happens to the run.

use serde_json::{Value, json};
use tapline_spec::Plan;

use crate::faults::{Fault, Kind, Moment};
use crate::random::Random;

/// The API's address. A request to any other is refused, as the transport's allow-list does.
pub(super) const HOST: &str = "http://api.test";
/// Beyond the largest position a run may store.
pub(super) const HUGE: usize = 70_000;

/// One world, and what happens in it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Where everything random comes from.
    pub seed: u64,
    /// How the API pages.
    pub paging: Paging,
    /// Records the API has.
    pub records: u64,
    /// Records asked for at once.
    pub page: u64,
    /// Whether the API says how many records there are.
    pub total: bool,
    /// Whether its pages are often smaller than asked for (POINTER and TOKEN only).
    pub ragged: bool,
    /// Whether the last records come with a token all the same, to an empty page.
    pub trailing: bool,
    /// Whether a token or link is refused in any run but the one that it was given to.
    pub forgetful: bool,
    /// Whether the destination makes pages durable only some at a time.
    pub lazy: bool,
    /// Records of the table that is there before the run, if there is one.
    pub old: Option<u64>,
    /// What is wrong with the API.
    pub lie: Option<Lie>,
    /// What happens to the run.
    pub mishap: Mishap,
}

/// How the API pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Paging {
    /// `offset` and `limit`.
    Offset,
    /// `page`, until an empty one.
    Page,
    /// `page`, and the response says how many there are.
    CountedPages,
    /// A next URL in the body.
    Pointer,
    /// A token in the body.
    Token,
}

/// What is wrong with an API. A number is that of the request it happens to, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lie {
    /// More or fewer are announced than there are.
    WrongTotal(i64),
    /// The next page is this page: A leads to A.
    RepeatToken(u64),
    /// The next page is the one before: A leads to B, B to A.
    TokenCycle(u64),
    /// The first page comes again and again.
    IgnoreOffset,
    /// The records of a page are left out, as if they were not there.
    Withhold(u64),
    /// The page is empty, and what follows it is announced as ever.
    EmptyPage(u64),
    /// The page has no next one, though there is more (POINTER, TOKEN, counted pages).
    EarlyEnd(u64),
    /// The page begins with the last record of the one before.
    Overlap(u64),
    /// The answer has this status.
    Status(u64, u16),
    /// There is no answer.
    NoAnswer(u64),
    /// 200 with an error object.
    ErrorObject(u64),
    /// 200 with an HTML page.
    Html(u64),
    /// The body ends in the middle.
    CutBody(u64),
    /// The next link leads to another host (POINTER).
    ForeignNext(u64),
    /// The next token or link is larger than any that is kept (POINTER, TOKEN).
    HugeNext(u64),
}

/// What happens to a run, besides what the API does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing.
    None,
    /// One call at a door fails, or the process dies in it.
    Door(Fault),
    /// The process dies after so many steps, wherever it is.
    Kill(u64),
    /// The operator stops it after so many steps.
    Stop(u64),
    /// Its lease times out after so many steps, and another run begins while it goes on.
    Takeover(u64),
}

impl Paging {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Offset,
        Self::Page,
        Self::CountedPages,
        Self::Pointer,
        Self::Token,
    ];

    /// Whether the response itself says where the next page is.
    pub(super) fn is_linked(self) -> bool {
        matches!(self, Self::Pointer | Self::Token)
    }
}

impl Scenario {
    /// The world of `seed`.
    pub fn draw(seed: u64) -> Self {
        let mut random = Random::new(seed, 1, 0);
        let paging = Paging::ALL[random.below(5) as usize];
        let page = 1 + random.below(8);
        let pages = if random.chance(2) {
            200
        } else {
            random.below(12)
        };
        let mut scenario = Self {
            seed,
            paging,
            records: (pages * page).saturating_sub(random.below(page)),
            page,
            total: random.chance(50),
            ragged: paging.is_linked() && random.chance(30),
            trailing: paging.is_linked() && random.chance(30),
            forgetful: false,
            lazy: random.chance(30),
            old: random.chance(70).then(|| random.below(20)),
            lie: None,
            mishap: Mishap::None,
        };
        if random.chance(60) {
            scenario.mishap = mishap(&mut random, pages);
        }
        // Of two runs at once, both must be able to end well.
        if random.chance(60) && !matches!(scenario.mishap, Mishap::Takeover(_)) {
            scenario.lie = Some(lie(&mut random, &scenario));
        }
        scenario.forgetful = paging.is_linked() && random.chance(20);
        scenario
    }

    /// An honest API of 4 pages, and nothing that happens.
    pub fn plain(paging: Paging) -> Self {
        Self {
            seed: 0,
            paging,
            records: 11,
            page: 3,
            total: true,
            ragged: false,
            trailing: false,
            forgetful: false,
            lazy: false,
            old: Some(2),
            lie: None,
            mishap: Mishap::None,
        }
    }

    /// What a spec for this API would mean.
    pub(super) fn plan(&self) -> Plan {
        let plan = json!({
            "connector": "simulated", "stream": "items",
            "request": { "host": HOST, "path": "/items", "method": "GET",
                "query": [], "headers": [], "body": null },
            "auth": { "kind": "none" },
            "content": { "path": "$.items", "siblings": { "keep": [], "skip": [] },
                "wrapper": null },
            "pagination": self.pagination(),
            "end": null, "delay_ms": 0, "maximum_request": null,
            "total": self.total.then_some("$.total"),
            "rules": [], "partitions": [], "columns": [],
        });
        serde_json::from_value(plan).expect("the simulator's plan is one")
    }

    fn pagination(&self) -> Value {
        let limit = json!(["limit", self.page]);
        match self.paging {
            Paging::Offset => json!({ "type": "OFFSET", "limit_name": "limit",
                "limit": self.page, "offset_name": "offset", "first": 0 }),
            Paging::Page => json!({ "type": "PAGE", "limit": limit, "page_name": "page",
                "first": 1, "last": null }),
            Paging::CountedPages => json!({ "type": "PAGE", "limit": limit, "page_name": "page",
                "first": 1, "last": { "announced": "$.pages" } }),
            Paging::Pointer => json!({ "type": "POINTER", "limit": limit, "pointer": "$.next" }),
            Paging::Token => json!({ "type": "CONTINUATION_TOKEN", "limit": limit,
                "tokens": [{ "selector": "$.next", "location": "query", "name": "after" }] }),
        }
    }
}

/// A lie that this API can tell.
fn lie(random: &mut Random, scenario: &Scenario) -> Lie {
    let n = 1 + random.below(scenario.records.div_ceil(scenario.page).max(1));
    let later = n.max(2);
    let mut lies = vec![
        Lie::Withhold(n),
        Lie::EmptyPage(n),
        Lie::Overlap(later),
        Lie::Status(n, [401, 404, 429, 500, 503][random.below(5) as usize]),
        Lie::NoAnswer(n),
        Lie::ErrorObject(n),
        Lie::Html(n),
        Lie::CutBody(n),
    ];
    if scenario.total {
        let off = 1 + random.below(9).cast_signed();
        lies.push(Lie::WrongTotal(if random.chance(50) { off } else { -off }));
    }
    match scenario.paging {
        Paging::Offset | Paging::Page => lies.push(Lie::IgnoreOffset),
        Paging::CountedPages => lies.extend([Lie::IgnoreOffset, Lie::EarlyEnd(n)]),
        Paging::Pointer | Paging::Token => lies.extend([
            Lie::RepeatToken(n),
            Lie::TokenCycle(later),
            Lie::EarlyEnd(n),
            Lie::HugeNext(n),
        ]),
    }
    if scenario.paging == Paging::Pointer {
        lies.push(Lie::ForeignNext(n));
    }
    lies[random.below(lies.len() as u64) as usize]
}

fn mishap(random: &mut Random, pages: u64) -> Mishap {
    // A page is about two calls and eight steps.
    let steps = 20 + 10 * pages;
    match random.below(4) {
        0 => Mishap::Door(Fault {
            call: random.below(6 + 2 * pages) as usize,
            moment: [Moment::Before, Moment::After][random.below(2) as usize],
            kind: [Kind::Error, Kind::Crash][random.below(2) as usize],
        }),
        1 => Mishap::Kill(random.below(steps)),
        2 => Mishap::Stop(random.below(steps)),
        _ => Mishap::Takeover(random.below(steps)),
    }
}
