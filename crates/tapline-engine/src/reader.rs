//! Reads one slice, page by page: await, locate, decide, send, decode.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use futures::future::{FutureExt, maybe_done, ready};
use tapline_core::{
    Batch, EndSignal, Error, ErrorKind, Evidence, Page, PageInfo, Params, Position, Reject,
    Request, Result, ShortReason, Slice, Window, compute, in_ranges,
};
use tapline_expr::Context;
use tapline_spec::RuleAction;
use url::Url;

use crate::asking::Asking;
use crate::decode::{Decoded, Stamp};
use crate::flight::{Answer, Flight, LARGE, beside, landed};
use crate::form::{self, PageForm};
use crate::guard::Guard;
use crate::locate::Located;
use crate::observation::{Finds, Observation, Parsed};
use crate::paginate::{self, Next, Seen};
use crate::source::Shared;
use crate::{request, retry, rules, status};

/// Reads one slice, page by page.
pub(crate) struct Reader {
    shared: Arc<Shared>,
    params: Params,
    window: Window,
    guard: Guard,
    seq: u64,
    flight: Option<Flight>,
}

impl Reader {
    /// A reader that has sent nothing yet.
    pub(crate) fn new(shared: Arc<Shared>, slice: &Slice, position: Option<Position>) -> Self {
        let mut reader = Self {
            params: shared.params(slice),
            window: slice.window,
            guard: Guard::default(),
            seq: 0,
            flight: None,
            shared,
        };
        let position = position.unwrap_or_else(|| reader.shared.paginator.first());
        reader.guard.repeats_position(&position);
        reader.flight = Some(reader.send(position, None));
        reader
    }

    /// The next page, or `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Page>> {
        let Some(flight) = self.flight.take() else {
            return Ok(None);
        };
        self.seq += 1;
        self.shared.count_page();
        let seq = self.seq;
        let page = self.read(flight).await;
        page.map(Some).map_err(|error| {
            error
                .with("stream", &self.shared.config.plan.stream)
                .with("page", seq)
        })
    }

    async fn read(&mut self, flight: Flight) -> Result<Page> {
        let shared = self.shared.clone();
        let mut answer = landed(flight.answer).await?;
        let url = flight.request.as_ref().map(|request| request.url.clone());
        loop {
            let step = self.step(&flight.position, url.as_ref(), &answer).await;
            match step {
                Ok(Step::Page(page)) => return Ok(*page),
                Ok(Step::Again) => {
                    let again = flight.request.as_ref().and_then(Request::try_clone);
                    let again = retry::again(&shared, again, &answer).await;
                    answer = again.map_err(|error| match error.request() {
                        Some(_) => error,
                        None => status::of(error, &answer),
                    })?;
                }
                Ok(Step::Refused(error)) => return Err(status::of(error, &answer)),
                Err(error) => return Err(status::about(error, &answer, &shared.config.redactor)),
            }
        }
    }

    /// Does with `answer`, to the request at `position`, what the rules of the spec say.
    async fn step(
        &mut self,
        position: &Position,
        url: Option<&Url>,
        answer: &Answer,
    ) -> Result<Step> {
        let shared = self.shared.clone();
        let (body, located) = shared.open(answer).await;
        let is_first = *position == shared.paginator.first();
        Ok(match self.action(answer, &body, &located)? {
            None if self.is_passing(answer) => Step::Again,
            None => {
                let turn = Turn {
                    position,
                    url,
                    answer,
                    body,
                };
                Step::Page(Box::new(self.page(turn, located?).await?))
            }
            Some(RuleAction::Retry) => Step::Again,
            Some(RuleAction::Ignore) => {
                let turn = Turn {
                    position,
                    url,
                    answer,
                    body,
                };
                Step::Page(Box::new(self.ignored(turn).await?))
            }
            Some(RuleAction::End) if !is_first => self.ended(answer, EndSignal::Declared),
            Some(RuleAction::SkipSlice) if is_first => self.ended(answer, EndSignal::Skipped),
            Some(action) => Step::Refused(self.refused(action, answer)),
        })
    }

    /// What the rules of the spec say of `answer`.
    fn action(
        &self,
        answer: &Answer,
        body: &Bytes,
        located: &Result<Option<Located>>,
    ) -> Result<Option<RuleAction>> {
        let (reads, rules) = (&self.shared.reads, &self.shared.config.plan.rules);
        if rules.is_empty() {
            return Ok(None);
        }
        let parsed;
        let finds = match located {
            Ok(located) => Finds::Located {
                reads,
                located: located.as_ref(),
            },
            Err(_) => {
                parsed = Parsed::new(reads, body);
                Finds::Parsed(&parsed)
            }
        };
        let seen = answer.seen(body, finds);
        let context = Context {
            response: Some(&seen),
            ..self.asking().context()
        };
        rules::action(rules, &context, answer.status)
    }

    /// Whether `answer` was left to the rules, fits none, and may be another one the next time.
    fn is_passing(&self, answer: &Answer) -> bool {
        let judged = rules::judged(&self.shared.config.plan.rules);
        in_ranges(&judged, answer.status)
            && rules::is_passing(answer.status)
            && !retry::is_spent(&self.shared, answer)
    }

    /// The page without records that the end of a slice is, if a rule declares it.
    fn ended(&self, answer: &Answer, signal: EndSignal) -> Step {
        let info = PageInfo {
            seq: self.seq,
            next: None,
            evidence: Evidence {
                end: Some(signal),
                ..Evidence::default()
            },
            request: answer.record(),
        };
        Step::Page(Box::new(bare(info)))
    }

    /// Why what a rule does with `answer` cannot go on.
    fn refused(&self, action: RuleAction, answer: &Answer) -> Error {
        let error = status::refused(answer.status, &answer.body, &self.shared.config.redactor);
        match action {
            RuleAction::End => error.with(
                "hint",
                "a rule calls this the end, but no page came before it; if a slice may have no \
                 records, let the rule `ignore` it",
            ),
            RuleAction::SkipSlice => error.with(
                "hint",
                "a rule skips the slice, but pages with its records came before; if they are all, \
                 let the rule `end` it",
            ),
            _ => error.with("rule", "fail"),
        }
    }

    /// What its requests are made from.
    fn asking(&self) -> Asking<'_> {
        let config = &self.shared.config;
        Asking {
            plan: &config.plan,
            params: &self.params,
            window: self.window,
            now: config.clock.now(),
        }
    }

    /// An answer that a rule takes for a page without records.
    async fn ignored(&mut self, turn: Turn<'_>) -> Result<Page> {
        let parsed = Parsed::new(&self.shared.reads, &turn.body);
        self.turn(&turn, Finds::Parsed(&parsed)).await.map(bare)
    }

    /// Turns an answer into a page.
    async fn page(&mut self, turn: Turn<'_>, located: Option<Located>) -> Result<Page> {
        let shared = self.shared.clone();
        let finds = Finds::Located {
            reads: &shared.reads,
            located: located.as_ref(),
        };
        let mut info = self.turn(&turn, finds).await?;
        let Turn { answer, body, .. } = turn;
        let repeated = info.evidence.short == Some(ShortReason::RepeatedPage);
        let is_opaque = located.is_none() && !body.is_empty();
        let rows = match located {
            Some(located) if !repeated => self.decode(body, located, &mut info).await?,
            _ => Rows::default(),
        };
        let (batches, rejects) = match shared.config.form {
            PageForm::Rows => rows,
            PageForm::Body if repeated => Rows::default(),
            PageForm::Body => {
                info.evidence.records += u64::from(is_opaque);
                let row = form::body_row(&answer.body, answer.content_type(), &self.stamp(&info))?;
                (vec![row], Vec::new())
            }
        };
        Ok(Page {
            info,
            batches,
            rejects,
        })
    }

    /// Decides what follows a page in which `finds` were found, and sends the next request.
    async fn turn(&mut self, turn: &Turn<'_>, finds: Finds<'_>) -> Result<PageInfo> {
        let shared = self.shared.clone();
        let seen = turn.answer.seen(&turn.body, finds);
        let next = turn.resolved(shared.follow(turn.position, &seen)?);
        let mut info = PageInfo {
            seq: self.seq,
            next: None,
            evidence: self.evidence(&seen),
            request: turn.answer.record(),
        };
        let located = seen.located();
        let next = shared.consult(next, &mut info, &turn.body, located).await?;
        self.conclude(next, &mut info)?;
        if let (Some(position), None) = (&info.next, &info.evidence.short) {
            self.flight = Some(self.send(position.clone(), turn.url));
        }
        // From here on it is kept and shown.
        let redactor = &shared.config.redactor;
        info.next = info.next.map(|position| redactor.seal(&position));
        Ok(info)
    }

    /// Sends the request at `position`. A request that cannot be built is an answer that failed:
    /// the page before it must not suffer.
    fn send(&self, position: Position, last: Option<&Url>) -> Flight {
        let (request, answer) = match self.request(&position, last) {
            Ok(request) => {
                let again = request.try_clone();
                (again, self.shared.clone().exchange(request).boxed())
            }
            Err(error) => (None, ready(Err(error)).boxed()),
        };
        Flight {
            position,
            request,
            answer: maybe_done(answer),
        }
    }

    fn request(&self, position: &Position, last: Option<&Url>) -> Result<Request> {
        let shared = &self.shared;
        let addition = match position {
            Position::Custom(json) if shared.has_own_positions() => {
                paginate::custom::addition(json)?
            }
            position => shared.paginator.request(position)?,
        };
        self.asking().request(&addition, last)
    }

    fn evidence(&mut self, seen: &Observation<'_>) -> Evidence {
        let total = self.shared.config.plan.total.as_ref();
        let total = total.and_then(|selector| paginate::scalar(seen.value(selector)));
        let hash = seen.located().filter(|_| !seen.is_empty());
        let repeats = hash.is_some_and(|located| self.guard.repeats_content(located.content_hash));
        Evidence {
            records: 0,
            total: total.and_then(|total| total.parse().ok()),
            asked: self.shared.asked(),
            end: None,
            short: repeats.then_some(ShortReason::RepeatedPage),
        }
    }

    /// Writes down where the next request starts, and what forbids it.
    fn conclude(&mut self, next: Next, info: &mut PageInfo) -> Result<()> {
        info.next = None;
        match next {
            Next::Done(signal) => info.evidence.end = Some(signal),
            Next::Unreadable(selector) => {
                return Err(Error::new(
                    ErrorKind::Protocol,
                    "read page",
                    format!("what stands at `{selector}` is no link, no token and not null"),
                ));
            }
            Next::More(position) => {
                if position.size() > Position::MAX_BYTES {
                    return Err(Error::new(
                        ErrorKind::Limit,
                        "read page",
                        format!("the next position has {} bytes", position.size()),
                    ));
                }
                let reason = if self.guard.repeats_position(&position) {
                    Some(ShortReason::RepeatedPosition)
                } else {
                    self.shared.spent()
                };
                info.evidence.short = info.evidence.short.take().or(reason);
                info.next = Some(position);
            }
        }
        Ok(())
    }

    fn stamp(&self, info: &PageInfo) -> Stamp {
        Stamp {
            run_id: self.shared.config.run_id,
            request_id: info.request.request_id,
            extracted_at: info.request.received_at,
        }
    }

    /// Turns the located records into rows and counts them, while the next request is on its way.
    async fn decode(&mut self, body: Bytes, located: Located, info: &mut PageInfo) -> Result<Rows> {
        let stamp = self.stamp(info);
        let is_ahead = self.shared.ahead && body.len() <= LARGE;
        let decoder = self.shared.decoder.clone();
        let work = compute(&*self.shared.config.compute, move || {
            let mut decoder = decoder.lock().unwrap_or_else(PoisonError::into_inner);
            decoder.decode(&body, &located, &stamp)
        });
        let decoded = match &mut self.flight {
            Some(flight) if is_ahead => beside(work, &mut flight.answer).await?,
            _ => work.await?,
        };
        let Decoded {
            batches,
            rejects,
            records,
            ..
        } = decoded?;
        info.evidence.records = records;
        Ok((batches, rejects))
    }
}

type Rows = (Vec<Batch>, Vec<Reject>);

/// What an answer comes to.
enum Step {
    Page(Box<Page>),
    /// The same request is to be sent again.
    Again,
    /// A rule says so.
    Refused(Error),
}

/// An answer, and the request it answers.
struct Turn<'a> {
    position: &'a Position,
    url: Option<&'a Url>,
    answer: &'a Answer,
    body: Bytes,
}

impl Turn<'_> {
    /// `next` with an absolute link: it is kept, and may be followed by another run. A link that
    /// leads nowhere stays as it is, and fails when it is followed.
    fn resolved(&self, next: Next) -> Next {
        let absolute = match (&next, self.url) {
            (Next::More(Position::Url(link)), Some(url)) => request::absolute(url, link).ok(),
            _ => None,
        };
        absolute.map_or(next, |url| Next::More(Position::Url(url.into())))
    }
}

/// A page without rows.
fn bare(info: PageInfo) -> Page {
    Page {
        info,
        batches: Vec::new(),
        rejects: Vec::new(),
    }
}
